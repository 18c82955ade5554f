"""Invariant 6: only what WorkOS signed within the last minutes is let in."""

import pytest

from backend.errors import InvalidSignature
from backend.workos.signatures import TOLERANCE_MS, sign, verify

SECRET = "whsec_of_a_test"
BODY = b'{"id": "event_1"}'
NOW_MS = 1_800_000_000_000


def header(*, at_ms: int = NOW_MS, space: str = " ", body: bytes = BODY) -> bytes:
    return f"t={at_ms},{space}v1={sign(body, SECRET, at_ms)}".encode()


def test_known_answer() -> None:
    # printf '1800000000000.{"id": "event_1"}' | openssl dgst -sha256 -hmac whsec_of_a_test
    assert sign(BODY, SECRET, NOW_MS) == (
        "8dd660f1832d3e886488c557488c005759f5e1215c559f5ba3bb9f1e62c2d5e7"
    )


@pytest.mark.parametrize("space", ["", " ", "  "])
def test_with_and_without_the_space(space: str) -> None:
    verify(header(space=space), BODY, SECRET, NOW_MS)


@pytest.mark.parametrize("off", [-TOLERANCE_MS, 0, TOLERANCE_MS])
def test_within_the_window(off: int) -> None:
    verify(header(at_ms=NOW_MS + off), BODY, SECRET, NOW_MS)


@pytest.mark.parametrize(
    "at_ms",
    [NOW_MS - TOLERANCE_MS - 1, NOW_MS + TOLERANCE_MS + 1, NOW_MS // 1000, 0],
    ids=["stale", "future", "seconds", "epoch"],
)
def test_outside_the_window(at_ms: int) -> None:
    with pytest.raises(InvalidSignature):
        verify(header(at_ms=at_ms), BODY, SECRET, NOW_MS)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"t=,v1=",
        header().replace(b"v1=", b"v2="),
        header().replace(b"t=", b"t=+"),
        header()[:-1],
        header()[:-1] + "é".encode(),
        header()[:-1] + b"\xff",
        header() + b"0",
        header() + b", v1=" + b"0" * 64,
        header().upper(),
        b"t=" + "\N{ARABIC-INDIC DIGIT ONE}".encode() * 13 + b", v1=" + b"0" * 64,
        header(body=BODY + b" "),
    ],
)
def test_malformed_or_of_another_body(value: bytes) -> None:
    with pytest.raises(InvalidSignature):
        verify(value, BODY, SECRET, NOW_MS)


def test_without_a_secret_nothing_is_let_in() -> None:
    unkeyed = f"t={NOW_MS}, v1={sign(BODY, '', NOW_MS)}".encode()
    with pytest.raises(InvalidSignature):
        verify(unkeyed, BODY, "", NOW_MS)
