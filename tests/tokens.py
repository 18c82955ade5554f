"""API tokens in tests, whoever made them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from backend.models import ApiToken
from backend.services import tokens
from backend.services.sessions import Token
from tests.stack import Stack


async def new_token(stack: Stack, user_id: str) -> str:
    """A secret of this user's, which may read and write."""
    token = Token.new(stack.organization.id)
    async with stack.database.transaction() as session:
        await session.execute(
            insert(ApiToken).values(
                organization_id=stack.organization.id,
                id=uuid7(),
                token_hash=token.hash,
                user_id=UUID(user_id),
                name="of a test",
                scopes=["read", "write"],
                created_by=UUID(user_id),
                expires_at=datetime.now(UTC) + timedelta(days=1),
            )
        )
    return tokens.written(token)


def bearer(stack: Stack, secret: str) -> httpx.AsyncClient:
    """An API client."""
    client = stack.browser()
    client.headers["Authorization"] = f"Bearer {secret}"
    return client
