"""The domains of an organization, and whether it has shown that they are its own."""

import json
import re
from enum import StrEnum
from typing import Any

from emulator.clock import iso
from emulator.workos import events, organizations, wire
from emulator.workos.world import NotFoundError, RefusedError, World

Json = dict[str, Any]
NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class DomainState(StrEnum):
    """WorkOS's words."""

    VERIFIED = "verified"
    PENDING = "pending"
    FAILED = "failed"


class FailureReason(StrEnum):
    """Why a domain could not be verified, in WorkOS's words."""

    EXPIRED = "domain_verification_period_expired"
    ELSEWHERE = "domain_verified_by_other_organization"


def get(world: World, domain_id: str) -> Json:
    """Raises NotFoundError."""
    found = world.store.text(
        "select d.value from organizations o, json_each(o.domains) d where d.value ->> 'id' = ?",
        domain_id,
    )
    if found is None:
        raise NotFoundError("Organization Domain", domain_id)
    domain: Json = json.loads(found)
    return domain


def of_organization(world: World, organization_id: str) -> list[Json]:
    listed: list[Json] = json.loads(organizations.get(world, organization_id)["domains"])
    return listed


def add(
    world: World, organization_id: str, name: str, state: DomainState = DomainState.PENDING
) -> Json:
    """`organization_domain.created`. Raises RefusedError 422 for no domain, 409 if it is there."""
    name = name.strip().lower()
    if NAME.fullmatch(name) is None:
        raise RefusedError(422, f"'{name}' is not a domain.")
    listed = of_organization(world, organization_id)
    if any(each["domain"] == name for each in listed):
        raise RefusedError(409, f"The organization has the domain '{name}' already.")
    domain = wire.organization_domain(
        world.new_id("org_domain"), organization_id, name, state, world.clock.now_ms()
    )
    with world.store.transaction():
        _keep(world, organization_id, [*listed, domain])
        events.record(world, "organization_domain.created", domain, organization_id)
    return domain


def verify(world: World, domain_id: str) -> Json:
    """The DNS record is found: `organization_domain.verified`.

    Where another organization has it verified, `organization_domain.verification_failed`.
    """
    domain = get(world, domain_id)
    if domain["state"] == DomainState.VERIFIED:
        return domain
    if world.store.exists(
        "select 1 from organizations o, json_each(o.domains) d where d.value ->> 'domain' = ?"
        " and d.value ->> 'state' = 'verified'",
        domain["domain"],
    ):
        return fail(world, domain_id, FailureReason.ELSEWHERE)
    with world.store.transaction():
        changed = _to_state(world, domain, DomainState.VERIFIED)
        organization_id = domain["organization_id"]
        events.record(world, "organization_domain.verified", changed, organization_id)
    return changed


def fail(world: World, domain_id: str, reason: FailureReason = FailureReason.EXPIRED) -> Json:
    """`organization_domain.verification_failed`, which carries the domain in a field of its own."""
    with world.store.transaction():
        changed = _to_state(world, get(world, domain_id), DomainState.FAILED)
        events.record(
            world,
            "organization_domain.verification_failed",
            {"reason": reason, "organization_domain": changed},
            changed["organization_id"],
        )
    return changed


def begin_again(world: World, domain_id: str) -> Json:
    """Back to pending, if it is not; `organization_domain.updated`."""
    domain = get(world, domain_id)
    if domain["state"] == DomainState.PENDING:
        return domain
    if "verification_token" not in domain:
        domain |= wire.dns_record(domain_id)
    with world.store.transaction():
        changed = _to_state(world, domain, DomainState.PENDING)
        organization_id = domain["organization_id"]
        events.record(world, "organization_domain.updated", changed, organization_id)
    return changed


def delete(world: World, domain_id: str) -> None:
    """`organization_domain.deleted`."""
    domain = get(world, domain_id)
    organization_id = domain["organization_id"]
    with world.store.transaction():
        rest = [each for each in of_organization(world, organization_id) if each["id"] != domain_id]
        _keep(world, organization_id, rest)
        events.record(world, "organization_domain.deleted", domain, organization_id)


def _to_state(world: World, domain: Json, state: DomainState) -> Json:
    changed = domain | {"state": state, "updated_at": iso(world.clock.now_ms())}
    listed = of_organization(world, domain["organization_id"])
    wanted = [changed if each["id"] == domain["id"] else each for each in listed]
    _keep(world, domain["organization_id"], wanted)
    return changed


def _keep(world: World, organization_id: str, listed: list[Json]) -> None:
    world.store.run(
        "update organizations set domains = ? where id = ?", json.dumps(listed), organization_id
    )
