"""The groups and departments that there are to filter people by."""

from sqlalchemy import ColumnElement, Select, func, literal, select, true

from backend.database import Executor, looked_up
from backend.models import DirectoryMembership, User, live_groups
from backend.schemas.access import Actor
from backend.schemas.team import FilterNames

_MOST = 50
_DEPARTMENTS_LOOKED_AT = 1_000
_NONE = func.chr(1114111)  # as `users.sort_department` has whoever is in none


async def groups(executor: Executor, actor: Actor, search: str | None) -> FilterNames:
    """The names of live groups with somebody in them, whether or not they may enter."""
    # Of the table: whether a membership is live may be planned to be asked of everybody at once.
    member = looked_up(
        select(DirectoryMembership.group_id).where(
            DirectoryMembership.organization_id == live_groups.c.organization_id,
            DirectoryMembership.group_id == live_groups.c.id,
            DirectoryMembership.present,
        )
    )
    named = (
        select(live_groups.c.name)
        .where(
            live_groups.c.organization_id == literal(actor.organization_id),
            live_groups.c.name != "",
            member,
        )
        .order_by(live_groups.c.sort_name, live_groups.c.id)
    )
    return await _first(executor, named, live_groups.c.sort_name, search)


async def departments(executor: Executor, actor: Actor, search: str | None) -> FilterNames:
    """Each by the name that one of its people has it by."""
    first = _next(actor, literal("")).subquery("first")
    walk = select(first.c.name, first.c.sort_name).cte("walk", recursive=True)
    beyond = _next(actor, walk.c.sort_name).lateral("beyond")
    further = select(beyond.c.name, beyond.c.sort_name).select_from(walk).join(beyond, true())
    walk = walk.union_all(further)
    # Where everybody has a department of their own, nobody wants to read them all.
    looked_at = (
        select(walk.c.name, walk.c.sort_name)
        .limit(literal(_DEPARTMENTS_LOOKED_AT, literal_execute=True))
        .subquery("looked_at")
    )
    named = select(looked_at.c.name).order_by(looked_at.c.sort_name)
    return await _first(executor, named, looked_at.c.sort_name, search)


def _next(actor: Actor, after: ColumnElement[str]) -> Select[*tuple[str | None, str]]:
    """The department behind this one, as the index has it: no other row is read for it."""
    return (
        select(User.department.label("name"), User.sort_department.label("sort_name"))
        .where(
            User.organization_id == literal(actor.organization_id),
            User.sort_department > after,
            User.sort_department < _NONE,
        )
        .order_by(User.sort_department, User.sort_name, User.id)
        .limit(literal(1, literal_execute=True))
    )


async def _first(
    executor: Executor,
    named: Select[*tuple[str]],
    spelling: ColumnElement[str],
    search: str | None,
) -> FilterNames:
    if search and (wanted := await executor.scalar(select(func.folded(search)))):
        named = named.where(func.strpos(spelling, wanted) > 0)
    found = (await executor.scalars(named.limit(literal(_MOST + 1, literal_execute=True)))).all()
    # Two directories may have a group of the same name.
    return FilterNames(items=list(dict.fromkeys(found[:_MOST])), more=len(found) > _MOST)
