"""The console: forms that push by SCIM over HTTP what Okta would push."""

import json
from typing import Any

import httpx
import pytest

from emulator.testing import Directory, Emulator

PROFILE = {
    "first_name": "Ann", "last_name": "Lee", "email": "ann@acme.example",
    "department": "Engineering", "job_title": "Engineer",
}  # fmt: skip
pytestmark = pytest.mark.usefixtures("directory")


async def submit(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    answer = await browser.post(path, data=fields)
    assert answer.status_code == 303, answer.text
    return answer


async def create_person(browser: httpx.AsyncClient, **changes: str) -> str:
    answer = await submit(browser, "/people", **(PROFILE | changes))
    return answer.headers["Location"].rpartition("/")[2]


async def create_group(browser: httpx.AsyncClient, name: str) -> str:
    return (await submit(browser, "/groups", name=name)).headers["Location"].rpartition("/")[2]


def exchanges(emulator: Emulator, after: int = 0) -> list[tuple[str, str, Any]]:
    """Method, path without ids and query, and body of what Okta sent."""
    rows = emulator.records.store.rows("select * from exchanges order by id")[after:]
    return [
        (row["method"], "/" + row["path"].split("?")[0].split("/")[1],
         json.loads(row["request"]) if row["request"] else None)
        for row in rows
    ]  # fmt: skip


def sent(emulator: Emulator, after: int = 0) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in exchanges(emulator, after)]


async def test_a_person_is_found_or_created(emulator: Emulator, browser: httpx.AsyncClient) -> None:
    person_id = await create_person(browser)
    assert sent(emulator) == [("GET", "/Users"), ("POST", "/Users")]
    body = exchanges(emulator)[1][2]
    assert body["externalId"] == person_id
    assert body["userName"] == "ann@acme.example"
    assert (body["groups"], body["active"]) == ([], True)
    data = emulator.events[-1]["data"]
    assert (data["idp_id"], data["custom_attributes"]["department"]) == (person_id, "Engineering")
    page = (await browser.get(f"/people/{person_id}")).text
    for label in ("Deactivate", "Add to group", "First name", "Email", "Delete"):
        assert (label in page) is (label != "Add to group")


