"""What WorkOS asks of the people and groups that it is sent, rule by rule of its requirements."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from emulator.scenario import generate
from emulator.testing import Directory, Emulator
from tests.emulator.test_scim_forms import (
    CORE,
    GROUP,
    members,
    new_group,
    new_user,
    okta_user,
    patch,
)  # fmt: skip

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MISSING = "Required attributes missing: emails"
BLANK: list[Any] = [[], [{"value": ""}], [{"value": "  ", "type": "work", "primary": True}]]


def person(user_name: str = "ann", **more: Any) -> dict[str, Any]:
    return {"schemas": [CORE], "userName": user_name, "active": True} | more


def address(value: str, **more: Any) -> dict[str, Any]:
    return {"value": value} | more


def names(emulator: Emulator) -> list[str]:
    return [event["event"] for event in emulator.events]


@pytest.mark.parametrize("emails", [None, *BLANK])
async def test_without_an_address_400_and_merged_when_sent_again(
    emulator: Emulator, scim: httpx.AsyncClient, emails: Any
) -> None:
    name = {"givenName": "Ann", "familyName": "Lee"}
    incomplete = person(externalId="00uAnn", name=name, title="Engineer")
    incomplete |= {} if emails is None else {"emails": emails}
    for _ in range(2):
        refused = await scim.post("/Users", json=incomplete)
        assert refused.status_code == 400
        told = (refused.json()["scimType"], refused.json()["detail"])
        assert told == ("invalidValue", MISSING)
    assert "dsync.user.created" not in names(emulator)
    assert (await scim.get("/Users")).json()["totalResults"] == 0
    query = {"filter": 'userName eq "ann"'}
    assert (await scim.get("/Users", params=query)).json()["totalResults"] == 0

    corrected = person(externalId="00uAnn", emails=[address("ann@acme.example", primary=True)])
    merged = await scim.post("/Users", json=corrected)
    assert merged.status_code == 201, merged.text
    assert names(emulator).count("dsync.user.created") == 1
    data = emulator.events[-1]["data"]
    assert (data["email"], data["first_name"]) == ("ann@acme.example", "Ann")
    assert data["custom_attributes"] == {"job_title": "Engineer"}
    assert (await scim.get("/Users")).json()["totalResults"] == 1
    assert (await scim.post("/Users", json=corrected)).status_code == 409


async def test_who_is_held_is_merged_by_the_id_when_the_user_name_is_corrected(
    emulator: Emulator, scim: httpx.AsyncClient
) -> None:
    await scim.post("/Users", json=person(externalId="00uAnn"))
    merged = await scim.post("/Users", json=person("ann@acme.example", externalId="00uAnn"))
    assert merged.status_code == 201
    assert emulator.events[-1]["data"]["email"] == "ann@acme.example"


async def test_who_is_held_is_in_no_group(
    emulator: Emulator, scim: httpx.AsyncClient, directory: Directory
) -> None:
    held = emulator.create_user(directory.id, email=None)
    group = await new_group(scim)
    await patch(
        scim,
        f"/Groups/{group}",
        {"op": "add", "path": "members", "value": [{"value": held.scim_id}]},
    )
    assert await members(scim, group) == []
    assert (await scim.get(f"/Users/{held.scim_id}")).status_code == 404


@pytest.mark.parametrize("emails", [None, *BLANK])
async def test_a_user_name_that_is_an_address_is_the_address(
    emulator: Emulator, scim: httpx.AsyncClient, emails: Any
) -> None:
    sent = person("Ann@acme.example") | ({} if emails is None else {"emails": emails})
    assert (await scim.post("/Users", json=sent)).status_code == 201
    assert emulator.events[-1]["data"]["email"] == "Ann@acme.example"


@pytest.mark.parametrize(
    "emails",
    [
        [address("not an address", type="work", primary=True)],
        [address("ann@", type="work")],
        [address("ann@acme.example", type="other")],
        [address("ann@acme.example")],
    ],
)
async def test_malformed_or_only_another_address_is_accepted_as_null(
    emulator: Emulator, scim: httpx.AsyncClient, emails: Any
) -> None:
    created = await scim.post("/Users", json=person("ann@acme.example", emails=emails))
    assert created.status_code == 201, created.text
    assert created.json()["emails"][0]["value"] == emails[0]["value"]
    assert emulator.events[-1]["event"] == "dsync.user.created"
    assert emulator.events[-1]["data"]["email"] is None


HOME, WORK = address("h@acme.example", type="home"), address("w@acme.example", type="work")
OTHER = address("o@acme.example", type="other")


@pytest.mark.parametrize(
    ("emails", "wanted"),
    [
        ([OTHER, HOME, WORK], "w@acme.example"),
        ([OTHER, HOME], "h@acme.example"),
        ([WORK, HOME | {"primary": True}], "h@acme.example"),
        ([WORK, OTHER | {"primary": True}], "o@acme.example"),
        ([WORK | {"value": " "}, HOME], "h@acme.example"),
    ],
)
async def test_primary_then_work_then_home(
    emulator: Emulator, scim: httpx.AsyncClient, emails: Any, wanted: str
) -> None:
    assert (await scim.post("/Users", json=person(emails=emails))).status_code == 201
    assert emulator.events[-1]["data"]["email"] == wanted


@pytest.mark.parametrize("emails", [None, *BLANK])
async def test_put_without_emails_is_400(
    emulator: Emulator, scim: httpx.AsyncClient, emails: Any
) -> None:
    user_id = await new_user(scim)
    before = len(emulator.events)
    body = okta_user() | {"emails": emails}
    if emails is None:
        del body["emails"]
    answer = await scim.put(f"/Users/{user_id}", json=body)
    told = (answer.status_code, answer.json()["scimType"], answer.json()["detail"])
    assert told == (400, "invalidSyntax", MISSING)
    assert len(emulator.events) == before


async def test_a_patch_cannot_take_the_only_address(
    emulator: Emulator, scim: httpx.AsyncClient
) -> None:
    sent = person(emails=[address("ann@acme.example", type="work")])
    user_id = (await scim.post("/Users", json=sent)).json()["id"]
    before = len(emulator.events)
    answer = await patch(scim, f"/Users/{user_id}", {"op": "remove", "path": "emails"})
    assert (answer.status_code, answer.json()["detail"]) == (400, MISSING)
    assert (await scim.get(f"/Users/{user_id}")).json()["emails"]
    assert len(emulator.events) == before


@pytest.mark.parametrize(
    ("active", "kind"), [("true", "string"), ("False", "string"), (1, "number"), (None, "null")]
)
async def test_active_must_be_a_boolean(scim: httpx.AsyncClient, active: Any, kind: str) -> None:
    user_id = await new_user(scim)
    for answer in (
        await scim.post("/Users", json=okta_user("bob@acme.example", active=active)),
        await scim.put(f"/Users/{user_id}", json=okta_user(active=active)),
    ):
        told = (answer.status_code, answer.json()["scimType"], answer.json()["detail"])
        assert told == (400, "invalidSyntax", f"'active' is expected boolean, received {kind}")


async def test_a_second_active_person_with_the_address_is_409(scim: httpx.AsyncClient) -> None:
    ann = await new_user(scim)
    emails = [address("ANN@acme.example", type="work", primary=True)]
    other = okta_user("second@acme.example", emails=emails)
    answer = await scim.post("/Users", json=other)
    detail = "Another user already exists with this email 'ANN@acme.example'"
    assert (answer.status_code, answer.json()["detail"]) == (409, detail)
    await patch(scim, f"/Users/{ann}", {"op": "replace", "value": {"active": False}})
    assert (await scim.post("/Users", json=other)).status_code == 201


async def test_unknown_attributes_and_extensions_are_ignored(
    emulator: Emulator, scim: httpx.AsyncClient
) -> None:
    custom = "urn:example:custom:2.0:User"
    strange = {
        "schemas": [CORE, ENTERPRISE, custom],
        "favouriteColour": "blue",
        "name": {"givenName": "Ann", "familyName": "Lee", "nickname": "A"},
        ENTERPRISE: {"department": "Research", "floor": 3},
        custom: {"badge": "17"},
    }
    created = await scim.post("/Users", json=okta_user() | strange)
    assert created.status_code == 201, created.text
    data = emulator.events[-1]["data"]
    assert (data["first_name"], data["custom_attributes"]) == ("Ann", {"department": "Research"})
    path = f"/Users/{created.json()['id']}"
    assert (await scim.put(path, json=okta_user() | strange)).status_code == 200
    changed = await patch(
        scim,
        path,
        {"op": "replace", "path": "favouriteColour", "value": "red"},
        {"op": "add", "path": f"{custom}:badge", "value": "18"},
        {"op": "replace", "value": {"favouriteColour": "red", "displayName": "Anna"}},
        {"op": "replace", "value": {custom: {"badge": "19"}}},
    )
    assert (changed.status_code, changed.json()["displayName"]) == (200, "Anna")
    nothing = await patch(scim, path, {"op": "add", "path": "favouriteColour", "value": "red"})
    assert (nothing.status_code, nothing.json()["displayName"]) == (200, "Anna")
    group = {"schemas": [GROUP, "urn:example:group"], "displayName": "A", "urn:example:group": {}}
    pushed = await scim.post("/Groups", json=group | {"colour": "blue"})
    assert pushed.status_code == 201
    text = (await scim.get("/Users")).text + (await scim.get("/Groups")).text
    assert not {"favouriteColour", "badge", "nickname", "floor", "colour"} & set(text.split('"'))


async def test_a_groups_identity_outlives_its_name(
    emulator: Emulator, scim: httpx.AsyncClient
) -> None:
    authors = await new_group(scim, "Authors")
    again = {"schemas": [GROUP], "displayName": "Authors", "members": []}
    taken = "Another group already exists with this ID 'Authors'"
    refused = await scim.post("/Groups", json=again)
    assert (refused.status_code, refused.json()["detail"]) == (409, taken)

    renaming = {"op": "replace", "value": {"id": authors, "displayName": "Writers"}}
    await patch(scim, f"/Groups/{authors}", renaming)
    data = emulator.events[-1]["data"]
    assert (data["name"], data["idp_id"]) == ("Writers", "Authors")
    assert data["previous_attributes"] == {"name": "Authors"}
    refused = await scim.post("/Groups", json=again)
    assert (refused.status_code, refused.json()["detail"]) == (409, taken)
    put = {"schemas": [GROUP], "displayName": "Scribes", "members": []}
    assert (await scim.put(f"/Groups/{authors}", json=put)).status_code == 200
    assert emulator.events[-1]["data"]["idp_id"] == "Authors"

    other = await scim.post("/Groups", json=again | {"externalId": "g-2"})
    assert other.status_code == 201
    assert emulator.events[-1]["data"]["idp_id"] == "g-2"
    same = await scim.post("/Groups", json=again | {"displayName": "New", "externalId": "g-2"})
    assert same.status_code == 409
    assert (await scim.delete(f"/Groups/{authors}")).status_code == 204
    assert (await scim.post("/Groups", json=again)).status_code == 201


@pytest.mark.parametrize("blank", ["", "   "])
async def test_blank_counts_as_missing(
    emulator: Emulator, scim: httpx.AsyncClient, blank: str
) -> None:
    for path, body, detail in (
        ("/Users", okta_user() | {"userName": blank}, "'userName' is required"),
        ("/Groups", {"schemas": [GROUP], "displayName": blank}, "'displayName' is required"),
    ):
        refused = await scim.post(path, json=body)
        assert (refused.status_code, refused.json()["detail"]) == (400, detail)
    sent = okta_user(externalId=blank, name={"givenName": blank, "familyName": blank})
    assert (await scim.post("/Users", json=sent)).status_code == 201
    data = emulator.events[-1]["data"]
    found = (data["idp_id"], data["first_name"], data["last_name"], data["name"])
    assert found == ("ann@acme.example", None, None, "Ann Lee")
    group = {"schemas": [GROUP], "displayName": "Authors", "externalId": blank}
    assert (await scim.post("/Groups", json=group)).status_code == 201
    assert emulator.events[-1]["data"]["idp_id"] == "Authors"


@pytest.mark.parametrize("value", ["", "  ", None])
async def test_an_empty_member_is_400_and_an_unknown_one_dropped(
    scim: httpx.AsyncClient, value: str | None
) -> None:
    ann = await new_user(scim)
    wrong, unknown = [{"value": ann}, {"value": value}], [{"value": ann}, {"value": "nobody"}]
    body = {"schemas": [GROUP], "displayName": "Authors"}
    assert (await scim.post("/Groups", json=body | {"members": wrong})).status_code == 400
    created = await scim.post("/Groups", json=body | {"members": unknown})
    assert created.status_code == 201
    group = created.json()["id"]
    assert await members(scim, group) == [ann]

    path = f"/Groups/{group}"
    put = await scim.put(path, json=body | {"members": wrong})
    added = await patch(scim, path, {"op": "add", "path": "members", "value": wrong})
    replaced = await patch(scim, path, {"op": "replace", "value": {"members": wrong}})
    assert [each.status_code for each in (put, added, replaced)] == [400, 400, 400]
    assert (await scim.put(path, json=body | {"members": unknown})).status_code == 200
    assert (
        await patch(scim, path, {"op": "replace", "path": "members", "value": unknown})
    ).status_code == 200
    assert await members(scim, group) == [ann]


async def test_a_body_over_2000_kb_is_413(emulator: Emulator, scim: httpx.AsyncClient) -> None:
    before = len(emulator.events)
    body = {"schemas": [GROUP], "displayName": "Authors", "colour": "x" * 2_100_000}
    sent = json.dumps(body).encode()

    async def in_parts() -> Any:
        for start in range(0, len(sent), 65_536):
            yield sent[start : start + 65_536]

    for content in (sent, in_parts()):
        refused = await scim.post("/Groups", content=content)
        assert refused.status_code == 413
    page = await scim.post("http://emulator/people", content=b"x" * 2_100_000)
    assert page.status_code == 413
    assert len(emulator.events) == before
    smaller = json.dumps(body | {"colour": "x" * 1_900_000})
    assert (await scim.post("/Groups", content=smaller)).status_code == 201


@pytest.mark.parametrize("soft_deletion", [False, True])
async def test_inactive_at_creation_and_kept_are_one_switch(
    emulator: Emulator, scim: httpx.AsyncClient, soft_deletion: bool
) -> None:
    emulator.settings.retain_deactivated = soft_deletion
    created = await scim.post("/Users", json=okta_user("bob@acme.example", active=False))
    assert created.status_code == (201 if soft_deletion else 400)
    if soft_deletion:
        assert emulator.events[-1]["event"] == "dsync.user.created"
        assert emulator.events[-1]["data"]["state"] == "inactive"
    user_id = await new_user(scim)
    await patch(scim, f"/Users/{user_id}", {"op": "replace", "value": {"active": False}})
    wanted = "dsync.user.updated" if soft_deletion else "dsync.user.deleted"
    assert emulator.events[-1]["event"] == wanted


@pytest.mark.parametrize(
    ("wanted", "meanwhile"),
    [
        pytest.param('title eq "nobody has it"', 2, id="by an index"),
        pytest.param('displayName co "nobody" or nickName eq "n"', 200, id="of each"),
        pytest.param("not (active eq true)", 200, id="of each, the other way round"),
    ],
)
async def test_a_search_of_everybody_holds_up_nobody(wanted: str, meanwhile: int) -> None:
    """Others are answered meanwhile: 666 times, and 34 where it lets nobody in between."""
    emulator = Emulator()
    directory = generate.company(emulator, 4_000)
    transport = httpx.ASGITransport(emulator.app)
    headers = {"Authorization": f"Bearer {directory.token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://emulator", headers=headers
    ) as http:
        await http.get(f"{directory.scim_path}/Users", params={"count": "1"})
        searching = asyncio.create_task(
            http.get(f"{directory.scim_path}/Users", params={"filter": wanted}, timeout=60)
        )
        answered = 0
        while not searching.done():
            assert (await http.get("/healthz")).status_code == 200
            await asyncio.sleep(0.001)
            answered += 1
        assert (await searching).json()["totalResults"] == 0
        assert answered >= meanwhile
    emulator.close()
