"""The keys by which a customer's Okta signs: read from the address that its admin entered."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt

from backend.errors import LogoutFault, LogoutKeysUnavailable, LogoutRefused
from backend.loopback import is_loopback

_log = logging.getLogger(__name__)

ALGORITHM = "RS256"

_LASTS_SECONDS = 3600
_AGAIN_SECONDS = 60  # after any try, so that nobody makes us ask by making keys up
_DEADLINE_SECONDS = 5
_LARGEST = 64 * 1024
_MOST_KEYS = 50
_MOST_ADDRESSES = 1000


def is_inner(url: str) -> bool:
    """Whether an address is of our own network by what it says itself."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" or is_loopback(host):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host


class _Keys:
    """Of one address, as they were read last."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.by_id: dict[str, jwt.PyJWK] | None = None
        self.read_at = self.tried_at = float("-inf")


class KeySets:
    """The key sets of all addresses, each read when it is needed, and at most once a minute.

    Args:
        inner: whether addresses of our own network may be read, as on a developer's machine.
        transport: another way to reach them, for tests.
        clock: in seconds, from anywhere.
    """

    def __init__(
        self,
        *,
        inner: bool,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._known: dict[str, _Keys] = {}
        self._http = httpx2.AsyncClient(
            timeout=_DEADLINE_SECONDS, transport=transport, follow_redirects=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def find(self, url: str, key_id: str) -> jwt.PyJWK:
        """The key of this id.

        Raises:
            LogoutRefused: there is none.
            LogoutKeysUnavailable: there is no usable answer.
        """
        keys = self._of(url)
        async with keys.lock:
            now = self._clock()
            is_old = now - keys.read_at > _LASTS_SECONDS
            unknown = keys.by_id is None or key_id not in keys.by_id
            if (is_old or unknown) and now - keys.tried_at > _AGAIN_SECONDS:
                keys.tried_at = now
                keys.by_id = await self._read(url)
                keys.read_at = now
        if keys.by_id is None or now - keys.read_at > _LASTS_SECONDS:
            raise LogoutKeysUnavailable
        if key_id not in keys.by_id:
            raise LogoutRefused(LogoutFault.UNKNOWN_KEY)
        return keys.by_id[key_id]

    def _of(self, url: str) -> _Keys:
        keys = self._known.pop(url, None) or _Keys()
        if len(self._known) >= _MOST_ADDRESSES:
            del self._known[next(iter(self._known))]  # the one that was not asked for the longest
        self._known[url] = keys
        return keys

    async def _read(self, url: str) -> dict[str, jwt.PyJWK]:
        """Raises LogoutKeysUnavailable."""
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                await self._refuse_inner(url)
                return _usable(json.loads(await self._fetch(url)))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as error:
            _log.warning("keys of Okta cannot be read from %s: %s", url, repr(error))
            raise LogoutKeysUnavailable from error

    async def _refuse_inner(self, url: str) -> None:
        """Raises OSError, ValueError: it leads into our own network, or nowhere."""
        if self._inner:
            return
        if is_inner(url):
            raise ValueError("it is of our own network")
        parts = urlsplit(url)
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, parts.port or 443, type=socket.SOCK_STREAM
        )
        if not all(ip_address(at[0]).is_global for *_, at in found):
            raise ValueError("it leads into our own network")

    async def _fetch(self, url: str) -> bytes:
        body = b""
        async with self._http.stream("GET", url, headers={"Accept": "application/json"}) as answer:
            if answer.status_code != httpx2.codes.OK:  # whereto it leads was entered by nobody
                raise ValueError(f"the answer has status {answer.status_code}")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _LARGEST:
                    raise ValueError("the answer is too large")
        return body


def _usable(answer: object) -> dict[str, jwt.PyJWK]:
    """Those that verify what Okta signs, by their ids.

    Raises:
        ValueError: it is no key set.
    """
    listed = answer.get("keys") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise ValueError("the answer is no key set")  # noqa: TRY004 (of a value from outside)
    keys: dict[str, jwt.PyJWK] = {}
    for each in listed[:_MOST_KEYS]:
        if isinstance(each, dict) and (key := _key(each)) is not None and key.key_id:
            keys[key.key_id] = key
    return keys


def _key(data: dict[str, Any]) -> jwt.PyJWK | None:
    if (
        data.get("kty") != "RSA"
        or data.get("use", "sig") != "sig"
        or data.get("alg", ALGORITHM) != ALGORITHM
        or not isinstance(data.get("kid"), str)
    ):
        return None
    try:
        return jwt.PyJWK(data, ALGORITHM)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
