"""Okta's Universal Logout: somebody's sessions and tokens are ended from Okta's side."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, func, not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Database, Query
from backend.errors import LogoutNotSetUp, NotFound
from backend.models import Organization, User
from backend.okta.subjects import ByEmail, ById, ByIssuerAndSubject
from backend.okta.tokens import Expected
from backend.schemas.audit import AuditAction, AuditDetail
from backend.services import access_ends, audit
from backend.settings import Settings

PATH = "/okta/universal-logout"

_TRIGRAM = 3

_SET_UP = Query(
    select(Organization.logout_issuer, Organization.logout_jwks_url).where(
        Organization.workos_id == bindparam("organization_id"),
        not_(Organization.deleted),
        Organization.logout_issuer.is_not(None),
        Organization.logout_jwks_url.is_not(None),
    )
)


def endpoint_of(settings: Settings, organization_id: str) -> str:
    """What Okta is told, and puts into what it signs."""
    return f"{settings.public_origin}{PATH}/{organization_id}"


async def find_expected(database: Database, settings: Settings, organization_id: str) -> Expected:
    """Raises LogoutNotSetUp, for an organization that there is not, too."""
    rows = await database.fetch(_SET_UP, organization_id=organization_id)
    if not rows:
        raise LogoutNotSetUp
    return Expected(
        issuer=rows[0]["logout_issuer"],
        jwks_url=rows[0]["logout_jwks_url"],
        audience=endpoint_of(settings, organization_id),
    )


async def sign_out(
    session: AsyncSession, organization_id: str, subject: ByEmail | ByIssuerAndSubject | ById
) -> None:
    """End all sessions and tokens of whoever is meant. They may sign in anew, and invitations stay.

    An address may be several people's. All of them are signed out: who is meant cannot be known,
    one too many only signs in again, and one too few may be a thief.

    Raises:
        NotFound: nobody of the organization is meant.
    """
    people = await _find(session, organization_id, subject)
    if not people:
        raise NotFound
    ended = await access_ends.sign_out(session, organization_id, people)
    entries = [
        audit.entry(
            AuditAction.UNIVERSAL_LOGOUT,
            organization_id=organization_id,
            subject_id=user_id,
            detail=AuditDetail(source=subject.format, sessions=held.sessions, tokens=held.tokens),
        )
        for user_id, held in ended.items()
    ]
    await audit.record(session, *entries)


async def _find(
    session: AsyncSession, organization_id: str, subject: ByEmail | ByIssuerAndSubject | ById
) -> Sequence[UUID]:
    here = select(User.id).where(User.organization_id == organization_id)
    match subject:
        case ByEmail(email=email):
            return await _find_by_email(session, organization_id, email)
        case ByIssuerAndSubject(sub=sub):
            # Whose issuer it is differs with the kind of connection. That it is this
            # organization's Okta which says so is proved already.
            found = (await session.scalars(here.where(User.key == sub))).all()
            # By SAML it is the name identifier, an address mostly.
            return found or await _find_by_email(session, organization_id, sub)
        case ById(id=given):
            try:
                return (await session.scalars(here.where(User.id == UUID(given)))).all()
            except ValueError:
                return []


async def _find_by_email(session: AsyncSession, organization_id: str, email: str) -> Sequence[UUID]:
    wanted = await session.scalar(select(func.folded(email)))
    if "@" not in email or wanted is None or len(wanted) < _TRIGRAM:
        return []
    found = await session.scalars(
        select(User.id).where(
            User.organization_id == organization_id,
            User.search_text.contains(wanted, autoescape=True),  # which has an index
            func.lower(func.normalize(User.email)) == func.lower(func.normalize(email)),
        )
    )
    return found.all()
