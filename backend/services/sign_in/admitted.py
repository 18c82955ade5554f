"""Which user somebody is whom an admin let in by hand: a guest, or one who is kept."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from backend.database import Database, looked_up
from backend.errors import SignInRefusal, SignInRefused
from backend.models import Admission, DirectoryUser, SsoIdentity, User
from backend.models import live_directory_users as live
from backend.schemas.access import AdmissionKind
from backend.services.sign_in.matches import Match, MatchedBy, same_address
from backend.workos.models import Profile

_KEPT = (AdmissionKind.KEPT, AdmissionKind.BREAK_GLASS)


async def find_kept(database: Database, profile: Profile, organization_id: str) -> Match | None:
    """By the idp_id; or by the address, where an earlier sign-in was tied to it by that.

    Such a tie leads nowhere once the directory has said another address of them.
    """
    kept = _admitted(organization_id, _KEPT)
    if profile.idp_id:
        by_id = kept.where(User.key == profile.idp_id)
        if await _keys(database, by_id):
            return Match(profile.idp_id, MatchedBy.IDP_ID)
    still = looked_up(
        select(DirectoryUser.id).where(
            DirectoryUser.organization_id == SsoIdentity.organization_id,
            DirectoryUser.id == SsoIdentity.directory_user_id,
            same_address(DirectoryUser.email, SsoIdentity.email),
        )
    )
    tied = (
        _tied(kept, profile)
        .where(or_(SsoIdentity.matched_by == MatchedBy.ADMISSION, still))
        .add_columns(SsoIdentity.matched_by, SsoIdentity.directory_user_id)
    )
    async with database.connect() as connection:
        row = (await connection.execute(tied.limit(1))).one_or_none()
    if row is None:
        return None
    return Match(row.key, MatchedBy(row.matched_by), row.directory_user_id)


async def find_guest(database: Database, profile: Profile, organization_id: str) -> Match | None:
    """By an earlier sign-in, else by the address; never somebody whose address a directory has.

    Raises:
        SignInRefused: the address is that of several guests.
    """
    guests = _admitted(organization_id, (AdmissionKind.GUEST,))
    keys = await _keys(
        database,
        _tied(guests, profile).where(SsoIdentity.matched_by == MatchedBy.ADMISSION),
    )
    if keys:
        return Match(keys[0], MatchedBy.ADMISSION)
    if not profile.email:
        return None
    keys = await _keys(database, guests.where(same_address(User.email, profile.email)))
    if not keys or await _keys(database, _held(organization_id, profile.email)):
        return None
    if len(keys) > 1:
        raise SignInRefused(SignInRefusal.AMBIGUOUS_EMAIL)
    return Match(keys[0], MatchedBy.ADMISSION)


def _admitted(organization_id: str, kinds: tuple[AdmissionKind, ...]) -> Select[str]:
    return (
        select(User.key)
        .join(
            Admission,
            and_(Admission.organization_id == User.organization_id, Admission.user_id == User.id),
        )
        .where(
            User.organization_id == organization_id,
            Admission.kind.in_(kinds),
            is_open(),
        )
    )


def is_open() -> ColumnElement[bool]:
    """Of a row of `admissions`."""
    return or_(Admission.until.is_(None), Admission.until > func.now())


def _tied(admitted: Select[str], profile: Profile) -> Select[str]:
    return admitted.join(
        SsoIdentity,
        and_(
            SsoIdentity.organization_id == User.organization_id,
            SsoIdentity.user_id == User.id,
            SsoIdentity.connection_id == profile.connection_id,
            SsoIdentity.subject == profile.subject,
        ),
    )


def _held(organization_id: str, email: str) -> Select[str]:
    return select(live.c.user_key).where(
        live.c.organization_id == organization_id, same_address(live.c.email, email)
    )


async def _keys(database: Database, query: Select[Any]) -> list[str]:
    """On a connection of its own: none is held while WorkOS is waited for."""
    async with database.connect() as connection:
        return list(await connection.scalars(query.limit(2)))
