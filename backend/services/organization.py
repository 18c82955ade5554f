"""An organization as its admins see it: its settings, and the way to WorkOS's Admin Portal."""

from datetime import timedelta

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Executor
from backend.errors import InvalidInput
from backend.models import Organization, OrganizationDomain
from backend.okta import keys
from backend.schemas.access import Actor
from backend.schemas.audit import AuditAction, AuditDetail, MirrorState
from backend.schemas.organization import (
    GIVE_ROLES,
    NULLABLE,
    Domain,
    OrganizationDetails,
    OrganizationSettings,
    OrganizationUpdate,
    PortalIntent,
    PortalLink,
)
from backend.services import audit, connections, seats
from backend.services.mirror.portal import DELETED
from backend.services.roles import admins
from backend.services.sessions import Claim, writing
from backend.services.universal_logout import endpoint_of
from backend.services.versions import refuse_stale
from backend.settings import Settings
from backend.workos import clock
from backend.workos.client import WorkosClient

SETTINGS_PAGE = "/dashboard/settings"

_LINK_LIFETIME = timedelta(minutes=5)


async def look(executor: Executor, settings: Settings, organization_id: str) -> OrganizationDetails:
    found = await executor.execute(
        select(
            Organization.name,
            Organization.settings_version,
            *(getattr(Organization, name) for name in OrganizationSettings.model_fields),
        ).where(Organization.workos_id == organization_id)
    )
    row = found.one()
    return OrganizationDetails(
        **OrganizationSettings.model_validate(row, from_attributes=True).model_dump(),
        id=organization_id,
        name=row.name,
        version=row.settings_version,
        seats_exceeded=row.seats is not None
        and await seats.are_exceeded(executor, organization_id, row.seats),
        logout_endpoint=endpoint_of(settings, organization_id),
        domains=await _domains(executor, organization_id),
        sso=await connections.find_sso(executor, organization_id),
    )


async def _domains(executor: Executor, organization_id: str) -> list[Domain]:
    of = OrganizationDomain
    found = await executor.execute(
        select(of.domain, of.state)
        .join(Organization, Organization.workos_id == of.organization_id)
        .where(
            of.organization_id == organization_id,
            of.state != DELETED,
            (
                tuple_(of.occurred_at, of.event_id)
                >= tuple_(Organization.domains_as_of, Organization.domains_id)
            ).is_not(False),
        )
        .order_by(of.domain, of.id)
    )
    return [Domain(domain=row.domain, state=row.state) for row in found]


async def change(
    session: AsyncSession, settings: Settings, actor: Actor, wanted: OrganizationUpdate
) -> OrganizationDetails:
    """Change what is given of the settings.

    Seats may be fewer than have joined: these stay, and that is said.

    Raises:
        StaleVersion: they were changed meanwhile.
        InvalidInput: Universal Logout would be half set up, or its keys be within our network.
        LastAdmin: nobody would be left who may administer.
    """
    organization_id = actor.organization_id
    await admins.take_turns_by_hand(session, organization_id)
    await session.execute(
        select(Organization.workos_id)
        .where(Organization.workos_id == organization_id)
        .with_for_update(key_share=True)
    )
    current = await look(session, settings, organization_id)
    refuse_stale(current, current.version, wanted.version)
    given = wanted.model_dump(mode="json", exclude={"version"}, exclude_unset=True)
    new = {
        name: value
        for name, value in given.items()
        if (value is not None or name in NULLABLE) and value != getattr(current, name)
    }
    if not new:
        return current
    _check_logout(settings, current.model_copy(update=new))
    await session.execute(
        update(Organization)
        .where(Organization.workos_id == organization_id)
        .values(**new, settings_version=Organization.settings_version + 1)
    )
    if not new.keys().isdisjoint(GIVE_ROLES):
        await admins.refuse_to_lose_the_last(session, organization_id)
    before = current.model_dump(mode="json", include=set(new))
    changed = audit.entry(
        AuditAction.SETTING_CHANGED,
        organization_id=organization_id,
        subject_id=organization_id,
        actor_id=actor.user_id,
        detail=AuditDetail(before=MirrorState(settings=before), after=MirrorState(settings=new)),
    )
    await audit.record(session, changed)
    return await look(session, settings, organization_id)


def _check_logout(settings: Settings, wanted: OrganizationDetails) -> None:
    issuer, url = wanted.logout_issuer, wanted.logout_jwks_url
    if (issuer is None) != (url is None):
        missing = "logout_issuer" if issuer is None else "logout_jwks_url"
        raise InvalidInput(missing, "is needed with the other: issuer and key address go together")
    if url is not None and not settings.is_local and keys.is_inner(url):
        raise InvalidInput("logout_jwks_url", "must be an https:// address that anybody can reach")


async def link_to_portal(
    settings: Settings, client: WorkosClient, admin: Claim, intent: PortalIntent
) -> PortalLink:
    """A link for whoever asks, if they are an admin still when WorkOS has answered.

    Raises:
        WorkosUnavailable: it has not.
        NotSignedIn, RoleMissing: they are none any more.
    """
    actor = admin.proved
    url = await client.portal_link(
        actor.organization_id, intent, return_url=f"{settings.public_origin}{SETTINGS_PAGE}"
    )
    made = audit.entry(
        AuditAction.PORTAL_LINK_CREATED,
        organization_id=actor.organization_id,
        subject_id=actor.organization_id,
        actor_id=actor.user_id,
        detail=AuditDetail(intent=intent),
    )
    async with writing(admin) as session:
        await audit.record(session, made)
    return PortalLink(url=url, expires_at=clock.now() + _LINK_LIFETIME)
