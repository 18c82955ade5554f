"""Sessions: a new one at each sign-in, stored as a hash alone."""

import hashlib

from sqlalchemy import select

from backend.models import Session
from tests.stack import Stack

SESSION = "rollcall_session"


async def test_a_new_session_each_time_and_the_old_one_ends(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    first = browser.cookies[SESSION]
    await stack.finish_sign_in(browser, stack.emulator.sso_code(ann, stack.organization.id))
    assert browser.cookies[SESSION] != first
    assert (await browser.get("/me")).status_code == 200
    old = await stack.browser().get("/me", headers={"Cookie": f"{SESSION}={first}"})
    assert old.status_code == 401


async def test_a_session_planted_before_the_sign_in_is_not_taken_over(stack: Stack) -> None:
    """Session fixation: whatever cookie the browser had, the token is a new one."""
    eve, ann = stack.person("Eve"), stack.person("Ann")
    await stack.deliver()
    planted = (await stack.sign_in(eve)).cookies[SESSION]
    browser = stack.browser()
    browser.cookies.set(SESSION, planted)
    await stack.finish_sign_in(browser, stack.emulator.sso_code(ann, stack.organization.id))
    old = await stack.browser().get("/me", headers={"Cookie": f"{SESSION}={planted}"})
    assert old.status_code == 401


async def test_only_a_hash_of_the_session_is_stored(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    token = (await stack.sign_in(ann)).cookies[SESSION].rsplit(".", 1)[0]
    async with stack.database.connect() as session:
        query = select(Session.__table__).where(Session.organization_id == stack.organization.id)
        (row,) = (await session.execute(query)).all()
    organization_id, secret = token.rsplit(".", 1)
    assert organization_id == stack.organization.id
    assert row.token_hash == hashlib.sha256(secret.encode()).digest()
    assert secret not in repr(row)