async def test_deactivate_and_reactivate_send_a_pathless_patch(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    person_id = await create_person(browser)
    before = len(exchanges(emulator))
    await submit(browser, f"/people/{person_id}/status", status="DEACTIVATED")
    method, path, body = exchanges(emulator, before)[0]
    assert (method, path) == ("PATCH", "/Users")
    assert body["Operations"] == [{"op": "replace", "value": {"active": False}}]
    assert emulator.events[-1]["event"] == "dsync.user.deleted"
    await submit(browser, f"/people/{person_id}/status", status="ACTIVE")
    assert emulator.events[-1]["event"] == "dsync.user.created"

    before = len(exchanges(emulator))
    await submit(browser, f"/people/{person_id}/status", status="SUSPENDED")
    await submit(browser, f"/people/{person_id}/status", status="ACTIVE")
    assert exchanges(emulator, before) == []
    await submit(browser, f"/people/{person_id}/assignment", assigned="false")
    assert emulator.events[-1]["event"] == "dsync.user.deleted"


async def test_a_custom_app_puts(emulator: Emulator, browser: httpx.AsyncClient) -> None:
    (company,) = emulator.records.companies()
    await submit(browser, f"/companies/{company['id']}", app="custom", saml_id="user.id")
    person_id = await create_person(browser)
    group_id = await create_group(browser, "Authors")
    await submit(browser, f"/people/{person_id}/groups", group=group_id)
    before = len(exchanges(emulator))
    await submit(browser, f"/people/{person_id}/status", status="DEACTIVATED")
    await submit(browser, f"/groups/{group_id}", name="Writers")
    assert sent(emulator, before) == [("GET", "/Users"), ("PUT", "/Users"), ("PUT", "/Groups")]
    assert emulator.events[-1]["event"] == "dsync.group.updated"
    assert "dsync.group.user_removed" not in [event["event"] for event in emulator.events]


async def test_groups_are_pushed_with_their_members(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    person_id = await create_person(browser)
    before = len(exchanges(emulator))
    group_id = await create_group(browser, "Authors")
    assert sent(emulator, before) == [("GET", "/Groups"), ("POST", "/Groups")]
    assert exchanges(emulator, before)[1][2]["members"] == []
    await submit(browser, f"/groups/{group_id}/members", person="ANN@acme.example")
    (scim_id, group_scim_id) = (
        emulator.records.person(person_id)["scim_id"], emulator.records.group(group_id)["scim_id"],
    )  # fmt: skip
    naming = {"op": "replace", "value": {"id": group_scim_id, "displayName": "Authors"}}
    assert exchanges(emulator)[-1][2]["Operations"] == [
        {"op": "add", "path": "members", "value": [{"value": scim_id}]}, naming,
    ]  # fmt: skip
    await submit(browser, f"/people/{person_id}/groups/{group_id}/remove")
    assert exchanges(emulator)[-1][2]["Operations"] == [
        {"op": "remove", "path": f'members[value eq "{scim_id}"]'}, naming,
    ]  # fmt: skip
    assert emulator.events[-1]["event"] == "dsync.group.user_removed"
    await submit(browser, f"/groups/{group_id}", name="Writers")
    assert emulator.events[-1]["data"]["name"] == "Writers"
    await submit(browser, f"/groups/{group_id}/delete")
    assert emulator.events[-1]["event"] == "dsync.group.deleted"


async def test_a_new_address_changes_the_user_name(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    person_id = await create_person(browser)
    changed = PROFILE | {"email": "ann.lee@acme.example", "job_title": ""}
    before = len(exchanges(emulator))
    await submit(browser, f"/people/{person_id}", **changed)
    assert sent(emulator, before) == [("GET", "/Users"), ("PUT", "/Users")]
    data = emulator.events[-1]["data"]
    assert data["email"] == "ann.lee@acme.example"
    assert "job_title" not in data["custom_attributes"]
    taken = await submit(browser, "/people", **changed)
    assert "already" in await notice(browser, taken)


async def notice(browser: httpx.AsyncClient, answer: httpx.Response) -> str:
    page = await browser.get(answer.headers["Location"])
    return page.text.partition('role="status">')[2].partition("</p>")[0]


async def test_a_failed_push_is_shown_and_tried_again(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    emulator.faults.scim_down_until = emulator.world.clock.now_ms() + 60_000
    answer = await submit(browser, "/people", **PROFILE)
    person = answer.headers["Location"]
    assert "The push failed. 503" in await notice(browser, answer)
    assert "Try again" in (await browser.get(person)).text
    emulator.faults.scim_down_until = 0
    group_id = await create_group(browser, "Authors")
    await submit(browser, f"{person}/groups", group=group_id)
    assert emulator.events[-1]["event"] == "dsync.group.created"
    await submit(browser, f"{person}/push")
    assert [event["event"] for event in emulator.events[-2:]] == [
        "dsync.user.created", "dsync.group.user_added",
    ]  # fmt: skip


async def test_a_removal_that_failed_is_sent_by_trying_again(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    ann = await create_person(browser)
    bob = await create_person(browser, email="bob@acme.example")
    group = await create_group(browser, "Authors")
    await submit(browser, f"/groups/{group}/members", person=ann)
    emulator.faults.scim_down_until = emulator.world.clock.now_ms() + 60_000
    await submit(browser, f"/groups/{group}/members/{ann}/remove")
    await submit(browser, f"/groups/{group}/members", person=bob)
    emulator.faults.scim_down_until = 0
    await submit(browser, f"/groups/{group}/push")
    changes = [(event["event"], event["data"]["user"]["idp_id"]) for event in emulator.events[-2:]]
    assert changes == [("dsync.group.user_removed", ann), ("dsync.group.user_added", bob)]


@pytest.mark.parametrize("what", ["groups", "people"])
async def test_what_could_not_be_deleted_over_there_stays(
    emulator: Emulator, browser: httpx.AsyncClient, what: str
) -> None:
    made = await create_group(browser, "Authors") if what == "groups" else ""
    made = made or await create_person(browser)
    emulator.faults.scim_down_until = emulator.world.clock.now_ms() + 60_000
    answer = await submit(browser, f"/{what}/{made}/delete")
    assert answer.headers["Location"] == f"/{what}/{made}"
    assert "The push failed. 503" in await notice(browser, answer)
    emulator.faults.scim_down_until = 0
    await submit(browser, f"/{what}/{made}/push")
    await submit(browser, f"/{what}/{made}/delete")
    deleted = {"groups": "dsync.group.deleted", "people": "dsync.user.deleted"}
    assert emulator.events[-1]["event"] == deleted[what]
    assert (await browser.get(f"/{what}/{made}")).status_code == 404


async def test_deleting_deactivates_and_forgets(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    person_id = await create_person(browser)
    await submit(browser, f"/people/{person_id}/delete")
    assert emulator.events[-1]["event"] == "dsync.user.deleted"
    assert ("DELETE", "/Users") not in sent(emulator)
    assert (await browser.get(f"/people/{person_id}")).status_code == 404
    back = await create_person(browser)
    assert back != person_id
    assert sent(emulator)[-2:] == [("GET", "/Users"), ("PUT", "/Users")]
    assert emulator.events[-1]["event"] == "dsync.user.created"


@pytest.mark.parametrize(
    "path",
    ["/", "/people", "/groups", "/exchanges", "/deliveries", "/settings", "/tile"],
)
async def test_pages_never_turn_text_into_html(browser: httpx.AsyncClient, path: str) -> None:
    script = "<script>alert(1)</script>"
    person_id = await create_person(browser, first_name=script)
    group_id = await create_group(browser, script)
    await submit(browser, f"/people/{person_id}/groups", group=group_id)
    for url in (path, f"/people/{person_id}", f"/groups/{group_id}", "/deliveries/1"):
        page = await browser.get(url)
        assert page.status_code == 200
        assert script not in page.text


async def test_faults_and_settings_are_saved(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    await submit(browser, "/faults", send_twice="2", drop="-1", api_down_seconds="30")
    assert (emulator.faults.send_twice, emulator.faults.drop) == (2, -1)
    assert emulator.faults.api_down_until > emulator.world.clock.now_ms()
    wrong = await submit(browser, "/faults", send_twice="many")
    assert "send_twice" in await notice(browser, wrong)
    assert emulator.faults.send_twice == 2
    await submit(browser, "/faults/none")
    assert (emulator.faults.drop, emulator.faults.api_down_until) == (0, 0)
    await submit(browser, "/settings", retain_deactivated="on", webhooks="on", history_days="60")
    assert (emulator.settings.retain_deactivated, emulator.settings.history_days) == (True, 60)


async def test_redelivery_by_hand(emulator: Emulator, browser: httpx.AsyncClient) -> None:
    await submit(browser, "/deliveries/1/again")
    rows = emulator.world.store.rows("select event_id, note from deliveries order by id")
    assert rows[-1]["event_id"] == rows[0]["event_id"]
    assert rows[-1]["note"] == "sent by hand"
    assert "sent by hand" in (await browser.get("/deliveries?fragment=true")).text
    assert (await browser.get("/deliveries/999")).status_code == 404


async def test_two_companies(
    emulator: Emulator, browser: httpx.AsyncClient, directory: Directory
) -> None:
    other = emulator.create_organization("Beta")
    emulator.create_directory(other.id, "Beta Okta")
    first = emulator.records.company_of_directory(directory.id)
    assert first is not None
    await create_person(browser)
    beta = next(row for row in emulator.records.companies() if row["name"] == "Beta")
    assert "ann@acme.example" in (await browser.get("/people")).text
    await submit(browser, "/companies/choose", company=beta["id"])
    assert "ann@acme.example" not in (await browser.get("/people")).text


async def test_names_of_nothing_but_spaces_are_refused(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    before = len(emulator.events)
    assert "needs a name" in await notice(browser, await submit(browser, "/groups", name="  "))
    for field in ("first_name", "last_name", "email"):
        refused = await submit(browser, "/people", **(PROFILE | {field: "   "}))
        assert "A person needs" in await notice(browser, refused)
    person_id = await create_person(browser)
    refused = await submit(browser, f"/people/{person_id}", **(PROFILE | {"last_name": "   "}))
    assert "A person needs" in await notice(browser, refused)
    assert [event["event"] for event in emulator.events[before:]] == ["dsync.user.created"]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/nowhere", 404, "Nothing answers GET /nowhere."),
        ("/deliveries/999", 404, "Delivery not found"),
        ("/deliveries/x", 422, "delivery_id: "),
        ("/people?page=0", 422, "page: "),
        ("/okta/sign-in", 422, "connection: "),
        ("/sso/acs", 404, "Connection not found"),
    ],
)
async def test_a_browser_is_shown_errors_as_pages(
    browser: httpx.AsyncClient, path: str, status: int, told: str
) -> None:
    page = await browser.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == status
    assert told in page.text
    assert 'aria-label="Console"' in page.text
    program = await browser.get(path)
    assert program.status_code == status
    assert program.json()["message"]


async def test_a_renamed_groups_old_name_stays_taken_over_there(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    authors = await create_group(browser, "Authors")
    await submit(browser, f"/groups/{authors}", name="Writers")
    answer = await submit(browser, "/groups", name="Authors")
    told = await notice(browser, answer)
    assert "The push failed. 409: Another group already exists with this ID" in told
    assert [event["event"] for event in emulator.events[-2:]] == [
        "dsync.group.created", "dsync.group.updated",
    ]  # fmt: skip
