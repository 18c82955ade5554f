"""Seats: who takes one, and whether one is left for somebody more.

People who have joined take one, and those who are invited, and guests. Whoever has joined keeps
theirs until they are deactivated or removed; once they are back they need one again. Programs take
none.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, func, or_, select
from sqlalchemy.sql.functions import coalesce

from backend.database import Executor, looked_up, transaction_lock
from backend.models import (
    Admission,
    Directory,
    DirectoryUser,
    Invitation,
    Organization,
    Session,
    User,
    access,
)
from backend.schemas.access import Actor, AdmissionKind
from backend.schemas.seats import Seats
from backend.services import team

_was_away = looked_up(
    select(DirectoryUser.id)
    .outerjoin(
        Directory,
        and_(
            Directory.organization_id == DirectoryUser.organization_id,
            Directory.id == DirectoryUser.directory_id,
        ),
    )
    .where(
        DirectoryUser.organization_id == User.organization_id,
        DirectoryUser.user_key == User.key,
        func.greatest(DirectoryUser.removed_at, Directory.removed_at)
        > coalesce(User.last_seen_at, User.joined_at),
    )
)
# A session ends with access: one that is there was begun since. When somebody was last seen is
# written now and then.
_signed_in = looked_up(
    select(Session.id).where(
        Session.organization_id == User.organization_id, Session.user_id == User.id
    )
)
_has_joined = User.joined_at.is_not(None) & or_(~_was_away, _signed_in)


def _admitted(organization_id: str, kind: AdmissionKind) -> ColumnElement[bool]:
    people = select(Admission.user_id).where(
        Admission.organization_id == organization_id,
        Admission.kind == kind,
        (Admission.until > func.now()).is_not(False),
    )
    return User.id == any_(func.array(people.scalar_subquery()))


def _invited(organization_id: str) -> ColumnElement[bool]:
    people = select(Invitation.user_id).where(
        Invitation.organization_id == organization_id, team.INVITATION_IS_OPEN
    )
    return User.id == any_(func.array(people.scalar_subquery()))


def _people(organization_id: str) -> Select[Any]:
    return (
        select(User.id)
        .where(User.organization_id == organization_id)
        .where(~_admitted(organization_id, AdmissionKind.SERVICE))
    )


def _taking(organization_id: str) -> ColumnElement[bool]:
    guest = _admitted(organization_id, AdmissionKind.GUEST)
    return or_(_has_joined, _invited(organization_id), guest)


def _active(people: Select[Any], organization_id: str) -> Select[Any]:
    return people.join(
        access, (access.c.organization_id == organization_id) & (access.c.user_id == User.id)
    ).where(access.c.active)


async def limit_of(executor: Executor, organization_id: str) -> int | None:
    """How many seats there are, None: as many as are wanted.

    Where there is a limit, nobody else takes a seat before the transaction has ended.
    """
    limit: int | None = await executor.scalar(
        select(Organization.seats).where(Organization.workos_id == organization_id)
    )
    if limit is not None:
        await transaction_lock(executor, f"seats {organization_id}")
    return limit


async def holding(executor: Executor, organization_id: str, whom: ColumnElement[bool]) -> set[UUID]:
    """Those of them who have a seat, and need no other one."""
    found = await executor.execute(
        _active(_people(organization_id), organization_id).where(whom, _taking(organization_id))
    )
    return set(found.scalars())


async def left(
    executor: Executor,
    organization_id: str,
    limit: int,
    wanted: int,
    *,
    beside: Collection[UUID] = (),
) -> int:
    """How many of the wanted seats there are.

    Args:
        executor: what runs the statements.
        organization_id: whose seats.
        limit: of `limit_of`, whose lock is held.
        wanted: how many.
        beside: people whose own seats are not counted.
    """
    taken = await _taken(executor, organization_id, limit - wanted, beside)
    return max(0, min(wanted, limit - taken))


async def are_exceeded(executor: Executor, organization_id: str, limit: int) -> bool:
    """Whether more are taken than there are, as where there were more of them before."""
    return await _taken(executor, organization_id, limit) > limit


async def _taken(
    executor: Executor, organization_id: str, enough: int, beside: Collection[UUID] = ()
) -> int:
    """How many are taken, or more where even those are no more than `enough`."""
    counted = (
        _people(organization_id)
        .where(User.id.not_in(beside))
        .where(
            or_(
                User.joined_at.is_not(None),
                _invited(organization_id),
                _admitted(organization_id, AdmissionKind.GUEST),
            )
        )
    )
    # Of most it need not be known whether they may enter still.
    most = await _count(executor, counted)
    if most <= enough:
        return most
    return await _count(executor, _active(counted.where(_taking(organization_id)), organization_id))


async def _count(executor: Executor, people: Select[Any]) -> int:
    counted = select(func.count()).select_from(people.subquery("people"))
    return int(await executor.scalar(counted) or 0)


async def read(executor: Executor, actor: Actor) -> Seats:
    """How the organization's seats are; everybody's access is derived for it."""
    here = actor.organization_id
    guest = _admitted(here, AdmissionKind.GUEST)
    invited = _invited(here) & ~_has_joined
    each = (
        _active(_people(here), here)
        .add_columns(guest.label("guest"), _has_joined.label("joined"), invited.label("invited"))
        .subquery("each")
    )
    row = (
        await executor.execute(
            select(
                select(Organization.seats)
                .where(Organization.workos_id == here)
                .scalar_subquery()
                .label("limit"),
                func.count().filter(~each.c.guest & each.c.joined).label("joined"),
                func.count().filter(~each.c.guest & each.c.invited).label("invited"),
                func.count().filter(each.c.guest).label("guests"),
                func.count()
                .filter(~each.c.guest & ~each.c.joined & ~each.c.invited)
                .label("invitable"),
            ).select_from(each)
        )
    ).one()
    return Seats.model_validate(row, from_attributes=True)
