"""When an organization has lost its directory: its people are out, and an admin decides."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Executor
from backend.errors import DirectoryNotGone
from backend.models import (
    Admission,
    Directory,
    DirectoryMembership,
    DirectoryUser,
    Organization,
    RoleGrant,
    RoleMapping,
    User,
    access,
    live_directories,
)
from backend.schemas.access import Actor, AdmissionKind, Permission, roles_with
from backend.schemas.audit import AccessState, AuditAction, AuditDetail
from backend.schemas.events import Person
from backend.schemas.people import Decided, KeepOut, LetIn, PeopleGone
from backend.services import access_ends, audit
from backend.services.mirror.rows import ACTIVE
from backend.services.people import admissions, subject

_MOST_ADMINS = 100


async def look(executor: Executor, actor: Actor) -> PeopleGone:
    """Since when, how many are out, who were admins.

    Counting goes through everybody of the directory: a fifth of a second for 100,000 people.
    """
    organization_id = actor.organization_id
    gone = await _is_gone(executor, organization_id)
    directories = (
        await executor.execute(
            select(Directory.id, Directory.name, Directory.removed_at)
            .where(
                Directory.organization_id == organization_id,
                Directory.removed_at.is_not(None),
            )
            .order_by(Directory.removed_at.desc(), Directory.id)
        )
    ).all()
    kept = await executor.scalar(
        select(func.count()).where(
            Admission.organization_id == organization_id,
            Admission.kind == AdmissionKind.KEPT,
            or_(Admission.until.is_(None), Admission.until > func.now()),
        )
    )
    if not gone:
        return PeopleGone(
            gone=False, since=None, directories=[], people_out=0, admins_out=[], kept=kept or 0
        )
    out = _were_active(organization_id).subquery("out")
    people_out = await executor.scalar(
        select(func.count())
        .select_from(out)
        .where(
            ~select(access.c.active)
            .where(access.c.organization_id == organization_id, access.c.user_id == out.c.id)
            .correlate(out)
            .scalar_subquery()
        )
    )
    return PeopleGone(
        gone=True,
        since=directories[0].removed_at if directories else None,
        directories=[row.name or row.id for row in directories],
        people_out=people_out or 0,
        admins_out=await _admins_out(executor, organization_id),
        kept=kept or 0,
    )


async def let_in(session: AsyncSession, actor: Actor, wanted: LetIn) -> Decided:
    """Admit chosen people by SSO alone; the directory, once there is one again, decides besides.

    Whoever may enter already, or is blocked, stays as they are.

    Raises:
        DirectoryNotGone: a directory decides.
        NotFound: one of these is not of the organization; nobody was let in.
        InvalidInput: the end is over, or more than a year away.
    """
    admissions.check_until(wanted.until)
    changed, unchanged = await _chosen(session, actor, wanted.user_ids)
    if not wanted.dry_run:
        entries = []
        for person in changed:
            await admissions.admit(
                session,
                actor.organization_id,
                person.id,
                AdmissionKind.KEPT,
                reason=wanted.reason,
                until=wanted.until,
                admitted_by=actor.user_id,
            )
            after = await subject.state_of(session, actor.organization_id, person.id)
            detail = AuditDetail(
                kind=AdmissionKind.KEPT,
                reason=wanted.reason,
                until=wanted.until,
                before=subject.mirror(AccessState()),
                after=subject.mirror(after),
            )
            entries.append(_entry(actor, AuditAction.DIRECTORY_GONE_LET_IN, person.id, detail))
        await audit.record(session, *entries)
    return _decided(changed, unchanged, dry_run=wanted.dry_run)


async def keep_out(session: AsyncSession, actor: Actor, wanted: KeepOut) -> Decided:
    """Decide that people stay out: whoever of them was let in by SSO alone is out again.

    Raises:
        DirectoryNotGone: a directory decides.
        NotFound: one of these is not of the organization.
    """
    await _require_gone(session, actor)
    people = await _kept(session, actor, wanted.user_ids)
    kept = {row.id for row in people if row.kind is not None and row.id != actor.user_id}
    changed = [row for row in people if row.id in kept]
    unchanged = [row for row in people if row.id not in kept]
    if not wanted.dry_run:
        entries = []
        for person in changed:
            before = await subject.state_of(session, actor.organization_id, person.id)
            await admissions.withdraw(session, actor.organization_id, person.id, AdmissionKind.KEPT)
            after = await subject.state_of(session, actor.organization_id, person.id)
            detail = AuditDetail(
                kind=AdmissionKind.KEPT,
                reason=wanted.reason,
                before=subject.mirror(before),
                after=subject.mirror(after),
            )
            entries.append(_entry(actor, AuditAction.DIRECTORY_GONE_KEPT_OUT, person.id, detail))
        await access_ends.end_for(session, actor.organization_id, [row.id for row in changed])
        # That was decided, be it about nobody who was in.
        decided = AuditDetail(reason=wanted.reason, people=len(people))
        entries.append(
            _entry(actor, AuditAction.DIRECTORY_GONE_DECIDED, actor.organization_id, decided)
        )
        await audit.record(session, *entries)
    return _decided(changed, unchanged, dry_run=wanted.dry_run)


async def _is_gone(executor: Executor, organization_id: str) -> bool:
    left = select(live_directories.c.id).where(
        live_directories.c.organization_id == organization_id
    )
    removed = select(Directory.id).where(
        Directory.organization_id == organization_id, Directory.removed_at.is_not(None)
    )
    found = await executor.scalar(
        select(Organization.workos_id).where(
            Organization.workos_id == organization_id,
            Organization.directory_managed,
            ~left.exists(),
            removed.exists(),
        )
    )
    return found is not None


async def _require_gone(session: AsyncSession, actor: Actor) -> None:
    if not await _is_gone(session, actor.organization_id):
        raise DirectoryNotGone


async def _chosen(
    session: AsyncSession, actor: Actor, user_ids: Collection[UUID]
) -> tuple[list[Row[*tuple[Any, ...]]], list[Row[*tuple[Any, ...]]]]:
    """Whom it changes, and whom it does not."""
    await _require_gone(session, actor)
    people = await subject.lock_all(session, actor.organization_id, user_ids)
    active = set(
        await session.scalars(
            select(access.c.user_id).where(
                access.c.organization_id == actor.organization_id,
                access.c.user_id.in_([person.id for person in people]),
                access.c.active,
            )
        )
    )
    stays = {row.id for row in people if row.id in active or row.blocked_at is not None}
    return (
        [person for person in people if person.id not in stays],
        [person for person in people if person.id in stays],
    )


async def _kept(
    session: AsyncSession, actor: Actor, user_ids: Collection[UUID] | None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The chosen, or all who were let in; with the `kind` where they were."""
    if user_ids is not None:
        await subject.lock_all(session, actor.organization_id, user_ids)
    people = (
        select(User.id, User.name, Admission.kind)
        .outerjoin(
            Admission,
            and_(
                Admission.organization_id == User.organization_id,
                Admission.user_id == User.id,
                Admission.kind == AdmissionKind.KEPT,
            ),
        )
        .where(User.organization_id == actor.organization_id)
        .order_by(User.sort_name, User.id)
    )
    chosen = Admission.kind.is_not(None) if user_ids is None else User.id.in_(user_ids)
    return (await session.execute(people.where(chosen))).all()


