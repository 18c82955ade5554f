"""The requests of Entra, in the form in which it sends them."""

from typing import Any

import httpx
import pytest

from emulator.testing import Emulator
from tests.emulator.test_scim_forms import (
    CORE,
    GROUP,
    members,
    new_group,
    new_user,
    patch,
)  # fmt: skip

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ENTRA_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


async def test_a_group_names_a_schema_of_its_own(
    emulator: Emulator, scim: httpx.AsyncClient
) -> None:
    body = {
        "schemas": [GROUP, ENTRA_GROUP],
        "externalId": "8aa1a0c0",
        "displayName": "Authors",
        "meta": {"resourceType": "Group"},
    }
    created = await scim.post("/Groups", json=body)
    assert created.status_code == 201, created.text
    assert created.json()["schemas"] == [GROUP]
    data = emulator.events[-1]["data"]
    assert (data["name"], data["idp_id"]) == ("Authors", "8aa1a0c0")
    query = {"excludedAttributes": "members", "filter": 'externalId eq "8aa1a0c0"'}
    assert (await scim.get("/Groups", params=query)).json()["totalResults"] == 1
    unknown = body | {"schemas": [GROUP, "urn:example:unknown"], "externalId": "8aa1a0c1"}
    created = await scim.post("/Groups", json=unknown)
    assert (created.status_code, created.json()["schemas"]) == (201, [GROUP])


async def test_add_makes_the_value_that_its_path_does_not_find(
    emulator: Emulator, scim: httpx.AsyncClient
) -> None:
    created = await scim.post(
        "/Users",
        json={"schemas": [CORE, ENTERPRISE], "userName": "a@acme.example", "active": True},
    )
    path = f"/Users/{created.json()['id']}"
    answer = await patch(
        scim,
        path,
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "ann@acme.example"},
        {"op": "Add", "path": 'emails[type eq "work"].primary', "value": True},
        {"op": "Add", "path": 'addresses[type eq "work"].locality', "value": "Oslo"},
        {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "writer"},
    )
    assert answer.status_code == 200, answer.text
    user = answer.json()
    assert user["emails"] == [{"type": "work", "value": "ann@acme.example", "primary": True}]
    assert user["addresses"] == [{"type": "work", "locality": "Oslo"}]
    assert user["roles"] == [{"value": "writer", "primary": True}]
    assert emulator.events[-1]["data"]["email"] == "ann@acme.example"
    again = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "lee@acme.example"}
    assert (await patch(scim, path, again)).json()["emails"][0]["value"] == "lee@acme.example"
    absent = {"op": "Replace", "path": 'phoneNumbers[type eq "mobile"].value', "value": "1"}
    assert (await patch(scim, path, absent)).json()["scimType"] == "noTarget"


@pytest.mark.parametrize("value", ["00uBoss", {"value": "00uBoss"}, [{"value": "00uBoss"}]])
async def test_a_manager_in_each_form(scim: httpx.AsyncClient, value: Any) -> None:
    path = f"/Users/{await new_user(scim)}"
    answer = await patch(scim, path, {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": value})
    assert answer.status_code == 200, answer.text
    assert answer.json()[ENTERPRISE]["manager"]["value"] == "00uBoss"


async def test_pathless_changes(emulator: Emulator, scim: httpx.AsyncClient) -> None:
    path = f"/Users/{await new_user(scim)}"
    value = {"name.givenName": "Anna", f"{ENTERPRISE}:department": "Research", "active": "False"}
    answer = await patch(scim, path, {"op": "Replace", "value": value})
    assert answer.json()["active"] is False
    assert emulator.events[-1]["event"] == "dsync.user.deleted"
    await patch(scim, path, {"op": "Replace", "value": {"active": "True"}})
    data = emulator.events[-1]["data"]
    assert (data["first_name"], data["custom_attributes"]["department"]) == ("Anna", "Research")


async def test_is_somebody_in_a_group(scim: httpx.AsyncClient) -> None:
    ann, bob = await new_user(scim), await new_user(scim, "bob@acme.example")
    group = await new_group(scim)
    await patch(
        scim, f"/Groups/{group}", {"op": "Add", "path": "members", "value": [{"value": ann}]}
    )
    for user_id, found in ((ann, 1), (bob, 0)):
        query = {
            "filter": f'id eq "{group}" and members eq "{user_id}"',
            "excludedAttributes": "members",
        }
        assert (await scim.get("/Groups", params=query)).json()["totalResults"] == found


async def test_changes_of_people_and_members(emulator: Emulator, scim: httpx.AsyncClient) -> None:
    ann = await new_user(scim)
    answer = await patch(
        scim,
        f"/Users/{ann}",
        {"op": "Replace", "path": "displayName", "value": "Anna Lee"},
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "anna@acme.example"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Research"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "00uBoss"},
    )
    assert answer.status_code == 200, answer.text
    data = emulator.events[-1]["data"]
    assert data["email"] == "anna@acme.example"
    assert data["custom_attributes"]["department"] == "Research"
    group = await new_group(scim)
    await patch(
        scim, f"/Groups/{group}", {"op": "Add", "path": "members", "value": [{"value": ann}]}
    )
    assert await members(scim, group) == [ann]
    gone = {"op": "Remove", "path": "members", "value": [{"value": ann}]}
    assert (await patch(scim, f"/Groups/{group}", gone)).status_code == 200
    assert await members(scim, group) == []
    assert (await scim.delete(f"/Users/{ann}")).status_code == 204
    assert (await scim.get(f"/Users/{ann}")).status_code == 404
