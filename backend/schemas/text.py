"""Text that people type."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _storable(value: str) -> str:
    # PostgreSQL keeps every character but NUL.
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


PlainText = Annotated[str, AfterValidator(_storable)]
Title = Annotated[PlainText, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Content = Annotated[
    PlainText, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)
]
SearchText = Annotated[PlainText, StringConstraints(strip_whitespace=True, max_length=200)]