def _were_active(organization_id: str) -> Select[UUID]:
    """Who were active in a directory when it was removed."""
    return (
        select(User.id)
        .join(
            DirectoryUser,
            and_(
                DirectoryUser.organization_id == User.organization_id,
                DirectoryUser.user_key == User.key,
            ),
        )
        .where(
            User.organization_id == literal(organization_id),
            DirectoryUser.organization_id == literal(organization_id),
            DirectoryUser.state == ACTIVE,
            or_(
                DirectoryUser.removed_at.is_(None),
                DirectoryUser.removed_at < DirectoryUser.occurred_at,
            ),
        )
        .distinct()
    )


async def _admins_out(executor: Executor, organization_id: str) -> list[Person]:
    roles = roles_with(Permission.ADMINISTER)
    mapped = (
        select(DirectoryMembership.directory_user_id)
        .join(
            RoleMapping,
            and_(
                RoleMapping.organization_id == DirectoryMembership.organization_id,
                RoleMapping.group_id == DirectoryMembership.group_id,
            ),
        )
        .where(
            DirectoryMembership.organization_id == organization_id,
            DirectoryMembership.present,
            RoleMapping.organization_id == organization_id,
            RoleMapping.role.in_(roles),
            ~RoleMapping.removed,
        )
    )
    granted = select(RoleGrant.user_id).where(
        RoleGrant.organization_id == organization_id, RoleGrant.role.in_(roles)
    )
    out = _were_active(organization_id).where(
        or_(
            DirectoryUser.id == func.any(func.array(mapped.scalar_subquery())),
            User.id == func.any(func.array(granted.scalar_subquery())),
        )
    )
    people = out.subquery("admins")
    found = await executor.execute(
        select(User.id, User.name)
        .join(people, people.c.id == User.id)
        .join(
            access,
            and_(access.c.organization_id == organization_id, access.c.user_id == people.c.id),
        )
        .where(User.organization_id == organization_id, ~access.c.active)
        .order_by(User.sort_name, User.id)
        .limit(literal(_MOST_ADMINS, literal_execute=True))
    )
    return [Person(id=row.id, name=row.name) for row in found]


def _entry(actor: Actor, action: AuditAction, of: object, detail: AuditDetail) -> dict[str, Any]:
    return audit.entry(
        action,
        organization_id=actor.organization_id,
        subject_id=of,
        actor_id=actor.user_id,
        detail=detail,
    )


def _decided(
    changed: Sequence[Row[*tuple[Any, ...]]],
    unchanged: Sequence[Row[*tuple[Any, ...]]],
    *,
    dry_run: bool,
) -> Decided:
    return Decided(
        changed=[Person(id=row.id, name=row.name) for row in changed],
        unchanged=[Person(id=row.id, name=row.name) for row in unchanged],
        dry_run=dry_run,
    )
