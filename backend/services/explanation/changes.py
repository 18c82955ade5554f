"""What an entry of the audit trail changed for somebody, by its state before and after."""

from typing import Any, assert_never

from sqlalchemy import Row

from backend.schemas.audit import (
    AccessState,
    AuditAction,
    DirectoryMirrorState,
    GroupState,
    MirrorState,
    WorkosRoleState,
)
from backend.schemas.explanation import ChangeCode, HistoryChange, Scope
from backend.services.roles.mappings import slug_of_subject

TrailRow = Row[*tuple[Any, ...]]

_OF_ACCESS = {ChangeCode.ACCESS_GAINED, ChangeCode.ACCESS_LOST, ChangeCode.ROLES_CHANGED}
_OF_NO_ACCESS = {ChangeCode.ACCESS_UNCHANGED, ChangeCode.GROUP_JOINED, ChangeCode.GROUP_LEFT}


def changed_access(changes: list[HistoryChange]) -> bool | None:
    """None where it is not known what followed for the person."""
    codes = {change.code for change in changes}
    if codes & _OF_ACCESS:
        return True
    return False if codes & _OF_NO_ACCESS else None


def changes_of(
    row: TrailRow, scope: Scope, before: MirrorState, after: MirrorState
) -> list[HistoryChange]:
    match scope:
        case Scope.PERSON:
            return [_of_person(row, before, after)]
        case Scope.GROUP:
            return _of_group(row, before.group, after.group)
        case Scope.DIRECTORY:
            return [_of_directory(row, before.directory, after.directory)]
        case Scope.WORKOS_ROLE:
            return _of_workos_role(row, before.workos_role, after.workos_role)
        case Scope.ORGANIZATION:
            deleted = row.type == "organization.deleted"
            return [
                HistoryChange(
                    code=ChangeCode.ORGANIZATION_DELETED
                    if deleted
                    else ChangeCode.ORGANIZATION_DESCRIBED
                )
            ]
        case _:
            assert_never(scope)


def _of_person(row: TrailRow, before: MirrorState, after: MirrorState) -> HistoryChange:
    if row.action == AuditAction.SESSION_OPENED:
        return HistoryChange(code=ChangeCode.FIRST_SIGN_IN)
    was = before.access or AccessState()
    now = after.access or was
    if was == now:
        return _of_membership(row, before, after)
    if not was.active:
        return HistoryChange(code=ChangeCode.ACCESS_GAINED, gained=now.roles)
    if not now.active:
        return HistoryChange(code=ChangeCode.ACCESS_LOST, lost=was.roles)
    return HistoryChange(
        code=ChangeCode.ROLES_CHANGED,
        gained=_without(now.roles, was.roles),
        lost=_without(was.roles, now.roles),
    )


def _of_membership(row: TrailRow, before: MirrorState, after: MirrorState) -> HistoryChange:
    name = row.group_name or row.group_id
    match before.member, after.member:
        case ((False | None), True):
            return HistoryChange(code=ChangeCode.GROUP_JOINED, name=name)
        case True, False:
            return HistoryChange(code=ChangeCode.GROUP_LEFT, name=name)
        case _:
            return HistoryChange(code=ChangeCode.ACCESS_UNCHANGED)


def _of_group(
    row: TrailRow, before: GroupState | None, after: GroupState | None
) -> list[HistoryChange]:
    was, now = before or GroupState(), after or GroupState()
    name = now.name or was.name or row.subject_id
    if row.type == "dsync.group.deleted":
        return [HistoryChange(code=ChangeCode.GROUP_DELETED, name=name, lost=was.roles)]
    gained, lost = _without(now.roles, was.roles), _without(was.roles, now.roles)
    changes = []
    if before and after and was.name != now.name:
        changes.append(HistoryChange(code=ChangeCode.GROUP_RENAMED, name=name, old_name=was.name))
    if gained:
        changes.append(HistoryChange(code=ChangeCode.GROUP_ROLES_GAINED, name=name, gained=gained))
    if lost:
        changes.append(HistoryChange(code=ChangeCode.GROUP_ROLES_LOST, name=name, lost=lost))
    return changes or [HistoryChange(code=ChangeCode.GROUP_DESCRIBED, name=name)]


def _of_workos_role(
    row: TrailRow, before: WorkosRoleState | None, after: WorkosRoleState | None
) -> list[HistoryChange]:
    was, now = before or WorkosRoleState(), after or WorkosRoleState()
    name = slug_of_subject(row.subject_id)
    gained, lost = _without(now.roles, was.roles), _without(was.roles, now.roles)
    changes = []
    if gained:
        code = ChangeCode.WORKOS_ROLE_ROLES_GAINED
        changes.append(HistoryChange(code=code, name=name, gained=gained))
    if lost:
        code = ChangeCode.WORKOS_ROLE_ROLES_LOST
        changes.append(HistoryChange(code=code, name=name, lost=lost))
    return changes


def _of_directory(
    row: TrailRow, before: DirectoryMirrorState | None, after: DirectoryMirrorState | None
) -> HistoryChange:
    was, now = before or DirectoryMirrorState(), after or DirectoryMirrorState()
    return HistoryChange(
        code=ChangeCode.DIRECTORY_REMOVED
        if was.live and not now.live
        else ChangeCode.DIRECTORY_DESCRIBED,
        name=row.above_name or row.subject_id,
    )


def _without(roles: list[str], others: list[str]) -> list[str]:
    return [role for role in roles if role not in others]
