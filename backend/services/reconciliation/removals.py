"""The removals of a complete listing: everything that it lacks is live no more from then on."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable

from backend.models import Directory, live_directory_users
from backend.schemas.access import Permission, roles_with
from backend.schemas.audit import AccessState, AuditAction, AuditDetail, MirrorState
from backend.schemas.reconciliations import (
    MOST_EXAMPLES,
    MOST_LOSSES,
    Change,
    Drift,
    DriftExample,
    KindDrift,
    Loss,
)
from backend.services import access_ends, audit
from backend.services.mirror.rows import ACTIVE, Version
from backend.services.reconciliation.ending import (
    FIND_ENDING,
    LOCK_DIRECTORIES,
    REPORT,
    TEMPORARY,
)
from backend.services.reconciliation.losses import FIND_ADMITTED, FIND_LOST, LAST_ADMIN, lost

_NOTED_AT_ONCE = 2_000

_MOST_LOST = 10  # people who may lose access or a role unconfirmed; or a fifth of the active ones
_SHARE_LOST = 5


class Ended(NamedTuple):
    """The directories whose listing is complete, and those that WorkOS knows no more since when."""

    listed: list[str]
    gone: dict[str, datetime]


class Losses(NamedTuple):
    """Who would lose access or a role; more than `limit` wait for an admin."""

    people: int
    limit: int
    last_admin: bool
    examples: list[str]
    losses: list[Loss]

    @property
    def are_too_many(self) -> bool:
        return self.people > self.limit


class Removals:
    """The removals of one listing, in one transaction.

    Args:
        connection: a transaction that sees one moment, so that what is lost is the listing's doing.
        organization_id: whose.
        version: of the listing.
        ended: the directories that it is of.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        organization_id: str,
        version: Version,
        ended: Ended,
    ) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._version = version
        self._ended = ended

    async def find(self) -> Drift:
        """What is live, and will not be: by kind, with examples."""
        for table in TEMPORARY.sorted_tables:
            await self._connection.execute(CreateTable(table))
        here = {"organization_id": self._organization_id}
        directories = [*self._ended.listed, *self._ended.gone]
        await LOCK_DIRECTORIES.rows(self._connection, **here, directories=directories)
        await FIND_ENDING.rows(
            self._connection,
            **here,
            occurred=self._version.occurred_at,
            version_id=self._version.event_id,
            listed=self._ended.listed,
            gone_ids=list(self._ended.gone),
            gone_at=list(self._ended.gone.values()),
        )
        drift = Drift()
        for row in await REPORT.rows(self._connection):
            example = DriftExample(
                change=Change.REMOVED,
                id=row["id"],
                name=row["name"],
                group_id=row["group_id"],
                group=row["group_name"],
            )
            kind: KindDrift = getattr(drift, row["kind"])
            kind.removed = row["removed"]
            kind.examples.append(example)
        await FIND_ADMITTED.rows(self._connection, **here)
        return drift

    async def carry_out(self) -> Losses:
        """End what the listing lacks, and see who lost access or a role by it.

        It can be rolled back to a savepoint from before.
        """
        here = {"organization_id": self._organization_id}
        limit = await self._limit()
        await self._connection.execute(
            update(Directory)
            .where(
                Directory.organization_id == self._organization_id,
                Directory.id.in_(self._ended.listed),
                func.coalesce(
                    tuple_(Directory.complete_as_of, Directory.complete_id)
                    < tuple_(*self._version),
                    true(),
                ),
            )
            .values(complete_as_of=self._version.occurred_at, complete_id=self._version.event_id)
        )
        if self._ended.gone:
            gone = upsert(Directory).values(
                [
                    {
                        "organization_id": self._organization_id,
                        "id": directory_id,
                        "removed_at": at,
                        "removed_by": self._version.event_id,
                    }
                    for directory_id, at in sorted(self._ended.gone.items())
                ]
            )
            removal = tuple_(Directory.removed_at, Directory.removed_by)
            await self._connection.execute(
                gone.on_conflict_do_update(
                    index_elements=[Directory.organization_id, Directory.id],
                    set_={
                        "removed_at": gone.excluded.removed_at,
                        "removed_by": gone.excluded.removed_by,
                    },
                    where=func.coalesce(
                        removal < tuple_(gone.excluded.removed_at, gone.excluded.removed_by),
                        true(),
                    ),
                )
            )
        await FIND_LOST.rows(self._connection, **here)
        people = await self._connection.scalar(select(func.count()).select_from(lost))
        examples = await self._connection.scalars(
            select(lost.c.name).order_by(lost.c.name, lost.c.user_id).limit(MOST_EXAMPLES)
        )
        admins = list(roles_with(Permission.ADMINISTER))
        losses = await self._connection.execute(
            select(lost)
            .order_by(lost.c.roles_before.overlap(admins).desc(), lost.c.name, lost.c.user_id)
            .limit(MOST_LOSSES)
        )
        last_admin = await LAST_ADMIN.rows(self._connection, **here, admin_roles=admins)
        return Losses(
            people or 0,
            limit,
            last_admin[0][0],
            list(examples),
            [Loss.model_validate(loss) for loss in losses.mappings()],
        )

    async def _limit(self) -> int:
        active = await self._connection.scalar(
            select(func.count(live_directory_users.c.user_key.distinct())).where(
                live_directory_users.c.organization_id == self._organization_id,
                live_directory_users.c.state == ACTIVE,
            )
        )
        return max(_MOST_LOST, (active or 0) // _SHARE_LOST)

    async def conclude(self) -> None:
        """End for good what those held who lost access, and note for each what was lost."""
        last = UUID(int=0)
        while True:
            found = await self._connection.execute(
                select(lost)
                .where(lost.c.user_id > last)
                .order_by(lost.c.user_id)
                .limit(_NOTED_AT_ONCE)
            )
            rows = found.all()
            if not rows:
                return
            gone = [row.user_id for row in rows if not row.active]
            await access_ends.end_for(self._connection, self._organization_id, gone)
            await audit.record(self._connection, *(self._entry(row) for row in rows))
            last = rows[-1].user_id

    def _entry(self, row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
        before = MirrorState(access=AccessState(active=True, roles=row.roles_before))
        after = MirrorState(access=AccessState(active=row.active, roles=row.roles))
        return audit.entry(
            AuditAction.RECONCILIATION_ACCESS_LOST,
            organization_id=self._organization_id,
            subject_id=row.user_id,
            event_id=self._version.event_id,
            detail=AuditDetail(before=before, after=after),
        )
