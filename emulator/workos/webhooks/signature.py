"""The WorkOS-Signature header: `t=<epoch ms>, v1=<hex HMAC-SHA256 of "{t}.{raw body}">`."""

import hashlib
import hmac

HEADER = "WorkOS-Signature"


def sign(secret: str, body: bytes, at_ms: int) -> str:
    signed = b"%d.%b" % (at_ms, body)
    return f"t={at_ms}, v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def corrupted(header: str) -> str:
    """The same header with a signature that is wrong in its last digit."""
    return header[:-1] + ("0" if header[-1] != "0" else "1")
