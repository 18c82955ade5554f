"""What Okta sends when something changes: exactly its requests, in its order."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from emulator.okta.records import Profile, Records, Status
from emulator.okta.scim_client import PushFailedError, ScimClient
from emulator.store import Row

Json = dict[str, Any]
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
MEMBERS_AT_ONCE = 100
NOT_FOUND = 404
MAPPED = ("meta", "schemas", "title", ENTERPRISE)


@dataclass
class Okta:
    """The records, the way to the application's directory, and where Okta itself is found."""

    records: Records
    http: httpx.AsyncClient
    base_url: str
    application: httpx.AsyncBaseTransport | None = None
    """The way to the application itself; None is HTTP."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def create_person(self, company_id: str, profile: Profile) -> Row:
        person = self.records.add_person(company_id, profile)
        await self.push_person(person["id"])
        return self.records.person(person["id"])

    async def change_person(self, person_id: str, profile: Profile) -> None:
        self.records.change_person(person_id, profile)
        await self.push_person(person_id)

    async def set_status(self, person_id: str, status: Status) -> None:
        """Deactivating and reactivating are pushed; suspending is not."""
        before = Status(self.records.person(person_id)["status"])
        self.records.set_status(person_id, status)
        if Status.DEACTIVATED in {before, status} and before is not status:
            await self.push_person(person_id)

    async def set_assigned(self, person_id: str, assigned: bool) -> None:
        self.records.set_assigned(person_id, assigned)
        await self.push_person(person_id)

    async def delete_person(self, person_id: str) -> bool:
        """Okta deletes only who is deactivated, and never tells the application.

        False when they are deactivated now and the application could not be told: they stay.
        """
        if self.records.person(person_id)["status"] != Status.DEACTIVATED:
            await self.set_status(person_id, Status.DEACTIVATED)
            if self.records.person(person_id)["problem"]:
                return False
        self.records.remove_person(person_id)
        return True

    async def create_group(self, company_id: str, name: str) -> Row:
        group = self.records.add_group(company_id, name)
        await self.push_group(group["id"])
        return self.records.group(group["id"])

    async def rename_group(self, group_id: str, name: str) -> None:
        self.records.rename_group(group_id, name)
        await self.push_group(group_id)

    async def delete_group(self, group_id: str) -> bool:
        """Unlink the pushed group and delete it there as well; if that fails, False: it stays."""
        group = self.records.group(group_id)
        try:
            async with self._client(group["company_id"]) as client:
                if group["scim_id"] is not None:
                    await client.delete(f"/Groups/{group['scim_id']}")
        except PushFailedError as failed:
            self.records.link_group(group_id, group["scim_id"], str(failed))
            return False
        self.records.remove_group(group_id)
        return True

    async def add_member(self, group_id: str, person_id: str) -> None:
        self.records.add_member(group_id, person_id)
        await self._push_members(group_id, [person_id], [])

    async def remove_member(self, group_id: str, person_id: str) -> None:
        self.records.remove_member(group_id, person_id)
        await self._push_members(group_id, [], [person_id])

    async def push_person(self, person_id: str) -> None:
        """Bring the application to what Okta knows; a failure is shown beside the person."""
        person = self.records.person(person_id)
        wanted = person["assigned"] and person["status"] != Status.DEACTIVATED
        try:
            async with self._client(person["company_id"]) as client:
                if wanted:
                    scim_id = await self._provision(client, person)
                elif person["scim_id"] is not None:
                    scim_id = person["scim_id"]
                    await self._set_active(client, person, active=False)
                else:
                    return
        except PushFailedError as failed:
            gone = failed.status == NOT_FOUND and person["scim_id"] is not None
            self.records.link_person(person_id, None if gone else person["scim_id"], str(failed))
            if gone and wanted:
                await self.push_person(person_id)
            return
        self.records.link_person(person_id, scim_id)
        if person["scim_id"] is None:
            for row in self.records.store.rows(
                "select group_id from members where person_id = ?", person_id
            ):
                await self._push_members(row["group_id"], [person_id], [])

    async def push_group(self, group_id: str) -> None:
        """Find or create the group, then send its name and, if need be, who is in it."""
        group = self.records.group(group_id)
        there: Json | None = None
        try:
            async with self._client(group["company_id"]) as client:
                if group["scim_id"] is None:
                    there = await self._create_group(client, group)
                else:
                    await self._rename_group(client, group)
                    if group["problem"]:
                        there = await client.get(f"/Groups/{group['scim_id']}")
                self.records.link_group(group_id, there["id"] if there else group["scim_id"])
        except PushFailedError as failed:
            self.records.link_group(group_id, group["scim_id"], str(failed))
            return
        if there is not None:
            present = {member["value"]: None for member in there.get("members") or []}
            wanted = dict.fromkeys(self._linked_members(group_id))
            added = [scim_id for scim_id in wanted if scim_id not in present]
            removed = [scim_id for scim_id in present if scim_id not in wanted]
            await self._send_members(group_id, added, removed)

    @asynccontextmanager
    async def _client(self, company_id: str) -> AsyncIterator[ScimClient]:
        """One push at a time, as Okta's queue does it."""
        async with self._turn:
            yield ScimClient(self.http, self.records, self.records.company(company_id))

    async def _provision(self, client: ScimClient, person: Row) -> str:
        """The id of the user over there."""
        company = self.records.company(person["company_id"])
        if person["scim_id"] is None:
            found = await client.find("Users", "userName", person["email"])
            if found is None:
                created = await client.post("/Users", _user(person) | _creation())
                return str(created["id"])
            await client.put(f"/Users/{found['id']}", _merged(found, person))
            return str(found["id"])
        path = f"/Users/{person['scim_id']}"
        current = await client.get(path)
        if not current.get("active", True) and company["app"] == "catalogue":
            await self._set_active(client, person, active=True)
            current["active"] = True
        wanted = _merged(current, person)
        if wanted != {key: value for key, value in current.items() if key != "meta"}:
            await client.put(path, wanted)
        return str(person["scim_id"])

    async def _set_active(self, client: ScimClient, person: Row, *, active: bool) -> None:
        """An app from Okta's catalogue sends PATCH, one made by the customer sends PUT."""
        path = f"/Users/{person['scim_id']}"
        if self.records.company(person["company_id"])["app"] == "catalogue":
            await client.patch(path, [{"op": "replace", "value": {"active": active}}])
        else:
            current = await client.get(path)
            await client.put(path, _merged(current, person) | {"active": active})

    async def _create_group(self, client: ScimClient, group: Row) -> Json:
        found = await client.find("Groups", "displayName", group["name"])
        if found is None:
            body = {"schemas": [GROUP], "displayName": group["name"], "members": []}
            found = await client.post("/Groups", body)
        return found

    async def _rename_group(self, client: ScimClient, group: Row) -> None:
        company = self.records.company(group["company_id"])
        path = f"/Groups/{group['scim_id']}"
        if company["app"] == "catalogue":
            await client.patch(path, [_naming(group)])
        else:
            members = [{"value": scim_id} for scim_id in self._linked_members(group["id"])]
            body = {"schemas": [GROUP], "id": group["scim_id"], "displayName": group["name"]}
            await client.put(path, body | {"members": members})

    async def _push_members(self, group_id: str, add: list[str], remove: list[str]) -> None:
        """Only those whom the application knows can be sent."""
        await self._send_members(group_id, self._scim_ids(add), self._scim_ids(remove))

    async def _send_members(self, group_id: str, added: list[str], removed: list[str]) -> None:
        group = self.records.group(group_id)
        if group["scim_id"] is None or not (added or removed):
            return
        batches = [added[at : at + MEMBERS_AT_ONCE] for at in range(0, len(added), MEMBERS_AT_ONCE)]
        try:
            async with self._client(group["company_id"]) as client:
                for batch in batches or [[]]:
                    operations: list[Json] = [
                        {"op": "remove", "path": f'members[value eq "{scim_id}"]'}
                        for scim_id in removed
                    ]
                    if batch:
                        value = [{"value": scim_id} for scim_id in batch]
                        operations.append({"op": "add", "path": "members", "value": value})
                    operations.append(_naming(group))
                    await client.patch(f"/Groups/{group['scim_id']}", operations)
        except PushFailedError as failed:
            self.records.link_group(group_id, group["scim_id"], str(failed))

    def _scim_ids(self, person_ids: list[str]) -> list[str]:
        people = [self.records.person(person_id) for person_id in person_ids]
        return [person["scim_id"] for person in people if person["scim_id"] is not None]

    def _linked_members(self, group_id: str) -> list[str]:
        rows = self.records.store.rows(
            "select p.scim_id from members m join people p on p.id = m.person_id"
            " where m.group_id = ? and p.scim_id is not null order by p.id",
            group_id,
        )
        return [row["scim_id"] for row in rows]


def _user(person: Row) -> Json:
    full = f"{person['first_name']} {person['last_name']}".strip()
    document: Json = {
        "schemas": [USER],
        "userName": person["email"],
        "name": {"givenName": person["first_name"], "familyName": person["last_name"]},
        "emails": [{"primary": True, "value": person["email"], "type": "work"}],
        "displayName": full,
        "locale": "en-US",
        "externalId": person["id"],
        "active": True,
    }
    if person["job_title"]:
        document["title"] = person["job_title"]
    if person["department"]:
        document["schemas"] = [USER, ENTERPRISE]
        document[ENTERPRISE] = {"department": person["department"]}
    return document


def _merged(current: Json, person: Row) -> Json:
    """The user as it is over there with everything that Okta maps replaced."""
    unmapped = {key: value for key, value in current.items() if key not in MAPPED}
    return unmapped | _user(person)


def _creation() -> Json:
    return {"groups": [], "password": secrets.token_urlsafe(9)}


def _naming(group: Row) -> Json:
    value = {"id": group["scim_id"], "displayName": group["name"]}
    return {"op": "replace", "value": value}
