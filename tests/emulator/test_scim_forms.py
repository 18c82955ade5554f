"""The requests of Okta in the form in which it sends them, and what every SCIM server answers."""

import json
from typing import Any

import httpx
import pytest

from emulator.testing import Directory, Emulator

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def okta_user(email: str = "ann@acme.example", **more: Any) -> dict[str, Any]:
    return {
        "schemas": [CORE],
        "userName": email,
        "name": {"givenName": "Ann", "familyName": "Lee"},
        "emails": [{"primary": True, "value": email, "type": "work"}],
        "displayName": "Ann Lee",
        "locale": "en-US",
        "externalId": f"00u{email}",
        "groups": [],
        "password": "placeholder",
        "active": True,
    } | more


async def patch(scim: httpx.AsyncClient, path: str, *operations: dict[str, Any]) -> httpx.Response:
    return await scim.request(
        "PATCH", path, json={"schemas": [PATCH], "Operations": list(operations)}
    )


async def new_user(scim: httpx.AsyncClient, email: str = "ann@acme.example") -> str:
    answer = await scim.post("/Users", json=okta_user(email))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def new_group(scim: httpx.AsyncClient, name: str = "Authors") -> str:
    body = {"schemas": [GROUP], "displayName": name, "members": []}
    answer = await scim.post("/Groups", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def members(scim: httpx.AsyncClient, group_id: str) -> list[str]:
    listed = (await scim.get(f"/Groups/{group_id}")).json().get("members", [])
    return [member["value"] for member in listed]


async def test_okta_tests_and_finds(scim: httpx.AsyncClient) -> None:
    answer = await scim.get("/Users?startIndex=1&count=2")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/scim+json")
    assert answer.json()["totalResults"] == 0
    user_id = await new_user(scim)
    query = {"filter": 'userName eq "ANN@Acme.example"', "startIndex": "1", "count": "100"}
    found = (await scim.get("/Users", params=query)).json()
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, user_id)
    none = await scim.get("/Users", params={"filter": 'userName eq "x"'})
    assert none.json()["totalResults"] == 0


async def test_okta_creates_once(emulator: Emulator, scim: httpx.AsyncClient) -> None:
    created = await scim.post("/Users", json=okta_user(title="Engineer"))
    assert created.status_code == 201
    assert "password" not in created.text
    assert not emulator.world.store.exists(
        "select 1 from scim_users where document like '%placeholder%'"
    )
    assert emulator.events[-1]["data"]["custom_attributes"] == {"job_title": "Engineer"}
    again = await scim.post("/Users", json=okta_user("ANN@acme.example"))
    assert again.status_code == 409
    assert again.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert again.json()["status"] == "409"
    assert again.json()["scimType"] == "uniqueness"
    inactive = await scim.post("/Users", json=okta_user("new@acme.example", active=False))
    assert inactive.status_code == 400


async def test_okta_changes_the_profile(emulator: Emulator, scim: httpx.AsyncClient) -> None:
    user_id = await new_user(scim)
    current = (await scim.get(f"/Users/{user_id}")).json()
    name = {"givenName": "Anna", "familyName": "Lee"}
    answer = await scim.put(f"/Users/{user_id}", json=current | {"name": name})
    assert answer.status_code == 200
    assert emulator.events[-1]["event"] == "dsync.user.updated"
    assert emulator.events[-1]["data"]["first_name"] == "Anna"


@pytest.mark.parametrize("form", ["catalogue", "custom", "entra"])
async def test_deactivate_and_reactivate(
    emulator: Emulator, scim: httpx.AsyncClient, form: str
) -> None:
    user_id = await new_user(scim)
    path = f"/Users/{user_id}"

    async def set_active(active: bool) -> None:
        if form == "catalogue":
            answer = await patch(scim, path, {"op": "replace", "value": {"active": active}})
        elif form == "custom":
            answer = await scim.put(path, json=okta_user(active=active))
        else:
            operation = {"op": "Replace", "path": "active", "value": str(active)}
            answer = await patch(scim, path, operation)
        assert answer.status_code == 200
        assert answer.json()["active"] is active

    await set_active(False)
    assert emulator.events[-1]["event"] == "dsync.user.deleted"
    assert (await scim.get(path)).json()["active"] is False
    await set_active(True)
    assert emulator.events[-1]["event"] == "dsync.user.created"


