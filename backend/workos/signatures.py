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


class Proof:
    """Of a body that is read bit by bit.

    Args:
        header: of the signature.
        secret: shared with WorkOS.
        now_ms: by our clock.

    Raises:
        InvalidSignature: whatever the body is; also when the secret is empty, for a time in
            seconds, and for one that is not within the last minutes.
    """

    def __init__(self, header: bytes, secret: str, now_ms: int) -> None:
        if not secret:
            raise InvalidSignature(SignatureFault.UNCONFIGURED)
        match = _HEADER.fullmatch(header.strip())
        if match is None:
            raise InvalidSignature(SignatureFault.MALFORMED if header else SignatureFault.MISSING)
        if abs(now_ms - int(match[1])) > TOLERANCE_MS:
            raise InvalidSignature(SignatureFault.STALE)
        self.at_ms = int(match[1])
        self._claimed = match[2]
        self._made = hmac.new(secret.encode(), b"%d." % self.at_ms, hashlib.sha256)

    def update(self, part: bytes) -> None:
        self._made.update(part)

    def check(self) -> None:
        """Raises InvalidSignature."""
        if not hmac.compare_digest(self._made.hexdigest().encode(), self._claimed):
            raise InvalidSignature(SignatureFault.WRONG)


def verify(header: bytes, body: bytes, secret: str, now_ms: int) -> None:
    """Prove that WorkOS sent this body within the last minutes.

    Raises:
        InvalidSignature: as for `Proof`, or the body is another.
    """
    proof = Proof(header, secret, now_ms)
    proof.update(body)
    proof.check()
