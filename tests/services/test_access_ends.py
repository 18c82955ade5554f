"""Sessions and tokens end for good with access, whatever ended it."""

from collections.abc import Awaitable, Callable

import pytest

from backend.services import access_ends
from emulator.testing import User
from tests.events_api import one
from tests.reconciling import reconcile
from tests.stack import Stack, new_event, user_data
from tests.working import execute


@pytest.fixture
def stack(own_stack: Stack) -> Stack:
    return own_stack


async def deactivated(stack: Stack, ann: User) -> None:
    stack.emulator.deactivate_user(ann)
    await stack.deliver()


async def deactivated_and_kept(stack: Stack, ann: User) -> None:
    stack.emulator.settings.retain_deactivated = True
    await deactivated(stack, ann)


async def not_listed(stack: Stack, ann: User) -> None:
    """Nobody announces it."""
    for _ in range(2):
        stack.person()
    stack.emulator.delete_user(ann)
    stack.skip()
    stack.clock.advance(60)
    await reconcile(stack)


async def directory_deleted(stack: Stack, _ann: User) -> None:
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    await behind_the_answer(stack)


async def organization_deleted(stack: Stack, _ann: User) -> None:
    event = {"object": "organization", "id": stack.directory.organization_id, "name": "Gone"}
    assert await stack.post_event(new_event("organization.deleted", event)) == "applied"
    await behind_the_answer(stack)


async def another_key(stack: Stack, ann: User) -> None:
    """The user is of the identity provider's id, which is another one now."""
    other = user_data(stack, id=ann.id, idp_id="00u_another", email="ann@another.example")
    assert await stack.post_event(new_event("dsync.user.updated", other)) == "applied"


async def behind_the_answer(stack: Stack) -> None:
    async with stack.database.connect() as connection:
        await access_ends.end_where_changed(connection)


Loses = Callable[[Stack, User], Awaitable[None]]


@pytest.mark.parametrize(
    "loses",
    [
        deactivated, deactivated_and_kept, not_listed, directory_deleted, organization_deleted,
        another_key,
    ],
)  # fmt: skip
async def test_whatever_ended_it(stack: Stack, loses: Loses) -> None:
    ann = stack.person("Ann")
    await stack.sign_in_as("Admins", "Adam")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    token = (await browser.post("/tokens", json={"name": "t", "scopes": ["read"]})).json()
    bearer = {"Authorization": f"Bearer {token['secret']}"}
    await loses(stack, ann)
    assert (await browser.get("/me")).status_code == 401
    # Whatever should let them in again: it is not these that do.
    left = await one(
        stack,
        """SELECT (SELECT count(*) FROM sessions AS s JOIN users AS u ON u.id = s.user_id
                WHERE u.name LIKE 'Ann%') AS sessions,
            (SELECT count(*) FROM api_tokens) AS tokens""",
    )
    assert left == {"sessions": 0, "tokens": 0}
    assert (await stack.browser().get("/me", headers=bearer)).status_code == 401


async def test_the_first_directory_ends_those_it_does_not_know(stack: Stack) -> None:
    """An organization is managed by its directory from the first event that names one."""
    organization = stack.emulator.create_organization("Before")
    browser = await stack.sign_in("zoe@before.example", organization_id=organization.id)
    stack.emulator.create_directory(organization.id, "New")
    await stack.deliver()
    assert (await browser.get("/me")).status_code == 401
    await behind_the_answer(stack)
    assert await one(stack, "SELECT count(*) FROM sessions") == {"count": 0}


async def test_whose_access_stays_keeps_them(stack: Stack) -> None:
    ann, bob = stack.person("Ann"), stack.person("Bob")
    authors = stack.group("Authors", ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    stack.emulator.remove_member(authors, ann)
    stack.emulator.deactivate_user(bob)
    await stack.deliver()
    await behind_the_answer(stack)
    assert await stack.roles(browser) == ["member"]


async def test_a_session_opened_while_they_went_does_not_outlast_their_return(
    stack: Stack,
) -> None:
    """It was not there yet when theirs were ended."""
    ann = stack.person("Ann")
    await stack.deliver()
    await stack.sign_in(ann)
    await deactivated(stack, ann)
    late = await stack.open_session(ann)
    assert (await late.get("/me")).status_code == 401
    stack.clock.advance(60)
    stack.emulator.reactivate_user(ann)
    await stack.deliver()
    assert (await late.get("/me")).status_code == 401


async def test_blocked_is_out_whatever_the_directory_says(stack: Stack) -> None:
    browser = await stack.sign_in_as("Authors")
    await execute(stack, "UPDATE users SET blocked_at = now()")
    assert (await browser.get("/me")).status_code == 401


@pytest.mark.parametrize(
    ("until", "status"), [("NULL", 200), ("now() + '1 day'", 200), ("now()", 401)]
)
async def test_who_is_admitted_by_hand_is_in_until_their_day(
    stack: Stack, until: str, status: int
) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    await stack.sign_in(ann)
    await deactivated(stack, ann)
    await execute(
        stack,
        f"""INSERT INTO admissions (organization_id, user_id, kind, reason, until)
        SELECT organization_id, id, 'kept', 'The directory is gone.', {until} FROM users""",
    )
    browser = await stack.open_session(ann)
    assert (await browser.get("/me")).status_code == status
