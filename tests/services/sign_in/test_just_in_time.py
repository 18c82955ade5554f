"""An organization that has SSO and no directory: the first sign-in makes the user."""

import secrets

import httpx
import pytest
from sqlalchemy import select, text

from backend.models import User
from emulator.testing import Organization
from tests.stack import Stack


@pytest.fixture
def organization(stack: Stack) -> Organization:
    return stack.emulator.create_organization("Without")


async def enter(stack: Stack, organization: Organization) -> httpx.AsyncClient:
    return await stack.sign_in(
        "jo@without.example", first_name="Jo", organization_id=organization.id
    )


async def test_just_in_time(stack: Stack, organization: Organization) -> None:
    jo = await enter(stack, organization)
    assert (await stack.me(jo))["name"] == "Jo"
    assert await stack.roles(jo) == ["member"]
    assert await stack.me(await enter(stack, organization)) == await stack.me(jo)
    async with stack.database.connect() as session:
        query = select(User.id).where(User.organization_id == organization.id)
        assert len((await session.scalars(query)).all()) == 1


async def test_a_name_of_any_length(stack: Stack, organization: Organization) -> None:
    long = secrets.token_hex(9999)
    await stack.sign_in("jo@w.example", organization_id=organization.id, first_name=long)


async def test_blocked(stack: Stack, organization: Organization) -> None:
    jo = await enter(stack, organization)
    async with stack.database.transaction() as session:
        await session.execute(
            text("UPDATE users SET blocked_at = now() WHERE organization_id = :id"),
            {"id": organization.id},
        )
    assert (await jo.get("/me")).status_code == 401
    reason = await stack.refused("jo@without.example", organization_id=organization.id)
    assert reason == "blocked"


@pytest.mark.parametrize("late", [False, True])
async def test_once_a_directory_appears_it_decides(
    stack: Stack, organization: Organization, *, late: bool
) -> None:
    jo = await enter(stack, organization)
    directory = stack.emulator.create_directory(organization.id, "New")
    kim = stack.emulator.create_user(directory.id, email="kim@without.example")
    stack.clock.advance(15)
    stack.skip() if late else await stack.deliver()
    reason = await stack.refused("jo@without.example", organization_id=organization.id)
    assert reason == "not_in_directory"
    # The listing that the refusal has read is merged, though the webhook has not come.
    assert (await jo.get("/me")).status_code == 401
    await stack.sign_in(kim, organization_id=organization.id)
