"""Invariants 3 and 4 for what is set up in WorkOS's Admin Portal, and where it wants attention."""

import itertools
import json
from random import Random
from typing import Any

import pytest

from backend.services.mirror.facts import HANDLERS
from backend.services.mirror.portal import HANDLERS as PORTAL
from emulator.testing import DomainState
from tests.convergence.mirror import contents
from tests.directory_api import ask
from tests.events_api import polling
from tests.reconciling import reconcile
from tests.stack import Stack, new_event

Event = dict[str, Any]

_copies = itertools.count(1)


def history(stack: Stack) -> list[Event]:
    """Of everything that an IT administrator can do there, each some times."""
    emulator, of = stack.emulator, stack.organization.id
    connection = stack.organization.connection_id
    first = emulator.add_domain(of, "first.example")
    second = emulator.add_domain(of, "second.example", DomainState.VERIFIED)
    emulator.verify_domain(first)
    emulator.update_organization(of, "Acme & Sons")
    emulator.verify_domain_again(second)
    emulator.fail_domain(second)
    emulator.delete_domain(first)
    emulator.deactivate_connection(connection)
    emulator.activate_connection(connection)
    emulator.let_certificate_expire(connection, 10)
    emulator.renew_certificate(connection)
    another = emulator.create_connection(of, "Entra")
    emulator.delete_connection(another)
    emulator.let_certificate_expire(connection, 3)
    token = emulator.create_token(stack.directory.id)
    emulator.revoke_token(token)
    stack.skip()
    return [event for event in emulator.events if event["event"] in HANDLERS]


def copied(events: list[Event]) -> tuple[list[Event], str]:
    """Of another organization: all ids changed alike, so that they sort alike."""
    mark = f"P{next(_copies):06d}"
    text = json.dumps(events)
    for prefix in ("event", "org", "org_domain", "conn", "directory", "directory_token"):
        text = text.replace(f'"{prefix}_01', f'"{prefix}_{mark}')
    made: list[Event] = json.loads(text)
    return made, next(
        event["data"]["id"] for event in made if event["event"] == "organization.created"
    )


async def told(stack: Stack, events: list[Event]) -> set[str]:
    """What is then in the mirror, without what tells a copy from another."""
    copy, organization = copied(events)
    for event in copy:
        await stack.post_event(event)
    async with stack.database.connect() as connection:
        found = await contents(connection, organization)
    mark = organization.split("_")[1][:7]
    return {row.replace(mark, "") for row in found}


async def test_invariant_3_any_order_and_any_number_of_times(stack: Stack) -> None:
    events = history(stack)
    assert {event["event"] for event in events} >= set(PORTAL)
    in_order = await told(stack, events)
    assert len(in_order) > 8
    rng = Random(11)
    for _ in range(8):
        shuffled = events + rng.choices(events, k=5)
        rng.shuffle(shuffled)
        assert await told(stack, shuffled) == in_order


async def test_invariant_4_a_removal_creates_nothing_that_counts(stack: Stack) -> None:
    """A domain that is gone before it was known lets nobody in, and is not shown."""
    domain = stack.emulator.add_domain(stack.organization.id, "late.example", DomainState.VERIFIED)
    stack.emulator.delete_domain(domain)
    created, deleted = stack.skip()[-2:]
    adam = await stack.sign_in_as("Admins", "Adam")
    assert await stack.post_event(deleted) == "applied"
    assert await stack.post_event(created) == "superseded"
    assert (await ask(adam, "/organization"))["domains"] == []
    answer = await stack.browser().get("/auth?email=ann@late.example")
    assert answer.headers["location"] == "/?error=organization_required"


async def test_what_a_newer_listing_lacks_is_gone(stack: Stack) -> None:
    """That of an event about the organization, and that which a reconciliation reads."""
    adam = await stack.sign_in_as("Admins", "Adam")
    emulator, of = stack.emulator, stack.organization.id

    async def domains() -> list[str]:
        return [each["domain"] for each in (await ask(adam, "/organization"))["domains"]]

    first = emulator.add_domain(of, "first.example", DomainState.VERIFIED)
    second = emulator.add_domain(of, "second.example", DomainState.VERIFIED)
    await stack.deliver()
    assert await domains() == ["first.example", "second.example"]
    emulator.delete_domain(first)
    stack.skip()
    emulator.update_organization(of, "Acme & Sons")
    await stack.deliver()
    assert await domains() == ["second.example"]
    emulator.delete_domain(second)
    emulator.add_domain(of, "third.example")
    stack.skip()
    stack.clock.advance(60)
    await reconcile(stack)
    assert await domains() == ["third.example"]


async def test_an_event_that_lists_no_domains_takes_none_away(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    stack.emulator.add_domain(stack.organization.id, "acme.example")
    await stack.deliver()
    short = {"object": "organization", "id": stack.organization.id, "name": "Acme"}
    assert await stack.post_event(new_event("organization.updated", short)) == "applied"
    assert len((await ask(adam, "/organization"))["domains"]) == 1


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("connection.activated", {"connection": {"organization_id": "org_other"}}),
        ("connection.saml_certificate_renewed", {"organization_id": "org_other"}),
        ("organization_domain.verification_failed", {"organization_id": "org_other"}),
    ],
)
async def test_invariant_9_parts_of_two_organizations(
    stack: Stack, kind: str, data: dict[str, Any]
) -> None:
    of = stack.organization.id
    named: dict[str, Any] = {
        "id": "x",
        "organization_id": of,
        "domain": "a.example",
        "state": "verified",
    }
    whole: dict[str, Any] = {
        "connection.activated": named,
        "connection.saml_certificate_renewed": {"connection": named, "certificate": {}},
        "organization_domain.verification_failed": {"organization_domain": named},
    }[kind]
    assert await stack.post_event(new_event(kind, whole)) == "applied"
    assert await stack.post_event(new_event(kind, whole | data)) == "parked"


async def test_a_revoked_token_is_shown_until_there_is_another_or_something_comes(
    own_stack: Stack,
) -> None:
    """It goes by the Events API only, which must be asked for it."""
    stack = own_stack
    adam = await stack.sign_in_as("Admins", "Adam")

    async def troubles() -> list[str]:
        await poller.outcomes()
        found = (await ask(adam, "/directory"))["troubles"]
        return [each["code"] for each in found if each["code"] != "no_worker"]

    async with polling(stack) as poller:
        (first,) = stack.emulator.token_ids(stack.directory.id)
        second = stack.emulator.create_token(stack.directory.id)
        stack.emulator.revoke_token(first)
        assert await troubles() == []  # the other one opens it
        stack.emulator.revoke_token(second)
        assert await troubles() == ["directory_cut_off"]
        third = stack.emulator.create_token(stack.directory.id)
        assert await troubles() == []
        stack.emulator.revoke_token(third)
        assert await troubles() == ["directory_cut_off"]
        stack.person("Ann")  # so there is a token of which nothing was told
        assert await troubles() == []
