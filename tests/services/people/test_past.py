"""The access somebody had, as far as the audit trail tells it."""

from datetime import UTC, datetime
from typing import Any

import httpx

from tests.directory_api import ask, user_id_of
from tests.stack import Stack


def now() -> str:
    return datetime.now(UTC).isoformat()


async def past(admin: httpx.AsyncClient, user_id: str, as_of: str) -> Any:
    return await ask(admin, f"/people/{user_id}/access", as_of=as_of)


async def test_invariant_12_the_state_of_each_time_and_what_made_it(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    before = now()
    ann = stack.person("Ann")
    await stack.deliver()
    as_member = now()
    authors = stack.group("Authors", ann)
    await stack.deliver()
    as_author = now()
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    gone = now()
    ann_id = await user_id_of(adam, ann)

    nothing = await past(adam, ann_id, before)
    assert (nothing["state"], nothing["caused_by"]) == (None, None)
    assert "Nothing is noted" in nothing["sentence"]
    member = await past(adam, ann_id, as_member)
    assert member["state"] == {"active": True, "roles": ["member"]}
    assert member["caused_by"]["what"] == "dsync.user.created"
    author = await past(adam, ann_id, as_author)
    assert author["state"] == {"active": True, "roles": ["member", "author"]}
    assert author["caused_by"]["what"] == "dsync.group.user_added"
    assert author["caused_by"]["group"]["id"] == authors.id
    assert author["may_have_changed"] == []
    out = await past(adam, ann_id, gone)
    assert out["state"] == {"active": False, "roles": []}
    current = await ask(adam, f"/people/{ann_id}/access")
    assert current["state"] == {"active": False, "roles": []}
    assert current["now"]["refusal"]


async def test_what_happened_to_a_group_is_said_and_not_guessed(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    ann = stack.person("Ann")
    authors = stack.group("Authors", ann)
    await stack.deliver()
    stack.emulator.delete_group(authors)
    await stack.deliver()
    ann_id = await user_id_of(adam, ann)
    told = await past(adam, ann_id, now())
    assert told["state"] == {"active": True, "roles": ["member", "author"]}
    (entry,) = told["may_have_changed"]
    assert entry["what"] == "dsync.group.deleted"
    assert "may have changed it" in told["sentence"]


async def test_a_time_that_has_not_come(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    me = (await stack.me(adam))["id"]
    answer = await adam.get(f"/people/{me}/access", params={"as_of": "2099-01-01T00:00:00Z"})
    assert answer.status_code == 422
    assert "as_of" in answer.text
