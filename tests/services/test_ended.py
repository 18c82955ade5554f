"""What has ended does not stay for ever."""

import asyncio

import pytest
from sqlalchemy import text

from backend import jobs
from backend.models import Base
from backend.services.ended import _HAS_ENDED, delete_ended
from tests.stack import Stack
from tests.working import execute


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


async def tidy_up(stack: Stack) -> None:
    state = stack.app.state
    await jobs.Worker(state.settings, stack.database, state.workos, asyncio.Event()).tidy_up()


async def count(stack: Stack, table: str) -> int:
    async with stack.database.connect() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_sessions_and_states_go_when_they_have_expired(stack: Stack) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as("Authors")
    await tidy_up(stack)
    assert (await count(stack, "sessions"), await count(stack, "used_states")) == (2, 2)
    for table in ("sessions", "used_states"):
        await execute(
            stack,
            f"""UPDATE {table} SET expires_at = now() - interval '1 second'
            WHERE ctid = (SELECT min(ctid) FROM {table})""",
        )
    await tidy_up(stack)
    assert (await count(stack, "sessions"), await count(stack, "used_states")) == (1, 1)
    statuses = sorted([(await person.get("/me")).status_code for person in (ann, bob)])
    assert statuses == [200, 401]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("expires_at = now() + interval '1 minute'", 1),
        ("expires_at = now() - interval '89 days'", 1),
        ("expires_at = now() - interval '91 days'", 0),
        ("closed_at = now() - interval '89 days'", 1),
        ("closed_at = now() - interval '91 days'", 0),
    ],
)
async def test_invitations_go_90_days_after_their_end(stack: Stack, change: str, left: int) -> None:
    """Until then people see what became of them; a sign-in under way asks whose a used one was."""
    admin = await stack.sign_in_as("Admins", "Adam")
    stack.person("Zoe")
    await stack.deliver()
    people = (await admin.get("/team", params={"status": "invitable"})).json()["items"]
    assert (await admin.post(f"/team/{people[0]['id']}/invitation")).status_code == 201
    await execute(stack, f"UPDATE invitations SET {change}")
    await tidy_up(stack)
    assert await count(stack, "invitations") == left


async def test_in_batches_of_every_organization_there_or_not(stack: Stack) -> None:
    await execute(
        stack,
        """INSERT INTO used_states (organization_id, state_hash, expires_at)
        SELECT 'org_' || n % 3, sha256(n::text::bytea),
               now() + CASE WHEN n < 30 THEN interval '-1 s' ELSE interval '1 h' END
        FROM generate_series(1, 33) AS n""",
    )
    deleted = await delete_ended(stack.database, batch=4)
    assert deleted == {
        "sessions": 0,
        "api_tokens": 0,
        "used_states": 29,
        "invitations": 0,
        "deleted_posts": 0,
        "event_hours": 0,
        "rate_counts": 0,
    }
    assert await count(stack, "used_states") == 4


async def test_what_limits_have_counted_goes_when_its_window_is_over(stack: Stack) -> None:
    await execute(
        stack,
        """INSERT INTO rate_counts (key, count, expires_at)
        SELECT 'of/' || n, 1,
               now() + CASE WHEN n < 9 THEN interval '-1 s' ELSE interval '1 h' END
        FROM generate_series(1, 10) AS n""",
    )
    deleted = await delete_ended(stack.database, batch=4)
    assert deleted["rate_counts"] == 8
    assert await count(stack, "rate_counts") == 2


def test_whatever_can_expire_is_deleted() -> None:
    expiring = {name for name, table in Base.metadata.tables.items() if "expires_at" in table.c}
    expiring -= {"connection_certificates"}  # of the mirror, from which nothing is deleted
    expiring |= {"event_hours"}  # four days after their hour
    assert expiring == {table.__tablename__ for table in _HAS_ENDED} | {"rate_counts"}
