"""Whether the audit log is as it was sealed."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import aliased

from backend.database import Database, SnapshotConnection
from backend.models import AuditErasure, AuditEvent, AuditSeal
from backend.schemas.audit import AuditAction
from backend.services import audit
from backend.services.audit_log import seals

_SEALS_AT_ONCE = 100


class KnownSeal(NamedTuple):
    """A seal that was written down elsewhere, so that not even its owner can replace it."""

    number: int
    hash: bytes


class Report(NamedTuple):
    """Of one organization; `trouble` is a sentence about the first that is not as it was sealed."""

    organization_id: str
    first: int | None
    last: KnownSeal | None
    entries: int
    unsealed: int
    trouble: str | None


async def verify(
    database: Database, organization_id: str, known: list[KnownSeal] | None = None
) -> Report:
    """Compute every seal of an organization anew, from the oldest that is kept.

    Args:
        database: where it is.
        organization_id: whose.
        known: seals that were written down; those older than the oldest kept are passed over.
    """
    async with database.snapshot() as connection:
        return await _Verification(connection, organization_id, known or []).report()


class _Verification:
    def __init__(
        self, connection: SnapshotConnection, organization_id: str, known: list[KnownSeal]
    ) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._known = {seal.number: seal.hash for seal in known}
        self._first: Row[*tuple[Any, ...]] | None = None
        self._last: Row[*tuple[Any, ...]] | None = None
        self._entries = 0

    async def report(self) -> Report:
        trouble = await self._seals() or await self._beginning() or await self._erasures()
        first, last = self._first, self._last
        after = [] if last is None else [AuditEvent.at > last.to_at]
        unsealed = await self._connection.scalar(
            select(func.count()).where(AuditEvent.organization_id == self._organization_id, *after)
        )
        return Report(
            organization_id=self._organization_id,
            first=None if first is None else first.number,
            last=None if last is None else KnownSeal(last.number, last.hash),
            entries=self._entries,
            unsealed=unsealed or 0,
            trouble=trouble,
        )

    async def _seals(self) -> str | None:
        number = 0
        while rows := await self._next_seals(number):
            for row in rows:
                if trouble := await self._of_seal(row):
                    return trouble
                self._first = self._first or row
                self._last = row
                self._entries += row.entries
            number = rows[-1].number
        if missing := [known for known in self._known if known > number]:
            return f"Seal {min(missing)}, which was written down, is not there."
        return None

    async def _next_seals(self, number: int) -> list[Row[*tuple[Any, ...]]]:
        found = await self._connection.execute(
            select(AuditSeal.__table__)
            .where(AuditSeal.organization_id == self._organization_id, AuditSeal.number > number)
            .order_by(AuditSeal.number)
            .limit(_SEALS_AT_ONCE)
        )
        return list(found.all())

    async def _of_seal(self, seal: Row[*tuple[Any, ...]]) -> str | None:
        last, named = self._last, f"Seal {seal.number} (up to {seal.to_at:%Y-%m-%d %H:%M:%S} UTC)"
        if last is not None and (last.number + 1, last.hash, last.to_at) != (
            seal.number, seal.previous, seal.from_at,
        ):  # fmt: skip
            return f"{named} does not go on from seal {last.number}."
        if last is None and seal.number == 1 and seal.previous != seals.FIRST:
            return f"{named} does not begin the chain."
        if self._known.get(seal.number, seal.hash) != seal.hash:
            return f"{named} is not the one that was written down."
        found = (
            await self._connection.execute(
                seals.hashed(self._organization_id, seal.from_at, seal.to_at, seal.previous)
            )
        ).one()
        if found.entries != seal.entries:
            return f"{named} was made of {seal.entries} entries, and there are {found.entries}."
        if found.hash != seal.hash:
            return f"{named} does not match its {seal.entries} entries: one was changed."
        return None

    async def _beginning(self) -> str | None:
        """Whether what is missing before the oldest seal was pruned."""
        if self._first is None or self._first.number == 1:
            return None
        here = AuditEvent.organization_id == self._organization_id
        pruned = await self._connection.scalar(
            select(AuditEvent.detail)
            .where(here, AuditEvent.action == AuditAction.AUDIT_PRUNED.value)
            .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
            .limit(1)
        )
        seal = audit.read(pruned).seal if pruned is not None else None
        if seal != self._first.number - 1:
            noted = "none" if seal is None else f"no more than up to seal {seal}"
            return f"The oldest seal is {self._first.number}; of those before, {noted} were pruned."
        return None

    async def _erasures(self) -> str | None:
        """Whether nothing but what an erasure has written is where names were erased."""
        here = AuditEvent.organization_id == self._organization_id
        newer, erasure = aliased(AuditErasure), AuditErasure
        is_newest = (
            ~select(newer.erasure_id)
            .where(
                newer.organization_id == erasure.organization_id,
                newer.entry_id == erasure.entry_id,
                newer.erasure_id > erasure.erasure_id,
            )
            .exists()
        )
        leaf = seals.leaf_of_entry()
        changed = await self._connection.scalar(
            select(AuditEvent.id)
            .join(
                erasure,
                (erasure.organization_id == AuditEvent.organization_id)
                & (erasure.entry_id == AuditEvent.id),
            )
            .where(here, is_newest, leaf != erasure.after)
            .order_by(AuditEvent.at, AuditEvent.id)
            .limit(1)
        )
        if changed is not None:
            return f"Entry {changed} is not as the erasure of names has left it."
        noted = await self._connection.execute(
            select(AuditEvent.id, AuditEvent.detail)
            .where(here, AuditEvent.action == AuditAction.AUDIT_ERASED.value)
            .order_by(AuditEvent.at, AuditEvent.id)
        )
        digests = {row.id: audit.read(row.detail).digest for row in noted}
        found = await self._connection.execute(
            select(erasure.erasure_id, _digest().label("digest"))
            .where(erasure.organization_id == self._organization_id)
            .group_by(erasure.erasure_id)
        )
        done = {row.erasure_id: row.digest for row in found}
        nothing = await self._connection.scalar(select(func.encode(func.sha256(b""), "hex")))
        for erasure_id in sorted(digests.keys() | done.keys()):
            if digests.get(erasure_id) != done.get(erasure_id, nothing):
                return f"The erasure {erasure_id} is not what was noted of it."
        return None


def _digest() -> ColumnElement[str]:
    erasure = AuditErasure
    each = func.uuid_send(erasure.entry_id).op("||")(erasure.before).op("||")(erasure.after)
    joined = func.string_agg(each, b"").aggregate_order_by(erasure.entry_id)
    return func.encode(func.sha256(joined), "hex")
