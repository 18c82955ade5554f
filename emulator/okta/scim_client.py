"""Okta's SCIM client: HTTP with a bearer token, each exchange kept for the page that shows them."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from emulator.okta.records import Records
from emulator.store import Row

Json = dict[str, Any]
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MEDIA_TYPE = "application/scim+json"
KEPT_EXCHANGES = 500
KEPT_TEXT = 20_000
MS = 1000
NOT_FOUND = 404


class PushFailedError(Exception):
    """The other side refused or did not answer; the text is what Okta shows beside the person."""

    def __init__(self, status: int | None, detail: str) -> None:
        super().__init__(f"{status}: {detail}" if status is not None else detail)
        self.status = status


class ScimClient:
    """The SCIM endpoints of one company's directory."""

    def __init__(self, http: httpx.AsyncClient, records: Records, company: Row) -> None:
        self._http = http
        self._records = records
        self._company = company

    async def get(self, path: str) -> Json:
        return await self._call("GET", path)

    async def find(self, resource: str, attribute: str, value: str) -> Json | None:
        """The one resource whose attribute has this value."""
        quoted = json.dumps(value, ensure_ascii=False)
        query = {"filter": f"{attribute} eq {quoted}", "startIndex": 1, "count": 100}
        found = await self._call("GET", f"/{resource}?{urlencode(query)}")
        listed: list[Json] = found.get("Resources") or []
        return listed[0] if listed else None

    async def post(self, path: str, body: Json) -> Json:
        return await self._call("POST", path, body)

    async def put(self, path: str, body: Json) -> Json:
        return await self._call("PUT", path, body)

    async def patch(self, path: str, operations: list[Json]) -> Json:
        return await self._call("PATCH", path, {"schemas": [PATCH_OP], "Operations": operations})

    async def delete(self, path: str) -> None:
        """Gone already is as good."""
        try:
            await self._call("DELETE", path)
        except PushFailedError as failed:
            if failed.status != NOT_FOUND:
                raise

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Raises PushFailedError for anything but 2xx."""
        if not self._company["scim_path"]:
            raise PushFailedError(None, "No SCIM endpoint is entered: see Okta's settings.")
        headers = {
            "Authorization": f"Bearer {self._company['scim_token']}",
            "Accept": MEDIA_TYPE,
            "User-Agent": "Okta SCIM Client 1.0.0",
        }
        content = None
        if body is not None:
            headers["Content-Type"] = f"{MEDIA_TYPE}; charset=utf-8"
            content = json.dumps(body, ensure_ascii=False)
        at, started = self._records.clock.now_ms(), time.perf_counter()
        status, text = None, ""
        try:
            response = await self._http.request(
                method,
                self._company["scim_path"] + path,
                content=content.encode() if content is not None else None,
                headers=headers,
            )
            status, text = response.status_code, response.text
        except httpx.HTTPError as error:
            text = str(error) or type(error).__name__
        self._keep(at, method, path, content or "", status, text, time.perf_counter() - started)
        if status is None or not httpx.codes.is_success(status):
            raise PushFailedError(status, _detail(text))
        answer: Json = json.loads(text) if text else {}
        return answer

    def _keep(
        self,
        at: int,
        method: str,
        path: str,
        request: str,
        status: int | None,
        response: str,
        seconds: float,
    ) -> None:
        store = self._records.store
        with store.transaction():
            store.run(
                "insert into exchanges (company_id, at, method, path, request, status, response,"
                " ms) values (?, ?, ?, ?, ?, ?, ?, ?)",
                self._company["id"],
                at,
                method,
                path,
                request[:KEPT_TEXT],
                status,
                response[:KEPT_TEXT],
                round(seconds * MS),
            )
            store.run(
                "delete from exchanges where id <= (select max(id) from exchanges) - ?",
                KEPT_EXCHANGES,
            )


def _detail(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return text
    return str(body.get("detail", text)) if isinstance(body, dict) else text
