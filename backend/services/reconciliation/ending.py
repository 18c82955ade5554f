"""What a complete listing ends, in a temporary table: what is live now, and will not be.

In the database, so that memory stays the same however many people there are.
"""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    column,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.expression import CompoundSelect

from backend.database import Query
from backend.models import (
    Directory,
    DirectoryGroup,
    DirectoryMembership,
    live_directories,
    live_directory_users,
    live_groups,
    live_memberships,
)
from backend.schemas.reconciliations import MOST_EXAMPLES
from backend.services.mirror.rows import ACTIVE

# Usually a fraction of a second; longer where many would lose access, of whom it is derived.
SECONDS = 900

TEMPORARY = MetaData()
"""The tables of one transaction."""


def text_id(name: str) -> Column[str]:
    return Column(name, Text(collation="C"))


def temporary(name: str, *columns: Column[Any]) -> Table:
    return Table(name, TEMPORARY, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


ending = temporary(
    "ending",
    Column("kind", Text),
    text_id("user_key"),
    text_id("id"),
    Column("name", Text),
    text_id("group_id"),
    Column("group_name", Text),
)

ORGANIZATION = bindparam("organization_id", type_=Text)
_version = tuple_(
    bindparam("occurred", type_=DateTime(timezone=True)), bindparam("version_id", type_=Text)
)
_listed = any_(bindparam("listed", type_=ARRAY(Text)))
_gone = (
    func.unnest(
        bindparam("gone_ids", type_=ARRAY(Text)),
        bindparam("gone_at", type_=ARRAY(DateTime(timezone=True))),
    )
    .table_valued(column("id", Text), column("at", DateTime(timezone=True)))
    .render_derived(name="gone")
)
_nothing = null()


def _is_older(version: tuple[ColumnElement[Any], ColumnElement[Any]]) -> ColumnElement[bool]:
    return tuple_(*version) < _version


def _ends(view: Table) -> ColumnElement[bool]:
    return or_(
        and_(view.c.directory_id == _listed, _is_older((view.c.occurred_at, view.c.event_id))),
        view.c.occurred_at <= _gone.c.at,
    )


def _people() -> Select[Any]:
    user = live_directory_users
    return (
        select(literal("people"), user.c.user_key, user.c.id, user.c.name, _nothing, _nothing)
        .outerjoin(_gone, _gone.c.id == user.c.directory_id)
        .where(user.c.organization_id == ORGANIZATION, _ends(user))
    )


def _groups() -> Select[Any]:
    group = live_groups
    return (
        select(literal("groups"), _nothing, group.c.id, group.c.name, _nothing, _nothing)
        .outerjoin(_gone, _gone.c.id == group.c.directory_id)
        .where(group.c.organization_id == ORGANIZATION, _ends(group))
    )


def _memberships() -> Select[Any]:
    edge, group, live, user = (
        DirectoryMembership.__table__,
        DirectoryGroup.__table__,
        live_memberships,
        live_directory_users,
    )
    candidates = (
        select(edge.c.directory_user_id, edge.c.group_id)
        .join(
            group,
            and_(group.c.organization_id == edge.c.organization_id, group.c.id == edge.c.group_id),
        )
        .outerjoin(_gone, _gone.c.id == group.c.directory_id)
        .where(
            edge.c.organization_id == ORGANIZATION,
            group.c.organization_id == ORGANIZATION,
            edge.c.present,
            or_(
                and_(
                    group.c.directory_id == _listed,
                    or_(
                        _is_older((edge.c.occurred_at, edge.c.event_id)),
                        _is_older((group.c.occurred_at, group.c.event_id)),
                    ),
                ),
                func.least(edge.c.occurred_at, group.c.occurred_at) <= _gone.c.at,
            ),
        )
        .cte("candidates")
        .prefix_with("MATERIALIZED")
    )
    return (
        select(
            literal("memberships"),
            live.c.user_key,
            user.c.id,
            user.c.name,
            live.c.group_id,
            live.c.group_name,
        )
        .select_from(candidates)
        .join(
            live,
            and_(
                live.c.organization_id == ORGANIZATION,
                live.c.directory_user_id == candidates.c.directory_user_id,
                live.c.group_id == candidates.c.group_id,
            ),
        )
        .join(
            user,
            and_(user.c.organization_id == ORGANIZATION, user.c.id == live.c.directory_user_id),
        )
        .where(live.c.state == ACTIVE)
    )


def _directories() -> Select[Any]:
    live = live_directories
    return (
        select(literal("directories"), _nothing, live.c.id, live.c.name, _nothing, _nothing)
        .join(_gone, _gone.c.id == live.c.id)
        .where(live.c.organization_id == ORGANIZATION)
    )


def _everything() -> CompoundSelect[Any]:
    return union_all(_people(), _groups(), _memberships(), _directories())


LOCK_DIRECTORIES = Query(
    select(Directory.id)
    .where(
        Directory.organization_id == ORGANIZATION,
        Directory.id == any_(bindparam("directories", type_=ARRAY(Text))),
    )
    .order_by(Directory.id)
    .with_for_update()
)
FIND_ENDING = Query(
    insert(ending).from_select(ending.columns.keys(), _everything()), seconds=SECONDS
)

_numbered = select(
    ending,
    func.row_number()
    .over(partition_by=ending.c.kind, order_by=[ending.c.id, ending.c.group_id])
    .label("number"),
    func.count().over(partition_by=ending.c.kind).label("removed"),
).subquery()
REPORT = Query(
    select(_numbered)
    .where(_numbered.c.number <= MOST_EXAMPLES)
    .order_by(_numbered.c.kind, _numbered.c.number),
    seconds=SECONDS,
)
