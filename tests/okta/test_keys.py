"""Okta's keys: read when they are needed, seldom, and from nowhere within our own network."""

import asyncio
import json
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from backend.errors import LogoutKeysUnavailable, LogoutRefused
from backend.okta.keys import KeySets, is_inner
from tests.okta.answering import Answer, Answering

URL = "https://acme.okta.example/oauth2/v1/keys"
RSA_KEY = rsa.generate_private_key(65537, 2048).public_key()
EC_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()


def key(key_id: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY))
    return made | {"kid": key_id, "use": "sig", "alg": "RS256"} | more


def key_set(*keys: object) -> httpx2.Response:
    return httpx2.Response(200, json={"keys": keys})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sets(answer: Answer, clock: Clock, *, inner: bool = True) -> tuple[KeySets, Answering]:
    transport = Answering(answer)
    return KeySets(inner=inner, transport=transport, clock=clock), transport


async def test_an_unknown_id_is_asked_for_once_a_minute(clock: Clock) -> None:
    keys, okta = sets(key_set(key("first")), clock)
    found = await asyncio.gather(*(keys.find(URL, "first") for _ in range(20)))
    assert {one.key_id for one in found} == {"first"}
    assert len(okta.asked) == 1
    for _ in range(20):
        with pytest.raises(LogoutRefused):
            await keys.find(URL, "second")
    assert len(okta.asked) == 1  # it was read within the minute
    clock.now += 61
    okta.answer = key_set(key("first"), key("second"))
    assert (await keys.find(URL, "second")).key_id == "second"
    assert (await keys.find(URL, "first")).key_id == "first"
    assert len(okta.asked) == 2
    await keys.close()


async def test_a_key_that_was_withdrawn_lasts_an_hour(clock: Clock) -> None:
    keys, okta = sets(key_set(key("first")), clock)
    await keys.find(URL, "first")
    okta.answer = key_set(key("second"))
    clock.now += 3000
    await keys.find(URL, "first")
    clock.now += 700
    with pytest.raises(LogoutRefused):
        await keys.find(URL, "first")
    okta.answer = httpx2.ConnectError("away")
    clock.now += 3700
    for _ in range(3):
        with pytest.raises(LogoutKeysUnavailable):
            await keys.find(URL, "second")
    assert len(okta.asked) == 3
    await keys.close()


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.ConnectError("away"),
        httpx2.ReadTimeout("slow"),
        httpx2.Response(302, headers={"Location": "http://169.254.169.254/keys"}),
        httpx2.Response(500),
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(200, content=b"[" * 50_000),
        httpx2.Response(200, content=b"\xff\xfe"),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={"keys": {}}),
        httpx2.Response(200, content=b" " * 70_000 + b'{"keys": []}'),
    ],
)
async def test_an_answer_of_no_use(clock: Clock, answer: Answer) -> None:
    """It is not followed anywhere, and not asked for again within the minute."""
    keys, okta = sets(answer, clock)
    for _ in range(2):
        with pytest.raises(LogoutKeysUnavailable):
            await keys.find(URL, "first")
    assert okta.asked == [URL]
    await keys.close()


async def test_who_waits_too_long_is_not_waited_for(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.okta.keys._DEADLINE_SECONDS", 0.05)

    class Slow(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, _request: httpx2.Request) -> httpx2.Response:
            await asyncio.sleep(30)
            raise AssertionError

    keys = KeySets(inner=True, transport=Slow(), clock=clock)
    with pytest.raises(LogoutKeysUnavailable):
        await asyncio.wait_for(keys.find(URL, "first"), 5)
    await keys.close()


async def test_keys_that_sign_nothing_of_the_kind(clock: Clock) -> None:
    elliptic = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY))
    listed = [
        elliptic | {"kid": "ec"},
        key("encrypts", use="enc"),
        key("weak", alg="RS512"),
        key("no number", n="!"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kid": "nothing"},
        "no key",
        key("first"),
    ]
    keys, _ = sets(key_set(*listed), clock)
    await keys.find(URL, "first")
    for key_id in ("ec", "encrypts", "weak", "no number", "shared", "nothing"):
        with pytest.raises(LogoutRefused):
            await keys.find(URL, key_id)
    await keys.close()


INNER = [
    "https://localhost/keys",
    "https://api.localhost/keys",
    "https://127.0.0.1/keys",
    "https://[::1]/keys",
    "https://10.0.0.7/keys",
    "https://169.254.169.254/keys",
    "https://[::ffff:10.0.0.7]/keys",
    "https://database/keys",
    "https://localhost./keys",
    "http://acme.okta.example/keys",
]


@pytest.mark.parametrize("url", INNER)
async def test_our_own_network_is_never_asked(clock: Clock, url: str) -> None:
    assert is_inner(url)
    keys, okta = sets(key_set(key("first")), clock, inner=False)
    with pytest.raises(LogoutKeysUnavailable):
        await keys.find(url, "first")
    assert okta.asked == []
    await keys.close()


@pytest.mark.parametrize(
    ("addresses", "asked"),
    [
        (["93.184.215.14"], True),
        (["10.0.0.7"], False),
        (["93.184.215.14", "127.0.0.1"], False),
        (["2606:2800:21f:cb07:6820:80da:af6b:8b2c"], True),
        (["fd00::1"], False),
    ],
)
async def test_a_name_that_leads_into_it_is_not_followed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, addresses: list[str], *, asked: bool
) -> None:
    async def resolve(host: str, port: int, **_more: Any) -> list[Any]:
        assert (host, port) == ("acme.okta.example", 443)
        return [(2, 1, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    keys, okta = sets(key_set(key("first")), clock, inner=False)
    if asked:
        assert (await keys.find(URL, "first")).key_id == "first"
    else:
        with pytest.raises(LogoutKeysUnavailable):
            await keys.find(URL, "first")
    assert bool(okta.asked) is asked
    await keys.close()
