"""Sessions: seen and ended by whoever has them, and by admins."""

import pytest
from sqlalchemy import text

from backend.database import Database
from backend.services.session_list import device_in_words, place_in_words
from tests.stack import Stack, running_stack
from tests.working import execute

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


async def test_somebody_sees_theirs_and_ends_one(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    laptop, phone = await stack.sign_in(ann), await stack.sign_in(ann)
    other = await stack.sign_in_as("Authors", "Olga")
    items = (await laptop.get("/sessions")).json()["items"]
    assert len(items) == 2
    (current,) = [each for each in items if each["current"]]
    (of_phone,) = [each for each in items if not each["current"]]
    assert (await other.delete(f"/sessions/{of_phone['id']}")).status_code == 404
    assert (await phone.get("/me")).status_code == 200
    assert (await laptop.delete(f"/sessions/{of_phone['id']}")).status_code == 204
    assert (await phone.get("/me")).status_code == 401
    assert (await laptop.get("/sessions")).json()["items"] == [current]
    assert (await laptop.delete(f"/sessions/{of_phone['id']}")).status_code == 404


async def test_all_others_end(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    here, *others = [await stack.sign_in(ann) for _ in range(3)]
    olga = await stack.sign_in_as("Authors", "Olga")
    assert (await here.post("/sessions/end-others")).status_code == 204
    assert [(await browser.get("/me")).status_code for browser in (here, *others, olga)] == [
        200, 401, 401, 200
    ]  # fmt: skip


async def test_an_admin_sees_and_ends_anybodys(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    path = f"/people/{(await stack.me(ann))['id']}/sessions"
    assert (await ann.get(path)).status_code == 403
    (of_ann,) = (await adam.get(path)).json()["items"]
    assert not of_ann["current"]
    assert (await adam.delete(f"{path}/{of_ann['id']}")).status_code == 204
    assert (await ann.get("/me")).status_code == 401
    async with stack.database.connect() as connection:
        noted = await connection.scalars(
            text("""SELECT actor_id FROM audit_events
                WHERE organization_id = :organization AND action = 'session.ended'"""),
            {"organization": stack.organization.id},
        )
        assert [str(by) for by in noted] == [(await stack.me(adam))["id"]]


async def test_invariant_9_not_those_of_another_organization(own_database_url: str) -> None:
    database = Database(own_database_url, pool_size=2)
    async with running_stack(database) as one, running_stack(database) as other:
        ann, eve = await one.sign_in_as("Authors"), await other.sign_in_as("Admins", "Eve")
        me = (await one.me(ann))["id"]
        (of_ann,) = (await ann.get("/sessions")).json()["items"]
        assert (await eve.get(f"/people/{me}/sessions")).status_code == 404
        assert (await eve.delete(f"/people/{me}/sessions/{of_ann['id']}")).status_code == 404
        assert (await eve.delete(f"/sessions/{of_ann['id']}")).status_code == 404
        assert (await ann.get("/me")).status_code == 200
    await database.close()


async def test_what_rests_for_a_day_ends(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    await execute(stack, "UPDATE sessions SET last_used_at = now() - interval '23 hours'")
    assert (await ann.get("/me")).status_code == 200
    await stack.app.state.last_uses.write()
    (used,) = (await ann.get("/sessions")).json()["items"]
    assert used["last_used_at"] > used["created_at"]
    await execute(stack, "UPDATE sessions SET last_used_at = now() - interval '25 hours'")
    assert (await ann.get("/me")).status_code == 401


async def test_how_long_it_may_rest_is_the_organizations(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    await execute(stack, "UPDATE organizations SET session_idle_seconds = 900")
    await execute(stack, "UPDATE sessions SET last_used_at = now() - interval '14 minutes'")
    assert (await ann.get("/me")).status_code == 200
    await execute(stack, "UPDATE sessions SET last_used_at = now() - interval '16 minutes'")
    assert (await ann.get("/me")).status_code == 401


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [(FIREFOX, "Firefox, Linux"), (None, "An unknown device"), ("?", "Other, Other")],
)
def test_a_device_in_words(user_agent: str | None, words: str) -> None:
    assert device_in_words(user_agent) in {words, "An unknown device"}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "this computer"), ("10.1.2.3", "a private network"),
        ("93.184.216.34", "93.184.216.34"), (None, "an unknown place"),
        ("nonsense", "an unknown place"),
    ],
)  # fmt: skip
def test_a_place_in_words(address: str | None, words: str) -> None:
    assert place_in_words(address) == words
