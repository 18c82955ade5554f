"""Text that people type, or that WorkOS sends."""

import json
import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

# PostgreSQL keeps every character but these: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(value: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


# By which JSON may have such a character in it; most has none, and need not be gone through.
_SUSPECT = re.compile(rb"\0|\xed[\xa0-\xbf]|\\u(?:0000|[dD][89a-fA-F])")


def load_storable(body: bytes) -> object:
    """The JSON of a body with every text in it storable.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    value = json.loads(body)
    return storable_json(value) if _SUSPECT.search(body) else value


def storable_json(value: object) -> object:
    """The same JSON with every text in it storable, keys too."""
    match value:
        case str():
            return storable(value)
        case list():
            return [storable_json(item) for item in value]
        case dict():
            return {storable_json(key): storable_json(item) for key, item in value.items()}
        case _:
            return value


_Storable = AfterValidator(storable)

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _Storable
]
Content = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000), _Storable
]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _Storable
]
SearchText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), _Storable]

# As long as a directory's, and as exact: a blank at its end tells it from another.
GroupName = Annotated[str, StringConstraints(max_length=500), _Storable]

PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _Storable
]
# No more is asked of it than that mail can be sent there.
Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^\s@]+@[^\s@]+$"),
    _Storable,
]
# Of WorkOS's: an id, and what names a role there.
WorkosId = Annotated[str, StringConstraints(min_length=1, max_length=255), _Storable]
Slug = WorkosId
