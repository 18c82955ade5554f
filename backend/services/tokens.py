"""API tokens: how they are written."""

import string
import zlib

from backend.services.sessions import Token

PREFIX = "rc_"

_DIGITS = string.digits + string.ascii_letters
_CHECKSUM_DIGITS = 6


def written(token: Token) -> str:
    """As whoever made it gets it: prefix, organization, a dot, 256 bits of secret, checksum.

    By prefix and checksum a scanner knows one that was published by mistake.
    """
    text = f"{PREFIX}{token}"
    return text + _checksum(text)


def parse(text: str) -> Token | None:
    """None: it was never a token."""
    body, checksum = text[:-_CHECKSUM_DIGITS], text[-_CHECKSUM_DIGITS:]
    if not body.startswith(PREFIX) or _checksum(body) != checksum:
        return None
    organization_id, secret = Token.parse(body.removeprefix(PREFIX))[:2]
    return Token(organization_id, secret, is_api_token=True)


def _checksum(text: str) -> str:
    """CRC-32 in base 62."""
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECKSUM_DIGITS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
