"""`/directory/reconciliations`: for admins, of their own organization."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from backend.schemas.jobs import Job
from backend.services.reconciliation import requests as reconciliations
from tests.reconciling import audited, reconcile, request
from tests.stack import Stack, running_stack

PATH = "/directory/reconciliations"
UNKNOWN = "01920000-0000-7000-8000-000000000000"


@pytest.fixture
async def ada(stack: Stack) -> httpx.AsyncClient:
    return await stack.sign_in_as("Admins", "Ada")


async def held(stack: Stack) -> str:
    """One that is held, since eleven authors are missing; its id."""
    people = [stack.person("Ann") for _ in range(11)]
    authors = stack.group("Authors", *people)
    await stack.deliver()
    for person in people:
        stack.emulator.remove_member(authors, person)
    stack.skip()
    done = await reconcile(stack)
    assert done.state == "held"
    return str(done.id)


async def test_one_is_asked_for_run_and_shown(
    stack: Stack, ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued: list[tuple[Job, str]] = []

    async def enqueue(_session: Any, job: Job, payload: str) -> None:
        enqueued.append((job, payload))

    monkeypatch.setattr(stack.app.state, "enqueue", enqueue)
    asked = await ada.post(PATH)
    assert asked.status_code == 202
    row = asked.json()
    assert (row["state"], row["trigger"], row["organization_id"]) == (
        "queued",
        "api",
        stack.organization.id,
    )
    again = await ada.post(PATH)
    assert (again.status_code, again.json()) == (202, row)
    assert enqueued == [(Job.RECONCILE, f"{stack.organization.id}/{row['id']}")] * 2

    stack.person("Late")
    stack.skip()
    await reconcile(stack)
    shown = (await ada.get(f"{PATH}/{row['id']}")).json()
    assert shown["state"] == "completed"
    assert shown["requested_by"] == (await stack.me(ada))["id"]
    assert shown["progress"]["people"] == shown["progress"]["people_total"] == 2
    assert shown["drift"]["people"]["added"] == 1
    assert shown["drift"]["people"]["examples"][0]["name"].startswith("Late")
    (done,) = await audited(stack, "reconciliation.completed")
    assert (done.subject_id, str(done.actor_id)) == (row["id"], shown["requested_by"])
    assert done.detail["drift"]["people"] == {"added": 1, "changed": 0, "removed": 0}


async def test_newest_first_in_pages(stack: Stack, ada: httpx.AsyncClient) -> None:
    ids = [str((await reconcile(stack)).id) for _ in range(3)]
    first = (await ada.get(PATH, params={"limit": 2})).json()
    assert [row["id"] for row in first["items"]] == [ids[2], ids[1]]
    rest = (await ada.get(PATH, params={"cursor": first["next_cursor"]})).json()
    assert [row["id"] for row in rest["items"]] == [ids[0]]
    assert rest["next_cursor"] is None
    assert (await ada.get(PATH, params={"cursor": "x"})).status_code == 422


async def test_confirm(stack: Stack, ada: httpx.AsyncClient) -> None:
    reconciliation = await held(stack)
    shown = (await ada.get(f"{PATH}/{reconciliation}")).json()["held"]
    assert (shown["people"], shown["limit"], shown["last_admin"]) == (11, 10, False)
    done = await ada.post(f"{PATH}/{reconciliation}/confirm")
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "completed"
    assert done.json()["confirmed_by"] == (await stack.me(ada))["id"]
    (noted,) = await audited(stack, "reconciliation.completed")
    assert str(noted.actor_id) == done.json()["confirmed_by"]
    assert noted.detail["lost_access"] == 11
    again = await ada.post(f"{PATH}/{reconciliation}/confirm")
    assert (again.status_code, again.json()["code"]) == (409, "not_held")


async def test_confirm_what_a_newer_one_has_replaced(stack: Stack, ada: httpx.AsyncClient) -> None:
    old = await held(stack)
    new = await reconcile(stack)
    assert new.state == "held"
    refused = await ada.post(f"{PATH}/{old}/confirm")
    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        "A newer reconciliation has taken this one's place; look at that one."
    )
    assert (await ada.post(f"{PATH}/{new.id}/confirm")).status_code == 200


async def test_cancel(stack: Stack, ada: httpx.AsyncClient) -> None:
    """Nobody runs it: it ends at once. One that is held is dismissed."""
    queued = await request(stack)
    cancelled = await ada.post(f"{PATH}/{queued}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    again = await ada.post(f"{PATH}/{queued}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "already_finished")
    waiting = await held(stack)
    assert (await ada.post(f"{PATH}/{waiting}/cancel")).json()["state"] == "cancelled"
    assert (await ada.post(f"{PATH}/{waiting}/confirm")).status_code == 409
    assert len(await audited(stack, "reconciliation.cancel_requested")) == 2


async def test_cancel_one_that_is_running(stack: Stack, ada: httpx.AsyncClient) -> None:
    answers = []

    async def meddle(number: int, _request: Any) -> None:
        if number == 3:
            (running,) = (await ada.get(PATH)).json()["items"]
            answers.append(await ada.post(f"{PATH}/{running['id']}/cancel"))

    await reconcile(stack, meddle)
    assert [each.json()["state"] for each in answers] == ["running"]


async def test_ids_of_others_and_of_nobody_are_not_found(
    stack: Stack, ada: httpx.AsyncClient
) -> None:
    """Invariant 9."""
    async with running_stack(stack.database) as other:
        await other.sign_in_as("Admins", "Eve")
        theirs = await held(other)
        for reconciliation in (theirs, UNKNOWN, "x"):
            assert (await ada.get(f"{PATH}/{reconciliation}")).status_code == 404
            for verb in ("confirm", "cancel"):
                answer = await ada.post(f"{PATH}/{reconciliation}/{verb}")
                assert answer.status_code == 404
        assert (await ada.get(PATH)).json()["items"] == []
        async with stack.database.connect() as connection:
            assert (
                await reconciliations.get(connection, other.organization.id, UUID(theirs))
            ).state == "held"


@pytest.mark.parametrize("group", [None, "Authors"])
async def test_admins_only(stack: Stack, group: str | None) -> None:
    browser = await stack.sign_in_as(group)
    for method, path in (
        ("POST", PATH),
        ("GET", PATH),
        ("GET", f"{PATH}/{UNKNOWN}"),
        ("POST", f"{PATH}/{UNKNOWN}/confirm"),
        ("POST", f"{PATH}/{UNKNOWN}/cancel"),
    ):
        assert (await browser.request(method, path)).status_code == 403
