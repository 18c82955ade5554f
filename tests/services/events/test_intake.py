"""What becomes of an accepted event: its outcome, and that it is kept (invariant 5)."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Row, select, text

from backend.database import Database
from backend.models import AuditEvent, DirectoryEvent, DirectoryUser, User
from backend.schemas.events import Outcome, Source
from backend.services.events import intake, parsing
from backend.services.events.replay import replay
from backend.workos.scope import DirectoryScope
from tests.stack import Stack, as_body, new_event, post_webhook, running_stack, user_data

FOREVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


async def inbox(stack: Stack, event_id: str) -> Row[*tuple[Any, ...]] | None:
    async with stack.database.connect() as session:
        query = select(DirectoryEvent).where(DirectoryEvent.id == event_id)
        return (await session.execute(query)).one_or_none()


async def mirrored(stack: Stack, user_id: str) -> Row[*tuple[Any, ...]] | None:
    async with stack.database.connect() as session:
        query = select(DirectoryUser.name, DirectoryUser.state, DirectoryUser.occurred_at).where(
            DirectoryUser.id == user_id
        )
        return (await session.execute(query)).one_or_none()


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def test_applied_then_duplicate(stack: Stack) -> None:
    data = user_data(stack)
    event = new_event("dsync.user.created", data)
    assert await stack.post_event(event) == "applied"
    assert await stack.post_event(event) == "duplicate"
    kept = await inbox(stack, event["id"])
    assert kept is not None
    assert (kept.outcome, kept.attempts, kept.source) == ("applied", 1, "webhook")
    assert kept.organization_id == stack.organization.id
    assert kept.directory_id == stack.directory.id


async def test_invariant_12_an_applied_event_is_in_the_audit_trail(stack: Stack) -> None:
    event = new_event("dsync.user.created", user_data(stack))
    await stack.post_event(event)
    async with stack.database.connect() as session:
        query = select(AuditEvent).where(AuditEvent.event_id == event["id"])
        (entry,) = await session.execute(query)
    assert (entry.action, entry.organization_id) == ("dsync.user.created", stack.organization.id)


async def test_older_is_superseded(stack: Stack) -> None:
    data = user_data(stack, first_name="New")
    assert await stack.post_event(new_event("dsync.user.updated", data)) == "applied"
    older = new_event("dsync.user.created", data | {"first_name": "Old"}, created_at=at(-60))
    assert await stack.post_event(older) == "superseded"
    row = await mirrored(stack, data["id"])
    assert row is not None
    assert row.name.startswith("New")


async def test_unknown_type_is_ignored_and_kept(stack: Stack) -> None:
    for kind in ("vault.data.created", "dsync.deactivated", "x" * 255):
        event = new_event(kind, {"id": "conn_1"})
        assert await stack.post_event(event) == "ignored"
        assert await stack.post_event(event) == "duplicate"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "data.id"),
        ({"id": ""}, "data.id"),
        ({"id": "x" * 256}, "data.id"),
        ({"organization_id": 7}, "data.organization_id"),
        ({"state": None}, "data.state"),
        ({"custom_attributes": []}, "data.custom_attributes"),
        ({"custom_attributes": {"ratio": float("nan")}}, "The database refused it"),
    ],
)
async def test_unusable_data_is_parked_with_its_reason(
    stack: Stack, change: dict[str, Any], reason: str
) -> None:
    event = new_event("dsync.user.created", user_data(stack) | change)
    answer = await post_webhook(stack, as_body(event))
    assert (answer.status_code, answer.json()) == (200, {"outcome": "parked"})
    kept = await inbox(stack, event["id"])
    assert kept is not None
    assert reason in str(kept.detail)
    # It holds up no other.
    assert await stack.post_event(new_event("dsync.user.created", user_data(stack))) == "applied"


@pytest.mark.parametrize("field", ["first_name", "name", "email"])
async def test_a_name_of_any_length_is_shortened(stack: Stack, field: str) -> None:
    """Somebody with a silly name is still to be let in, and still to be let go."""
    data = user_data(stack) | {
        "first_name": None,
        "last_name": None,
        field: secrets.token_hex(9999),
    }
    assert await stack.post_event(new_event("dsync.user.created", data)) == "applied"
    row = await mirrored(stack, data["id"])
    assert row is not None
    assert row.name == data[field][:500]


async def test_nested_deeper_than_can_be_written_is_parked(stack: Stack) -> None:
    """How deep that is depends on the stack: what could be read may be too deep for it."""
    body = as_body(new_event("dsync.user.created", user_data(stack)))
    event = parsing.read(body, Source.WEBHOOK, DirectoryScope())
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    event = event._replace(facts=cast("Any", {**(event.facts or {}), "deep": deep}))
    database = stack.database
    assert await intake.apply(database.events, event) is Outcome.PARKED
    kept = await inbox(stack, event.envelope.id)
    assert kept is not None
    assert kept.body == body


async def test_text_too_long_for_an_index_is_parked(stack: Stack) -> None:
    """It can never be stored, so it is no passing fault that is worth three days of retries."""
    data = user_data(stack, custom_attributes={"department": "x"})
    group = {**data, "name": secrets.token_hex(9999)}
    for event in (
        new_event("dsync.group.created", group),
        new_event("dsync.user.created", data | {"idp_id": secrets.token_hex(9999)}),
    ):
        assert await stack.post_event(event) == "parked"
    assert await mirrored(stack, data["id"]) is None


@pytest.mark.parametrize("across", ["organization_id", "directory_id"])
async def test_invariant_9_a_membership_across_tenants_is_parked(stack: Stack, across: str) -> None:
    user = user_data(stack)
    group = {**user_data(stack), "name": "Authors", across: "another_one"}
    event = new_event("dsync.group.user_added", {"user": user, "group": group})
    assert await stack.post_event(event) == "parked"


async def test_second_delivery_of_a_parked_event_is_a_new_try(stack: Stack) -> None:
    data = user_data(stack)
    event = new_event("dsync.user.created", data | {"state": None})
    assert await stack.post_event(event) == "parked"
    assert await stack.post_event(event) == "parked"
    assert await mirrored(stack, data["id"]) is None
    assert await stack.post_event(event | {"data": data}) == "applied"
    assert await stack.post_event(event | {"data": data}) == "duplicate"
    kept = await inbox(stack, event["id"])
    assert kept is not None
    assert (kept.outcome, kept.reason, kept.detail, kept.attempts) == ("applied", None, None, 3)
    assert await replay(stack.database, DirectoryScope(), event["id"]) == "superseded"


@pytest.mark.parametrize("bad", ["\0", "\ud800"])
async def test_what_cannot_be_stored_becomes_the_replacement_character(
    stack: Stack, bad: str
) -> None:
    attributes = {"job_title": f"a{bad}b", bad: [bad]}
    data = user_data(stack, first_name=f"Z{bad}e", custom_attributes=attributes)
    answer = await post_webhook(stack, as_body(new_event("dsync.user.created", data)))
    assert answer.json() == {"outcome": "applied"}
    row = await mirrored(stack, data["id"])
    assert row is not None
    assert row.name.startswith("Z\N{REPLACEMENT CHARACTER}e")
    async with stack.database.connect() as session:
        query = select(User.job_title).where(User.key == data["idp_id"])
        assert await session.scalar(query) == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "created_at",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "2026-01-15 12:00:00",
        "2026-01-15",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
async def test_absurd_dates_never_fail(stack: Stack, created_at: str) -> None:
    event = new_event("dsync.user.created", user_data(stack), created_at=created_at)
    answer = await post_webhook(stack, as_body(event))
    assert answer.status_code in {200, 422}, answer.text
    assert (await inbox(stack, event["id"]) is not None) == (answer.status_code == 200)


async def test_other_directories_are_ignored_where_one_is_named(database: Database) -> None:
    async with running_stack(database, workos_directory_id="directory_of_ours") as stack:
        theirs = user_data(stack)
        ours = user_data(stack, directory_id="directory_of_ours")
        assert await stack.post_event(new_event("dsync.user.created", theirs)) == "ignored"
        assert await stack.post_event(new_event("dsync.user.created", ours)) == "applied"
        membership = {"user": theirs, "group": {**theirs, "name": "Authors"}}
        assert await stack.post_event(new_event("dsync.group.user_added", membership)) == "ignored"
        gone = {"object": "directory", "id": theirs["directory_id"], "organization_id": "org_1"}
        assert await stack.post_event(new_event("dsync.deleted", gone)) == "ignored"
        assert await mirrored(stack, theirs["id"]) is None


async def test_deliveries_at_once_apply_once(stack: Stack) -> None:
    event = new_event("dsync.user.created", user_data(stack))
    outcomes = await asyncio.gather(*(stack.post_event(event) for _ in range(12)))
    assert sorted(outcomes) == ["applied"] + ["duplicate"] * 11


class TestPassingFaults:
    """Invariant 5: rolled back as a whole and answered 503, so that WorkOS delivers again."""

    async def is_refused_for_now(self, stack: Stack, event: dict[str, Any]) -> None:
        answer = await post_webhook(stack, as_body(event))
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "temporarily_unavailable"

    async def test_statement_timeout(self, database_url: str, stack: Stack) -> None:
        data = user_data(stack)
        await stack.post_event(new_event("dsync.user.created", data))
        event = new_event("dsync.user.updated", data | {"state": "inactive"})
        impatient = Database(f"{database_url}?statement_timeout=200ms", pool_size=1)
        usual, stack.app.state.database = stack.database, impatient
        try:
            async with usual.transaction() as session:
                await session.execute(
                    text("SELECT 1 FROM directory_users WHERE id = :id FOR UPDATE"),
                    {"id": data["id"]},
                )
                await self.is_refused_for_now(stack, event)
        finally:
            stack.app.state.database = usual
            await impatient.close()
        assert await inbox(stack, event["id"]) is None
        row = await mirrored(stack, data["id"])
        assert row is not None
        assert row.state == "active"
        assert await stack.post_event(event) == "applied"

    async def test_connection_lost_midway(self, database_url: str, stack: Stack) -> None:
        data = user_data(stack)
        await stack.post_event(new_event("dsync.user.created", data))
        event = new_event("dsync.user.updated", data | {"first_name": "Later"})
        marked = f"rollcall-{secrets.token_hex(4)}"
        cut = Database(f"{database_url}?application_name={marked}", pool_size=1)
        usual, stack.app.state.database = stack.database, cut
        try:
            async with usual.transaction() as session, usual.connect() as other:
                await session.execute(
                    text("SELECT 1 FROM directory_users WHERE id = :id FOR UPDATE"),
                    {"id": data["id"]},
                )
                waiting = asyncio.create_task(self.is_refused_for_now(stack, event))
                killed = None
                while not killed:
                    assert not waiting.done()
                    await asyncio.sleep(0.02)
                    # A transaction would see for ever who was there when it first looked.
                    killed = await other.scalar(
                        text(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE application_name = :name AND wait_event_type = 'Lock'"
                        ),
                        {"name": marked},
                    )
                await waiting
            assert await inbox(stack, event["id"]) is None
            # The same pool has a new connection by now.
            assert await stack.post_event(event) == "applied"
        finally:
            stack.app.state.database = usual
            await cut.close()

    @pytest.mark.parametrize(
        "address",
        [
            "postgresql://nobody:wrong@127.0.0.1:1/nothing",
            "postgresql://nobody:wrong@does-not-exist.invalid/nothing",
        ],
    )
    async def test_database_away(self, stack: Stack, address: str) -> None:
        event = new_event("dsync.user.created", user_data(stack))
        usual, stack.app.state.database = stack.database, Database(address, pool_size=1)
        try:
            await self.is_refused_for_now(stack, event)
            async with stack.browser() as client:
                assert (await client.get("/readyz")).status_code == 503
                assert (await client.get("/healthz")).status_code == 200
        finally:
            stack.app.state.database = usual
        assert await stack.post_event(event) == "applied"

    async def test_database_refuses_the_connection(self, database_url: str, stack: Stack) -> None:
        """A wrong password, a missing database, too many connections: the server says no."""
        event = new_event("dsync.user.created", user_data(stack))
        address = database_url.rsplit("/", 1)[0] + "/there_is_none"
        usual, stack.app.state.database = stack.database, Database(address, pool_size=1)
        try:
            await self.is_refused_for_now(stack, event)
        finally:
            stack.app.state.database = usual
        assert await stack.post_event(event) == "applied"
