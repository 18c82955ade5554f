"""Administration as a customer has it, from a mapping to a rehire, over HTTP only."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.asking_roles import group_named, put
from tests.directory_api import ask, user_id_of
from tests.owner import execute_as_owner
from tests.stack import Stack
from tests.tokens import bearer

TOKEN = {"name": "Reports", "scopes": ["read", "write"], "expires_in_days": 30}
POST = {"title": "Numbers", "content": "We sold more."}
DAY = timedelta(days=1)


async def days_pass(stack: Stack, days: int = 1) -> None:
    """For what is noted so far: the only thing here that no request does."""
    await execute_as_owner(
        stack.database,
        "SET LOCAL rollcall.audit_change = 'on'",
        f"""UPDATE audit_events SET at = at - {days} * interval '24 hours'
        WHERE organization_id = '{stack.organization.id}'""",
    )


async def holders(admin: httpx.AsyncClient, role: str, days_ago: int) -> dict[str, bool]:
    """Who had a role then, and whether that is certain."""
    on = (datetime.now(UTC) - days_ago * DAY).date()
    found = await ask(admin, "/audit/roles", role=role, on=str(on))
    return {item["name"].split()[0]: item["certain"] for item in found["items"]}


async def told(admin: httpx.AsyncClient, *names: str) -> list[tuple[str, ...]]:
    """The whole log, oldest first: who, what and about whom, by their first names."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await ask(admin, "/audit", limit=3, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    entries = [
        (
            (entry["actor"] or {"name": "-"})["name"].split()[0],
            entry["action"],
            (entry["subject"]["name"] or "-").split()[0],
        )
        for entry in reversed(items)
    ]
    return [entry for entry in entries if {entry[0], entry[2]} & set(names)]


async def test_from_a_mapping_to_a_rehire(stack: Stack) -> None:
    sam = stack.person("Sam")
    sales = stack.group("Sales", sam)
    adam = await stack.sign_in_as("Admins", "Adam")
    sams = await stack.sign_in(sam)
    me = await stack.me(sams)
    assert me["roles"] == ["member"]
    await days_pass(stack)

    # An admin maps Sales to author, after a preview, which changes nothing.
    group = await group_named(adam, "Sales")
    wanted = {"group_id": group["id"], "roles": ["author"]}
    preview = (await adam.post("/roles/preview", json=wanted)).json()
    (gain,) = preview["gains"]
    assert (gain["role"], gain["people"]) == ("author", 1)
    assert [person["name"] for person in gain["examples"]] == [me["name"]]
    assert preview["losses"] == []
    assert await stack.roles(sams) == ["member"]
    assert (await sams.post("/posts", json=POST)).status_code == 403
    assert (await put(adam, group, "author")).status_code == 200
    assert await stack.roles(sams) == ["member", "author"]

    # Sam makes a token and writes by it.
    made = (await sams.post("/tokens", json=TOKEN)).json()
    client = bearer(stack, made["secret"])
    written = await client.post("/posts", json=POST)
    assert written.status_code == 201, written.text
    post = written.json()
    await days_pass(stack)

    # Okta deactivates them: refused at the next request, by whatever they ask.
    stack.emulator.deactivate_user(sam)
    assert set(await stack.deliver()) == {"applied"}
    for asking, code in ((sams, "not_signed_in"), (client, "credential_refused")):
        for method, path in (("GET", "/posts"), ("POST", "/posts"), ("GET", "/me")):
            refused = await asking.request(method, path, json=POST if method == "POST" else None)
            assert (refused.status_code, refused.json()["code"]) == (401, code)
    assert await stack.refused(sam) == "deactivated"
    assert (await adam.get(f"/posts/{post['id']}")).json()["author"]["name"] == me["name"]
    await days_pass(stack, 2)

    # Rehired: in again with their posts, and with nothing that they held.
    stack.clock.advance(60)
    back = stack.emulator.reactivate_user(sam)
    stack.emulator.add_member(sales, back)
    assert set(await stack.deliver()) == {"applied"}
    for asking in (sams, client):
        assert (await asking.get("/me")).status_code == 401
    again = await stack.sign_in(back)
    assert (await stack.me(again))["id"] == me["id"]
    assert await stack.roles(again) == ["member", "author"]
    (theirs,) = (await ask(again, "/posts", author=me["id"]))["items"]
    assert (theirs["id"], theirs["can_edit"]) == (post["id"], True)
    assert (await ask(again, "/tokens"))["items"] == []
    assert await user_id_of(adam, back) == me["id"]

    # The log tells it all, in order, …
    assert await told(adam, "Sam", "Sales") == [
        ("-", "dsync.user.created", "Sam"),
        ("-", "dsync.group.created", "Sales"),
        ("-", "dsync.group.user_added", "Sam"),
        ("Sam", "session.opened", "Sam"),
        ("Adam", "mapping.changed", "Sales"),
        ("Sam", "token.created", "Sam"),
        ("Sam", "post.created", "Numbers"),
        ("-", "dsync.user.deleted", "Sam"),
        ("-", "sign_in.refused", "Sam"),
        ("-", "dsync.user.created", "Sam"),
        ("-", "snapshot.person", "Sam"),
        ("Sam", "session.opened", "Sam"),
    ]
    # … and who could do what on each day, for certain.
    assert [await holders(adam, "admin", ago) for ago in range(6)] == [
        {"Adam": True}, {"Adam": True}, {"Adam": True}, {"Adam": True}, {"Adam": True}, {},
    ]  # fmt: skip
    assert [await holders(adam, "author", ago) for ago in range(6)] == [
        {"Sam": True}, {}, {"Sam": True}, {"Sam": True}, {}, {},
    ]  # fmt: skip
