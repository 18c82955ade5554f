"""WorkOS's webhook signature: HMAC-SHA256 over "{t}.{raw body}", t in milliseconds."""

import hashlib
import hmac
import re

from backend.errors import InvalidSignature, SignatureFault

TOLERANCE_MS = 180_000

_HEADER = re.compile(rb"t=(\d{1,15}),\s*v1=([0-9a-f]{64})")


def sign(body: bytes, secret: str, at_ms: int) -> str:
    """The hex signature of a body."""
    return hmac.new(secret.encode(), b"%d.%b" % (at_ms, body), hashlib.sha256).hexdigest()


def verify(header: bytes, body: bytes, secret: str, now_ms: int) -> None:
    """Prove that WorkOS sent this body within the last minutes.

    Raises:
        InvalidSignature: also when the secret is empty, and for a time in seconds.
    """
    if not secret:
        raise InvalidSignature(SignatureFault.UNCONFIGURED)
    match = _HEADER.fullmatch(header.strip())
    if match is None:
        raise InvalidSignature(SignatureFault.MALFORMED if header else SignatureFault.MISSING)
    at_ms = int(match[1])
    expected = sign(body, secret, at_ms).encode()
    if not hmac.compare_digest(expected, match[2]):
        raise InvalidSignature(SignatureFault.WRONG)
    if abs(now_ms - at_ms) > TOLERANCE_MS:
        raise InvalidSignature(SignatureFault.STALE)
