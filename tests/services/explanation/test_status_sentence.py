"""What an admin is told of catching up that does not go well."""

from typing import Any

import pytest
from sqlalchemy import text

from backend.database import Database
from backend.services.events.catch_up import _EXPIRED
from tests.stack import running_stack
from tests.working import seem_to_work


@pytest.mark.parametrize(
    ("failures", "error", "sentence", "code"),
    [
        (
            3,
            "WorkOS refuses the key in WORKOS_API_KEY.",
            "Events cannot be read from WorkOS (3 tries in a row, the last one on 2026-01-15 12:00",
            "catch_up_failing",
        ),
        (0, _EXPIRED, _EXPIRED, "cursor_expired"),
    ],
)
async def test_catching_up(
    own_database_url: str, failures: int, error: str, sentence: str, code: str
) -> None:
    database = Database(own_database_url, pool_size=2)
    await seem_to_work(database)
    async with running_stack(database, events_poll_seconds=5) as stack:
        adam = await stack.sign_in_as("Admins", "Adam")
        async with database.connect() as connection:
            await connection.execute(
                text(
                    "INSERT INTO event_cursor (id, failures, error, polled_at)"
                    " VALUES (1, :failures, :error, '2026-01-15T12:00Z')"
                ),
                {"failures": failures, "error": error},
            )
        found: dict[str, Any] = (await adam.get("/directory")).json()
    await database.close()
    assert found["attention"]
    assert found["troubles"] == [{"code": code, "text": found["status"]}]
    assert found["status"].startswith(sentence)
    assert error in found["status"]
