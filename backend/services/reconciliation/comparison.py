"""What a part of a listing has that the mirror has not, or otherwise.

What is newer in the mirror than the listing is no drift, and neither is whether somebody is live
who is inactive on both sides. All is compared in the database, so that memory stays that of a part.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Table,
    TableValuedAlias,
    Text,
    and_,
    any_,
    bindparam,
    column,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from backend.models import (
    Directory,
    DirectoryGroup,
    DirectoryMembership,
    DirectoryUser,
    RoleMapping,
    User,
    access,
    live_directories,
    live_directory_users,
    live_groups,
)
from backend.schemas.audit import AccessState
from backend.schemas.reconciliations import (
    MOST_EXAMPLES,
    Change,
    DriftExample,
    KindDrift,
)
from backend.services.mirror.rows import (
    ACTIVE,
    DirectoryRow,
    DirectoryUserRow,
    Facts,
    GroupRow,
    Version,
)

_OF_PEOPLE = ("name", "email", "state", "idp_id", "custom_attributes", "role_slugs")
# Of these, what changes access.
_DECIDE = {"state", "role_slugs"}
_TYPES: dict[str, Any] = {
    "custom_attributes": JSONB,
    "directory_user_ids": JSONB,
    "role_slugs": ARRAY(Text),
}


class Found(NamedTuple):
    """Before the merge: what differs, what may be live only afterwards, and whose access changes.

    The people are told by the key of their user.
    """

    changed: list[DriftExample]
    absent: list[str]
    keys: set[str]

    @property
    def drift(self) -> KindDrift:
        return _drift(self.changed)


class Comparison:
    """A part of a listing beside what is live.

    Args:
        connection: a transaction.
        organization_id: whose directories are listed.
        facts: of the part.
        version: of the listing.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        organization_id: str,
        facts: Facts,
        version: Version,
    ) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._facts = facts
        self._version = tuple_(
            bindparam("occurred", version.occurred_at, DateTime(timezone=True)),
            bindparam("version_id", version.event_id, Text),
        )
        self._occurred_at = version.occurred_at

    async def directories(self) -> KindDrift:
        rows = self._facts.get("directories", [])
        removed = Directory.removed_at >= self._occurred_at
        found = await self._compare(
            rows, Directory, live_directories, ("name", "type"), ~func.coalesce(removed, false())
        )
        names = {row["id"]: row["name"] for row in rows}
        added = [
            DriftExample(change=Change.ADDED, id=directory_id, name=names[directory_id])
            for directory_id in found.absent
        ]
        drift = found.drift
        drift.add(_drift(added))
        return drift

    async def people(self) -> Found:
        rows = self._facts.get("directory_users", [])
        found = await self._compare(rows, DirectoryUser, live_directory_users, _OF_PEOPLE)
        moved = [each.id for each in found.changed if _DECIDE & (each.changes or {}).keys()]
        by_id = {row["id"]: row for row in rows}
        keys = {
            by_id[directory_user_id]["user_key"] for directory_user_id in [*found.absent, *moved]
        }
        return Found(found.changed, found.absent, keys)

    async def groups(self) -> Found:
        rows = self._facts.get("groups", [])
        return await self._compare(rows, DirectoryGroup, live_groups, ("name",))

    async def _compare(
        self,
        rows: Sequence[DirectoryRow | DirectoryUserRow | GroupRow],
        known: type[Directory | DirectoryUser | DirectoryGroup],
        live: Table,
        names: tuple[str, ...],
        *conditions: ColumnElement[bool],
    ) -> Found:
        """Of the rows that are newer than the mirror's: those that differ, and those not live."""
        if not rows:
            return Found([], [], set())
        listed = _listed(rows, "id", *names)
        absent: ColumnElement[bool] = live.c.id.is_(None)
        comparable: ColumnElement[bool] = live.c.id.is_not(None)
        if known is DirectoryUser:
            active = or_(DirectoryUser.state == ACTIVE, listed.c.state == ACTIVE)
            absent = and_(absent, func.coalesce(active, true()))
            comparable = or_(comparable, ~active)
        held = [known.__table__.c[name] for name in names]
        differs = func.row(*held).is_distinct_from(func.row(*(listed.c[name] for name in names)))
        query = (
            select(listed.c.id, absent.label("absent"), *held)
            .select_from(
                listed.outerjoin(
                    known,
                    and_(known.organization_id == self._organization_id, known.id == listed.c.id),
                ).outerjoin(
                    live,
                    and_(live.c.organization_id == self._organization_id, live.c.id == listed.c.id),
                )
            )
            .where(
                or_(
                    known.occurred_at.is_(None),
                    tuple_(known.occurred_at, known.event_id) < self._version,
                ),
                or_(absent, and_(comparable, differs)),
                *conditions,
            )
        )
        found = (await self._connection.execute(query)).mappings().all()
        by_id: dict[str, dict[str, Any]] = {row["id"]: {**row} for row in rows}
        changed = [
            DriftExample(
                change=Change.CHANGED,
                id=row["id"],
                name=by_id[row["id"]]["name"],
                changes={
                    name: (row[name], by_id[row["id"]][name])
                    for name in names
                    if row[name] != by_id[row["id"]][name]
                },
            )
            for row in found
            if not row["absent"]
        ]
        return Found(changed, [row["id"] for row in found if row["absent"]], set())

    async def memberships(self) -> tuple[KindDrift, set[str]]:
        """What is added, and whose access that changes.

        People and groups come first, so whether these will be live can be said beforehand.
        """
        rows = self._facts.get("memberships", [])
        if not rows:
            return KindDrift(), set()
        # A membership is live if its person and its group are, and if nothing has ended it by
        # itself. The first is asked only where something has: nearly all are live already. Each is
        # looked up by itself, by a scalar subquery, and never joined.
        listed = _listed(rows, "group_id", "directory_user_ids")
        member = (
            func.jsonb_array_elements_text(listed.c.directory_user_ids)
            .table_valued(column("id", Text))
            .render_derived(name="member")
        )
        group, user = live_groups, live_directory_users
        known, person, directory = DirectoryMembership, DirectoryUser, Directory
        stays = (
            select(
                or_(
                    tuple_(known.occurred_at, known.event_id) >= self._version,
                    and_(
                        known.present,
                        func.is_live(
                            known.occurred_at,
                            known.event_id,
                            func.greatest(person.removed_at, group.c.removed_at),
                            directory.removed_at,
                            directory.complete_as_of,
                            directory.complete_id,
                        ),
                        or_(
                            person.snapshot_as_of.is_(None),
                            tuple_(known.occurred_at, known.event_id)
                            >= tuple_(person.snapshot_as_of, person.snapshot_id),
                        ),
                    ),
                )
            )
            .select_from(known)
            .join(
                person,
                and_(
                    person.organization_id == known.organization_id,
                    person.id == known.directory_user_id,
                ),
            )
            .where(
                known.organization_id == self._organization_id,
                known.directory_user_id == member.c.id,
                known.group_id == group.c.id,
            )
            .scalar_subquery()
        )
        ended = (
            select(
                member.c.id.label("directory_user_id"),
                group.c.id.label("group_id"),
                group.c.name.label("group_name"),
                group.c.directory_id,
                group.c.removed_at.label("group_removed_at"),
            )
            .select_from(
                listed.join(
                    group,
                    and_(
                        group.c.organization_id == self._organization_id,
                        group.c.id == listed.c.group_id,
                    ),
                )
                .outerjoin(
                    directory,
                    and_(
                        directory.organization_id == self._organization_id,
                        directory.id == group.c.directory_id,
                    ),
                )
                .join(member, true())
            )
            .where(stays.is_not(true()))
            .cte("ended")
            .prefix_with("MATERIALIZED")
        )
        absent = (
            select(
                user.c.id,
                user.c.name,
                user.c.user_key,
                ended.c.group_id,
                ended.c.group_name,
            )
            .select_from(ended)
            .join(
                user,
                and_(
                    user.c.organization_id == self._organization_id,
                    user.c.id == ended.c.directory_user_id,
                    user.c.directory_id == ended.c.directory_id,
                ),
            )
            .where(
                user.c.state == ACTIVE,
                func.coalesce(
                    func.greatest(
                        user.c.removed_at, ended.c.group_removed_at, user.c.directory_removed_at
                    )
                    < self._occurred_at,
                    true(),
                ),
                func.coalesce(
                    tuple_(user.c.snapshot_as_of, user.c.snapshot_id) <= self._version, true()
                ),
            )
            .cte("absent")
            .prefix_with("MATERIALIZED")
        )
        mapped = exists().where(
            RoleMapping.organization_id == self._organization_id,
            RoleMapping.group_id == absent.c.group_id,
        )
        first = select(absent).order_by(absent.c.id, absent.c.group_id).limit(MOST_EXAMPLES)
        counted = select(
            select(func.count()).select_from(absent).scalar_subquery().label("added"),
            select(func.array_agg(absent.c.user_key.distinct(), type_=ARRAY(Text)))
            .where(mapped)
            .scalar_subquery()
            .label("keys"),
        ).subquery()
        examples = first.subquery()
        found = (
            await self._connection.execute(
                select(counted, examples).select_from(counted.outerjoin(examples, true()))
            )
        ).all()
        drift = KindDrift(
            added=found[0].added,
            examples=[
                DriftExample(
                    change=Change.ADDED,
                    id=row.id,
                    name=row.name,
                    group_id=row.group_id,
                    group=row.group_name,
                )
                for row in found
                if row.id is not None
            ],
        )
        return drift, set(found[0].keys or ())

    async def access_of(
        self, by: InstrumentedAttribute[Any], values: Iterable[object]
    ) -> dict[UUID, AccessState]:
        """Of those who have ever signed in, or a first listing would derive that of everybody."""
        wanted = list(values)
        if not wanted:
            return {}
        rows = await self._connection.execute(
            select(access.c.user_id, access.c.active, access.c.roles)
            .select_from(User)
            .join(
                access,
                and_(access.c.organization_id == User.organization_id, access.c.user_id == User.id),
            )
            .where(
                User.organization_id == self._organization_id,
                by == any_(literal(wanted, ARRAY(by.type))),
                User.joined_at.is_not(None),
            )
        )
        return {row.user_id: AccessState(active=row.active, roles=row.roles) for row in rows}

    async def now_live(self, view: Table, absent: list[str]) -> KindDrift:
        """What was absent, and is live after the merge."""
        if not absent:
            return KindDrift()
        rows = await self._connection.execute(
            select(view.c.id, view.c.name, func.count().over().label("added"))
            .where(
                view.c.organization_id == self._organization_id,
                view.c.id == any_(literal(absent, ARRAY(Text))),
            )
            .order_by(view.c.id)
            .limit(MOST_EXAMPLES)
        )
        found = rows.all()
        return KindDrift(
            added=found[0].added if found else 0,
            examples=[DriftExample(change=Change.ADDED, id=row.id, name=row.name) for row in found],
        )


def _listed(rows: Sequence[Mapping[str, object]], *names: str) -> TableValuedAlias:
    """The rows of a part as a table of these columns."""
    columns = [column(name, _TYPES.get(name, Text)) for name in names]
    sent = [{name: row[name] for name in names} for row in rows]
    recordset = func.jsonb_to_recordset(bindparam(None, sent, JSONB))
    return recordset.table_valued(*columns).render_derived(name="listed", with_types=True)


def _drift(examples: list[DriftExample]) -> KindDrift:
    added = sum(each.change is Change.ADDED for each in examples)
    return KindDrift(added=added, changed=len(examples) - added, examples=examples[:MOST_EXAMPLES])
