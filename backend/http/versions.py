"""Versions in headers: `ETag` of an answer, `If-Match` of a change."""

import re
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Header, Response

from backend.errors import InvalidInput
from backend.services.versions import Versions

# A proxy that compresses makes a tag weak; it names the same version.
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_TAGS = re.compile(rf"\s*{_TAG.pattern}(?:\s*,\s*{_TAG.pattern})*\s*")
_VERSION = re.compile(r"[0-9]{1,18}")

ETAG: dict[str, Any] = {
    "headers": {
        "ETag": {
            "description": "The version, for `If-Match`.",
            "schema": {"type": "string"},
            "example": '"3"',
        }
    }
}


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=_Versioned)


def tagged(response: Response, answer: V) -> V:
    """The answer, with its version in the header."""
    response.headers["ETag"] = f'"{answer.version}"'
    return answer


async def if_match(
    given: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The `ETag` as it was read: where it is another by now, 409, and nothing "
            "is changed.",
        ),
    ] = None,
) -> Versions | None:
    """The versions that a change may be of; None where any will do.

    Raises InvalidInput.
    """
    if given is None or given.strip() == "*":
        return None
    if not _TAGS.fullmatch(given):
        raise InvalidInput("If-Match", 'is no ETag; send that of an answer, with its quotes: "3"')
    tags = _TAG.findall(given)
    return frozenset(int(tag) for tag in tags if _VERSION.fullmatch(tag))


IfMatch = Annotated[Versions | None, Depends(if_match)]
