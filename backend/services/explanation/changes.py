"""What an entry of the audit trail changed for somebody, by its state before and after."""

from typing import Any, assert_never, cast

from sqlalchemy import Row

from backend.schemas.explanation import ChangeCode, HistoryChange, Scope

SIGN_IN = "session.opened"

TrailRow = Row[*tuple[Any, ...]]
State = dict[str, Any]

_OF_ACCESS = {ChangeCode.ACCESS_GAINED, ChangeCode.ACCESS_LOST, ChangeCode.ROLES_CHANGED}
_OF_NO_ACCESS = {ChangeCode.ACCESS_UNCHANGED, ChangeCode.GROUP_JOINED, ChangeCode.GROUP_LEFT}


def changed_access(changes: list[HistoryChange]) -> bool | None:
    """None where it is not known what followed for the person."""
    codes = {change.code for change in changes}
    if codes & _OF_ACCESS:
        return True
    return False if codes & _OF_NO_ACCESS else None


def changes_of(row: TrailRow, scope: Scope, before: State, after: State) -> list[HistoryChange]:
    match scope:
        case Scope.PERSON:
            return [_of_person(row, before, after)]
        case Scope.GROUP:
            return _of_group(row, before.get("group") or {}, after.get("group") or {})
        case Scope.DIRECTORY:
            return [_of_directory(row, before.get("directory") or {}, after.get("directory") or {})]
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


def _of_person(row: TrailRow, before: State, after: State) -> HistoryChange:
    if row.action == SIGN_IN:
        return HistoryChange(code=ChangeCode.FIRST_SIGN_IN)
    was = cast("State", before.get("access") or {"active": False, "roles": []})
    now = cast("State", after.get("access") or was)
    if was == now:
        return _of_membership(row, before, after)
    if not was["active"]:
        return HistoryChange(code=ChangeCode.ACCESS_GAINED, gained=now["roles"])
    if not now["active"]:
        return HistoryChange(code=ChangeCode.ACCESS_LOST, lost=was["roles"])
    return HistoryChange(
        code=ChangeCode.ROLES_CHANGED,
        gained=_without(now["roles"], was["roles"]),
        lost=_without(was["roles"], now["roles"]),
    )


def _of_membership(row: TrailRow, before: State, after: State) -> HistoryChange:
    name = row.group_name or row.group_id
    match before.get("member"), after.get("member"):
        case ((False | None), True):
            return HistoryChange(code=ChangeCode.GROUP_JOINED, name=name)
        case True, False:
            return HistoryChange(code=ChangeCode.GROUP_LEFT, name=name)
        case _:
            return HistoryChange(code=ChangeCode.ACCESS_UNCHANGED)


def _of_group(row: TrailRow, was: State, now: State) -> list[HistoryChange]:
    name = now.get("name") or was.get("name") or row.subject_id
    had, has = was.get("roles") or [], now.get("roles") or []
    if row.type == "dsync.group.deleted":
        return [HistoryChange(code=ChangeCode.GROUP_DELETED, name=name, lost=had)]
    gained, lost = _without(has, had), _without(had, has)
    changes = []
    if was and now and was.get("name") != now.get("name"):
        changes.append(
            HistoryChange(code=ChangeCode.GROUP_RENAMED, name=name, old_name=was.get("name"))
        )
    if gained:
        changes.append(HistoryChange(code=ChangeCode.GROUP_ROLES_GAINED, name=name, gained=gained))
    if lost:
        changes.append(HistoryChange(code=ChangeCode.GROUP_ROLES_LOST, name=name, lost=lost))
    return changes or [HistoryChange(code=ChangeCode.GROUP_DESCRIBED, name=name)]


def _of_directory(row: TrailRow, was: State, now: State) -> HistoryChange:
    removed = was.get("live", True) and not now.get("live", True)
    return HistoryChange(
        code=ChangeCode.DIRECTORY_REMOVED if removed else ChangeCode.DIRECTORY_DESCRIBED,
        name=row.above_name or row.subject_id,
    )


def _without(roles: list[str], others: list[str]) -> list[str]:
    return [role for role in roles if role not in others]
