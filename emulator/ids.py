"""Identifiers as WorkOS and Okta make them."""

import secrets

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_BITS = 80
ULID_LENGTH = 26
OKTA_RANDOM_LENGTH = 17


class Ulids:
    """Prefixed ULIDs, each greater than the one before, so that ids sort by creation."""

    def __init__(self) -> None:
        self._last = 0

    def new(self, prefix: str, ms: int) -> str:
        self._last = max(self._last + 1, ms << RANDOM_BITS | secrets.randbits(RANDOM_BITS))
        return f"{prefix}_{encode_ulid(self._last)}"


def encode_ulid(value: int) -> str:
    digits = []
    for _ in range(ULID_LENGTH):
        value, digit = divmod(value, 32)
        digits.append(CROCKFORD[digit])
    return "".join(reversed(digits))


def okta_id(prefix: str) -> str:
    """An Okta id: `00u…` for a person, `00g…` for a group."""
    return prefix + "".join(secrets.choice(BASE62) for _ in range(OKTA_RANDOM_LENGTH))
