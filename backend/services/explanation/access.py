"""Why somebody has the access they have now: the chain that the view `access` follows."""

from collections.abc import Collection, Sequence
from uuid import UUID

from backend.database import SnapshotConnection
from backend.pagination import TimeCursor
from backend.schemas.access import (
    Actor,
    Role,
    RoleSource,
    permissions_of,
    roles_named,
)
from backend.schemas.events import Person
from backend.schemas.explanation import (
    AdmissionEntry,
    Cause,
    CauseKind,
    DirectoryEntry,
    Explanation,
    Grant,
    HeldWorkosRole,
    MappingSource,
    Membership,
    Named,
    Reason,
    ReasonCode,
    RoleMapping,
    Since,
    Subject,
    WorkosMapping,
)
from backend.services.explanation import chain as access_chain
from backend.services.explanation import history as access_history
from backend.services.explanation.chain import ChainRow
from backend.services.explanation.history import cause_of
from backend.services.explanation.reasons import (
    DirectoryRow,
    DirectoryUserRow,
    GroupRow,
    MembershipRow,
    why_directory_user_gives_no_access,
    why_membership_is_not_live,
)
from backend.services.explanation.refusals import why_refused
from backend.services.explanation.sentences import reason_sentence, refusal_sentence


async def explain(
    connection: SnapshotConnection,
    actor: Actor,
    user_id: UUID,
    *,
    cursor: TimeCursor | None,
    limit: int,
) -> Explanation:
    """The access of one user, what each part of it comes from, and how it changed.

    Args:
        connection: so that the parts belong to the access they explain.
        actor: who asks.
        user_id: whose access.
        cursor: the last entry of the history's page before.
        limit: entries of the history.

    Raises:
        NotFound: also for a user of another organization.
    """
    user = await access_chain.read_user(connection, actor.organization_id, user_id)
    entries = await access_chain.read_directory_users(connection, user)
    rows = {entry.id: _directory_user_row(entry) for entry in entries}
    memberships = await access_chain.read_memberships(connection, user, list(rows))
    group_ids = sorted({membership.group_id for membership in memberships})
    mappings = await access_chain.read_mappings(connection, user, group_ids)
    live = await access_chain.read_live_memberships(connection, user)
    roles = list(roles_named(user.roles))
    directory_users = [_entry(row, rows[row.id], user.key) for row in entries]
    workos_roles = await _workos_roles(connection, user, directory_users, entries)
    subjects = _subjects(user, entries, group_ids, {each.slug for each in workos_roles})
    admission = await access_chain.read_admission(connection, user)
    refusal = None if user.active else why_refused(user, directory_users, rows, admission)
    return Explanation(
        person=Subject(
            id=user.id,
            name=user.name,
            email=user.email,
            joined_at=user.joined_at,
            blocked_at=user.blocked_at,
            blocked_by=_person(user.blocked_by, user.blocked_by_name),
            blocked_reason=user.blocked_reason,
        ),
        directory_managed=user.directory_managed,
        active=user.active,
        roles=roles,
        permissions=sorted(permissions_of(roles)),
        refusal=refusal and refusal_sentence(refusal, user.name or "This person"),
        refusal_reason=refusal,
        directory_users=directory_users,
        role_source=RoleSource(user.role_source),
        memberships=[
            _membership(
                membership,
                user,
                rows[membership.directory_user_id],
                mappings.get(membership.group_id, []),
                live=(membership.directory_user_id, membership.group_id) in live,
            )
            for membership in memberships
        ],
        workos_roles=workos_roles,
        grants=[_grant(row, user) for row in await access_chain.read_grants(connection, user)],
        admission=_admission(admission, user),
        history=await access_history.list_page(connection, subjects, cursor=cursor, limit=limit),
    )


async def read_subjects(
    connection: SnapshotConnection, organization_id: str, user_id: UUID
) -> access_history.Subjects:
    """What the history of a user is made of; raises NotFound."""
    user = await access_chain.read_user(connection, organization_id, user_id)
    entries = await access_chain.read_directory_users(connection, user)
    people = [entry.id for entry in entries]
    memberships = await access_chain.read_memberships(connection, user, people)
    groups = sorted({membership.group_id for membership in memberships})
    slugs = {slug for row in (user, *entries) for slug in row.role_slugs}
    return _subjects(user, entries, groups, slugs)


def _subjects(
    user: ChainRow,
    entries: Sequence[ChainRow],
    groups: list[str],
    workos_roles: Collection[str],
) -> access_history.Subjects:
    return access_history.Subjects(
        user_id=user.id,
        organization_id=user.organization_id,
        joined_at=user.joined_at,
        people=[entry.id for entry in entries],
        groups=groups,
        directories=sorted({entry.directory_id for entry in entries}),
        workos_roles=sorted(workos_roles),
    )


def _person(user_id: UUID | None, name: str | None) -> Person | None:
    return None if user_id is None else Person(id=user_id, name=name or "")


def _admission(row: ChainRow | None, user: ChainRow) -> AdmissionEntry | None:
    if row is None:
        return None
    return AdmissionEntry(
        kind=row.kind,
        reason=row.reason,
        admitted_by=_person(row.admitted_by, row.admitted_by_name),
        since=row.created_at,
        until=row.until,
        lets_in=row.is_open and user.active,
    )


def _directory_user_row(row: ChainRow) -> DirectoryUserRow:
    return DirectoryUserRow(
        version=row.occurred_at and (row.occurred_at, row.event_id),
        state=row.state,
        removed_at=row.removed_at,
        snapshot=row.snapshot_as_of and (row.snapshot_as_of, row.snapshot_id),
        newer_namesake=row.newer_namesake,
        directory=DirectoryRow(
            row.directory_removed_at,
            row.complete_as_of and (row.complete_as_of, row.complete_id),
        ),
    )


