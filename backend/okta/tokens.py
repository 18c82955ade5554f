"""The JWT of a Universal Logout: whether a customer's Okta signed it, now and for us."""

from datetime import timedelta
from typing import NamedTuple

import jwt

from backend.errors import LogoutFault, LogoutRefused
from backend.okta.keys import ALGORITHM, KeySets

_TYPE = "global-token-revocation+jwt"
_LEEWAY = timedelta(seconds=60)  # two clocks that are kept right differ by less
_REQUIRED = ["iss", "aud", "exp", "nbf", "iat"]
_LONGEST_KEY_ID = 255

# In this order: an expired signature is an error of a kind that comes after it.
_FAULTS: dict[type[jwt.PyJWTError], LogoutFault] = {
    jwt.ExpiredSignatureError: LogoutFault.EXPIRED,
    jwt.ImmatureSignatureError: LogoutFault.TOO_EARLY,
    jwt.InvalidIssuerError: LogoutFault.ISSUER,
    jwt.InvalidAudienceError: LogoutFault.AUDIENCE,
    jwt.MissingRequiredClaimError: LogoutFault.CLAIMS,
    jwt.InvalidSignatureError: LogoutFault.SIGNATURE,
}


class Expected(NamedTuple):
    """Who must have signed it, where their keys are, and for whom."""

    issuer: str
    jwks_url: str
    audience: str


async def verify(token: str, expected: Expected, keys: KeySets) -> None:
    """Nothing but its header is looked at before its signature was verified.

    Raises:
        LogoutRefused: it proves nothing.
        LogoutKeysUnavailable: it cannot be known.
    """
    key = await keys.find(expected.jwks_url, _key_id(token))
    try:
        jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=expected.issuer,
            audience=expected.audience,
            leeway=_LEEWAY,
            options={
                "require": _REQUIRED,
                "strict_aud": True,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.PyJWTError as error:
        faults = [fault for kind, fault in _FAULTS.items() if isinstance(error, kind)]
        raise LogoutRefused(faults[0] if faults else LogoutFault.MALFORMED) from error


def _key_id(token: str) -> str:
    """Of a header that says what Okta's says."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise LogoutRefused(LogoutFault.MALFORMED) from error
    if header.get("alg") != ALGORITHM:
        raise LogoutRefused(LogoutFault.ALGORITHM)
    kind = header.get("typ")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != _TYPE:
        raise LogoutRefused(LogoutFault.TYPE)
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= _LONGEST_KEY_ID:
        raise LogoutRefused(LogoutFault.UNKNOWN_KEY)
    return key_id
