"""Last uses are written without anybody's asking: by the clock, and at the end."""

import pytest
from sqlalchemy import text

from backend.database import Database
from backend.services import last_uses
from tests.stack import Stack, running_stack
from tests.tokens import bearer, new_token
from tests.working import until


async def used_token(stack: Stack) -> str:
    """The id of a user whose token was used just now."""
    ann = await stack.sign_in_as("Authors")
    user_id: str = (await stack.me(ann))["id"]
    client = bearer(stack, await new_token(stack, user_id))
    assert (await client.get("/posts")).status_code == 200
    return user_id


async def is_noted(database: Database, user_id: str) -> bool:
    query = text("SELECT last_used_at IS NOT NULL FROM api_tokens WHERE user_id = :id")
    async with database.connect() as connection:
        return bool(await connection.scalar(query, {"id": user_id}))


async def test_by_the_clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_uses, "_EVERY_SECONDS", 0.1)
    async with running_stack(database) as stack:
        user_id = await used_token(stack)

        async def noted() -> bool:
            return await is_noted(database, user_id)

        await until(noted)


async def test_at_the_end(database: Database) -> None:
    async with running_stack(database) as stack:
        user_id = await used_token(stack)
        assert not await is_noted(database, user_id)
    assert await is_noted(database, user_id)