def _entry(row: ChainRow, directory_user: DirectoryUserRow, key: str) -> DirectoryEntry:
    joined = row.user_key == key
    reason = (
        why_directory_user_gives_no_access(directory_user)
        if joined
        else Reason(code=ReasonCode.OTHER_USER, idp_id=row.idp_id)
    )
    return DirectoryEntry(
        id=row.id,
        directory=Named(id=row.directory_id, name=row.directory_name),
        name=row.name,
        email=row.email,
        idp_id=row.idp_id,
        state=row.state,
        since=row.occurred_at and Since(at=row.occurred_at, cause=cause_of(row.event_id)),
        removed_at=row.removed_at,
        removed_by=row.removed_by and cause_of(row.removed_by),
        live=joined and row.live and row.state == "active",
        why_not=reason_sentence(reason),
        reason=reason,
    )


def _membership(
    membership: ChainRow,
    user: ChainRow,
    directory_user: DirectoryUserRow,
    mappings: list[ChainRow],
    *,
    live: bool,
) -> Membership:
    gives = live and user.active and directory_user.state == "active"
    reason = _why_membership_is_not_live(membership, directory_user)
    return Membership(
        group=Named(id=membership.group_id, name=membership.name),
        directory_user_id=membership.directory_user_id,
        present=membership.present,
        since=Since(at=membership.occurred_at, cause=cause_of(membership.event_id)),
        live=live,
        why_not=reason_sentence(reason),
        reason=reason,
        mappings=[_mapping(row, user, live=live, gives=gives) for row in mappings],
    )


def _why_membership_is_not_live(
    membership: ChainRow, directory_user: DirectoryUserRow
) -> Reason | None:
    group = GroupRow(
        version=membership.group_at and (membership.group_at, membership.group_event_id),
        removed_at=membership.removed_at,
        same_directory=membership.group_directory_id == membership.person_directory_id,
    )
    version = (membership.occurred_at, membership.event_id)
    return why_membership_is_not_live(
        MembershipRow(version, membership.present), directory_user, group
    )


def _mapping(row: ChainRow, user: ChainRow, *, live: bool, gives: bool) -> RoleMapping:
    code = None
    if row.removed:
        code = ReasonCode.MAPPING_REMOVED
    elif row.source == MappingSource.DEFAULT and not user.default_mappings:
        code = ReasonCode.DEFAULT_MAPPINGS_OFF
    elif user.role_source == RoleSource.WORKOS:
        code = ReasonCode.GROUPS_NOT_HEEDED
    elif not live:
        code = ReasonCode.MEMBERSHIP_NOT_LIVE
    elif not gives:
        code = ReasonCode.USER_NOT_ACTIVE
    reason = None if code is None else Reason(code=code)
    return RoleMapping(
        role=Role(row.role),
        source=MappingSource(row.source),
        since=Since(
            at=row.created_at,
            cause=cause_of(row.event_id) if row.event_id else Cause(kind=CauseKind.OPERATOR),
        ),
        removed=row.removed,
        gives=reason is None,
        why_not=reason_sentence(reason),
        reason=reason,
    )


async def _workos_roles(
    connection: SnapshotConnection,
    user: ChainRow,
    entries: list[DirectoryEntry],
    rows: Sequence[ChainRow],
) -> list[HeldWorkosRole]:
    """Of the person in directories, or of their last sign-in where none decides."""
    held: list[tuple[str, str | None, bool]] = (
        [
            (slug, row.id, entry.live)
            for row, entry in zip(rows, entries, strict=True)
            for slug in row.role_slugs
        ]
        if user.directory_managed
        else [(slug, None, True) for slug in user.role_slugs]
    )
    slugs = {slug for slug, _, _ in held}
    mappings = await access_chain.read_workos_mappings(connection, user, slugs)
    return [
        HeldWorkosRole(
            slug=slug,
            directory_user_id=directory_user_id,
            mappings=[_workos_mapping(row, user, live=live) for row in mappings.get(slug, [])],
        )
        for slug, directory_user_id, live in held
    ]


def _workos_mapping(row: ChainRow, user: ChainRow, *, live: bool) -> WorkosMapping:
    code = None
    if row.removed:
        code = ReasonCode.MAPPING_REMOVED
    elif user.role_source == RoleSource.GROUPS:
        code = ReasonCode.WORKOS_ROLES_NOT_HEEDED
    elif not live:
        code = ReasonCode.DIRECTORY_USER_NOT_LIVE
    elif not user.active:
        code = ReasonCode.USER_NOT_ACTIVE
    reason = None if code is None else Reason(code=code)
    return WorkosMapping(
        role=Role(row.role),
        since=row.created_at,
        removed=row.removed,
        gives=reason is None,
        why_not=reason_sentence(reason),
        reason=reason,
    )


def _grant(row: ChainRow, user: ChainRow) -> Grant:
    reason = None
    if row.over:
        reason = Reason(code=ReasonCode.GRANT_OVER, at=row.until)
    elif not user.active:
        reason = Reason(code=ReasonCode.USER_NOT_ACTIVE)
    return Grant(
        role=Role(row.role),
        since=row.created_at,
        granted_by=row.granted_by and Person(id=row.granted_by, name=row.name),
        reason=row.reason,
        until=row.until,
        gives=reason is None,
        why_not=reason_sentence(reason),
        why_not_reason=reason,
    )