async def test_okta_pushes_a_group(emulator: Emulator, scim: httpx.AsyncClient) -> None:
    ann, bob = await new_user(scim), await new_user(scim, "bob@acme.example")
    group = await new_group(scim)
    found = await scim.get("/Groups", params={"filter": 'displayName eq "Authors"'})
    assert [each["id"] for each in found.json()["Resources"]] == [group]
    naming = {"op": "replace", "value": {"id": group, "displayName": "Authors"}}
    add = {"op": "add", "path": "members", "value": [{"value": ann, "display": "Ann"}]}
    answer = await patch(scim, f"/Groups/{group}", add, naming)
    assert answer.status_code == 200
    assert await members(scim, group) == [ann]

    swap = {"op": "add", "path": "members", "value": [{"value": bob}, {"value": "nobody"}]}
    remove = {"op": "remove", "path": f'members[value eq "{ann}"]'}
    before = len(emulator.events)
    await patch(scim, f"/Groups/{group}", remove, swap, naming)
    assert await members(scim, group) == [bob]
    assert [event["event"] for event in emulator.events[before:]] == [
        "dsync.group.user_removed", "dsync.group.user_added",
    ]  # fmt: skip

    renamed = {"op": "replace", "value": {"id": group, "displayName": "Writers"}}
    await patch(scim, f"/Groups/{group}", renamed)
    assert emulator.events[-1]["data"]["name"] == "Writers"
    body = {"schemas": [GROUP], "id": group, "displayName": "Scribes", "members": [{"value": ann}]}
    assert (await scim.put(f"/Groups/{group}", json=body)).status_code == 200
    assert await members(scim, group) == [ann]
    assert (await scim.delete(f"/Groups/{group}")).status_code == 204
    assert emulator.events[-1]["event"] == "dsync.group.deleted"
    assert (await scim.delete(f"/Groups/{group}")).status_code == 404


async def test_the_short_way_answers_as_the_long_one(scim: httpx.AsyncClient) -> None:
    """An If-Match header sends a membership PATCH the long way, through scim2-server."""
    ann, bob = await new_user(scim), await new_user(scim, "bob@acme.example")
    groups = [await new_group(scim, name) for name in ("Short", "Long")]
    answers = []
    for group, conditions in zip(groups, ({}, {"If-Match": "*"}), strict=True):
        operations = [
            {
                "op": "add",
                "path": "members",
                "value": [{"value": ann, "display": "A"}, {"value": bob}],
            },
            {"op": "remove", "path": f'members[value eq "{ann}"]'},
            {"op": "replace", "value": {"id": group, "displayName": "Same"}},
        ]
        answer = await scim.request(
            "PATCH",
            f"/Groups/{group}",
            json={"schemas": [PATCH], "Operations": operations},
            headers=conditions,
        )
        headers = {key: answer.headers[key] for key in ("Content-Type", "Cache-Control")}
        body = answer.json()
        for key in ("created", "lastModified", "version"):
            assert body["meta"].pop(key)
        body["members"] = sorted(body["members"], key=str)
        text = json.dumps(body, sort_keys=True).replace(group, "group")
        answers.append((answer.status_code, headers, text))
    assert answers[0] == answers[1]


async def test_bad_requests(scim: httpx.AsyncClient) -> None:
    stranger = await scim.get("/Users", headers={"Authorization": "Bearer wrong"})
    assert stranger.status_code == 401
    assert stranger.json()["detail"]
    assert (await scim.get("/Users/unknown")).status_code == 404
    assert (await scim.post("/Users", content=b"{")).status_code == 400
    assert (await scim.post("/Users", json={"schemas": [CORE]})).status_code == 400
    assert (await scim.post("/Users", json=okta_user(" "))).status_code == 400
    unnamed = {"schemas": [GROUP], "displayName": "", "members": []}
    assert (await scim.post("/Groups", json=unnamed)).status_code == 400
    bad_filter = await scim.get("/Users", params={"filter": "userName eq"})
    assert bad_filter.json()["scimType"] == "invalidFilter"
    assert (
        await patch(
            scim, "/Groups/unknown", {"op": "add", "path": "members", "value": [{"value": "x"}]}
        )
    ).status_code == 404


async def test_paging_and_filters(scim: httpx.AsyncClient) -> None:
    for number in range(5):
        await new_user(scim, f"p{number}@acme.example")
    page = (await scim.get("/Users?startIndex=2&count=2")).json()
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (5, 2, 2)
    query = {"filter": 'userName sw "p" and active eq true', "sortBy": "userName", "count": "3"}
    found = (await scim.get("/Users", params=query)).json()
    names = [each["userName"] for each in found["Resources"]]
    assert (found["totalResults"], names) == (5, [f"p{n}@acme.example" for n in range(3)])
    by_id = {"filter": 'externalId eq "00up3@acme.example"'}
    assert (await scim.get("/Users", params=by_id)).json()["totalResults"] == 1


async def test_directories_do_not_meet(
    emulator: Emulator, scim: httpx.AsyncClient, directory: Directory
) -> None:
    other = emulator.create_directory(directory.organization_id, "Second Okta")
    stranger = emulator.create_user(other.id, email="stranger@acme.example")
    assert (await scim.get(f"/Users/{stranger.scim_id}")).status_code == 404
    group = await new_group(scim)
    await patch(
        scim,
        f"/Groups/{group}",
        {"op": "add", "path": "members", "value": [{"value": stranger.scim_id}]},
    )
    assert await members(scim, group) == []
    wrong_door = await scim.get(f"http://emulator{other.scim_path}/Users")
    assert wrong_door.status_code == 401
