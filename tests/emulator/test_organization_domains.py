"""Domains of organizations: their states, and the events of each change."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from workos import AsyncWorkOSClient, ConflictError, NotFoundError, UnprocessableEntityError
from workos.common.models import OrganizationDomainDataState
from workos.organizations.models import OrganizationDomainData

from emulator.testing import DomainState, Emulator, FailureReason, Organization

Told = Callable[..., Awaitable[list[Any]]]
CHANGES = ("created", "updated", "verified", "verification_failed", "deleted")
EVENTS = tuple(f"organization_domain.{change}" for change in CHANGES)


async def test_a_domain_is_pending_until_its_record_is_found(
    emulator: Emulator, workos: AsyncWorkOSClient, acme: Organization, told: Told
) -> None:
    domains = workos.organization_domains
    made = await domains.create_organization_domain(domain="ACME.test", organization_id=acme.id)
    assert (made.domain, made.state, made.verification_strategy) == ("acme.test", "pending", "dns")
    assert made.verification_token
    assert made.verification_prefix
    assert (await domains.verify_organization_domain(made.id)).state == "pending"
    assert emulator.verify_domain(made.id) is DomainState.VERIFIED
    assert emulator.verify_domain(made.id) is DomainState.VERIFIED
    assert (await domains.get_organization_domain(made.id)).state == "verified"
    organization = await workos.organizations.get_organization(acme.id)
    assert [(each.domain, each.state) for each in organization.domains] == [
        ("acme.example", "verified"), ("acme.test", "verified"),
    ]  # fmt: skip
    found = await workos.organizations.list_organizations(domains=["acme.test"])
    assert [each.id for each in found.data] == [acme.id]

    emulator.verify_domain_again(made.id)
    await domains.delete_organization_domain(made.id)
    with pytest.raises(NotFoundError):
        await domains.get_organization_domain(made.id)
    assert (await workos.organizations.list_organizations(domains=["acme.test"])).data == []
    events = await told(*EVENTS)
    assert [(event.event.partition(".")[2], event.data.state) for event in events] == [
        ("created", "pending"), ("verified", "verified"), ("updated", "pending"),
        ("deleted", "pending"),
    ]  # fmt: skip
    assert {event.data.id for event in events} == {made.id}
    assert {event.data.organization_id for event in events} == {acme.id}


async def test_a_domain_is_verified_by_one_organization_only(
    emulator: Emulator, workos: AsyncWorkOSClient, told: Told, acme: Organization
) -> None:
    beta = emulator.create_organization("Beta")
    domain_id = emulator.add_domain(beta.id, "acme.example")
    assert emulator.verify_domain(domain_id) is DomainState.FAILED
    again = await workos.organization_domains.verify_organization_domain(domain_id)
    assert again.state == "pending"
    emulator.fail_domain(domain_id, FailureReason.EXPIRED)
    failed = await told("organization_domain.verification_failed")
    assert [event.data.reason for event in failed] == [
        FailureReason.ELSEWHERE, FailureReason.EXPIRED,
    ]  # fmt: skip
    for event in failed:
        assert event.data.organization_domain.state == "failed"
        assert event.data.organization_domain.organization_id == beta.id
    both = await workos.organizations.list_organizations(domains=["acme.example"])
    assert [each.id for each in both.data] == [beta.id, acme.id]


async def test_what_was_verified_by_hand_is_verified_by_a_record_again(
    emulator: Emulator, workos: AsyncWorkOSClient, acme: Organization
) -> None:
    (domain,) = emulator.domains(acme.id)
    assert domain["verification_strategy"] == "manual"
    emulator.verify_domain_again(domain["id"])
    again = await workos.organization_domains.get_organization_domain(domain["id"])
    assert (again.state, again.verification_strategy) == ("pending", "dns")
    assert again.verification_token


async def test_what_is_no_domain_or_there_already_is_refused(
    workos: AsyncWorkOSClient, acme: Organization
) -> None:
    for wrong in ("", "localhost", "ann@acme.example", "acme example.com"):
        with pytest.raises(UnprocessableEntityError):
            await workos.organization_domains.create_organization_domain(
                domain=wrong, organization_id=acme.id
            )
    with pytest.raises(ConflictError):
        await workos.organization_domains.create_organization_domain(
            domain="Acme.example", organization_id=acme.id
        )
    with pytest.raises(NotFoundError):
        await workos.organization_domains.create_organization_domain(
            domain="acme.test", organization_id="org_unknown"
        )


async def test_an_organization_is_made_with_domains_in_either_state(
    workos: AsyncWorkOSClient,
) -> None:
    made = await workos.organizations.create_organization(
        name="Made",
        domain_data=[
            OrganizationDomainData("one.example", OrganizationDomainDataState.VERIFIED),
            OrganizationDomainData("two.example", OrganizationDomainDataState.PENDING),
        ],
    )
    assert [(each.domain, each.state) for each in made.domains] == [
        ("one.example", "verified"), ("two.example", "pending"),
    ]  # fmt: skip
