"""Each permission opens what it is for and nothing else: asked for through HTTP, route by route."""

import re

import pytest

from backend.schemas.access import Permission, Role
from tests.http.test_guards import ROUTES, ask
from tests.stack import Stack

READ = {Permission.READ_POSTS}
EDIT_OWN = {Permission.EDIT_OWN_POSTS, Permission.EDIT_ANY_POST}
EDIT_ANY = {Permission.EDIT_ANY_POST}
DELETE_OWN = {Permission.DELETE_OWN_POSTS, Permission.DELETE_ANY_POST}
DELETE_ANY = {Permission.DELETE_ANY_POST}
INVITE = {Permission.INVITE}
ADMINISTER = {Permission.ADMINISTER}

OF_ADMINS = ("/audit", "/roles", "/directory", "/people", "/organization", "/service-accounts")
# What is one's own.
OF_ANYBODY = ("/sessions", "/tokens", "/me/")

OPENED_BY = {
    ("GET", "/posts"): READ,
    ("GET", "/posts/{own}"): READ,
    ("GET", "/posts/{other}"): READ,
    ("POST", "/posts"): {Permission.CREATE_POSTS},
    ("PATCH", "/posts/{own}"): EDIT_OWN,
    ("PATCH", "/posts/{other}"): EDIT_ANY,
    ("DELETE", "/posts/{own}"): DELETE_OWN,
    ("DELETE", "/posts/{other}"): DELETE_ANY,
    ("POST", "/posts/{own}/restore"): DELETE_OWN,
    ("GET", "/team"): {Permission.READ_TEAM},
    ("GET", "/team/seats"): {Permission.READ_TEAM},
    ("GET", "/team/groups"): {Permission.READ_TEAM},
    ("GET", "/team/departments"): {Permission.READ_TEAM},
    ("GET", "/team/invitations"): INVITE,
    ("POST", "/team/invitations"): INVITE,
    ("POST", "/team/{id}/invitation"): INVITE,
    ("DELETE", "/team/{id}/invitation"): INVITE,
    ("POST", "/team/{id}/invitation/restore"): INVITE,
    **{route: ADMINISTER for route in ROUTES if route[1].startswith(OF_ADMINS)},
    **{route: set(Permission) for route in ROUTES if route[1].startswith(OF_ANYBODY)},
}


def test_every_route_is_opened_by_some_permission() -> None:
    """Except for /me, which tells the permissions."""
    named = {(method, re.sub(r"\{(own|other)\}", "{id}", path)) for method, path in OPENED_BY}
    assert named | {("GET", "/me")} == set(ROUTES)


@pytest.mark.parametrize("permission", Permission)
async def test_a_permission_opens_what_it_is_for_and_nothing_else(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, permission: Permission
) -> None:
    adam, other = await stack.sign_in_as("Admins"), await stack.sign_in_as("Authors")
    stack.person("Ian")
    await stack.deliver()
    (ian,) = (await adam.get("/team", params={"q": "ian"})).json()["items"]
    ids = {
        "{own}": (await ask(adam, "POST", "/posts")).json()["id"],
        "{other}": (await ask(other, "POST", "/posts")).json()["id"],
        "{id}": ian["id"],
        "{slug}": "editor",
        "{role}": "author",
    }
    for role in Role:
        monkeypatch.setattr(role, "permissions", frozenset({permission}))
    assert (await stack.me(adam))["permissions"] == [permission]
    opened = set()
    for method, path in OPENED_BY:
        answer = await ask(adam, method, re.sub(r"\{\w+\}", lambda found: ids[found[0]], path))
        if answer.status_code == 403:
            assert answer.json()["code"] in {"role_missing", "not_yours"}
        else:
            opened.add((method, path))
    assert opened == {route for route, openers in OPENED_BY.items() if permission in openers}
    assert opened, "nothing asks for it: it is told of in vain"


async def test_a_refusal_names_the_roles_and_a_group_that_would_do(stack: Stack) -> None:
    max_ = await stack.sign_in_as(None)
    answer = await ask(max_, "POST", "/posts")
    assert answer.json()["detail"] == (
        "Writing needs the role author or admin. Ask your IT administrator to put you into the "
        "directory group that gives it, such as Authors."
    )
    answer = await ask(max_, "GET", "/directory")
    assert answer.json()["detail"].startswith("This needs the role admin. ")
    assert answer.json()["detail"].endswith(" such as Admins.")
