"""How somebody's access changed, from the audit trail: what was about them or above them."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    ScalarSelect,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from backend.database import SnapshotConnection
from backend.models import (
    AuditEvent,
    Directory,
    DirectoryEvent,
    DirectoryGroup,
    Organization,
    User,
)
from backend.pagination import Keyset, TimeCursor
from backend.schemas.audit import AuditAction, MirrorState
from backend.schemas.events import Outcome, Person
from backend.schemas.explanation import Cause, CauseKind, History, HistoryEntry, Named, Scope
from backend.services import audit
from backend.services.explanation.changes import changed_access, changes_of
from backend.services.explanation.sentences import change_sentence
from backend.services.mirror import portal
from backend.services.roles.mappings import slug_of_subject, subject_of_workos_role

_NEWEST = Keyset(TimeCursor, AuditEvent.at, AuditEvent.id, descending=True)

_SNAPSHOT = "snapshot_"
_RECONCILIATION = "reconciliation"
_NO_ACCESS = (
    "organization.created",
    "organization.updated",
    *portal.HANDLERS,
    *(action.value for action in AuditAction if not action.changes_access),
)


class Subjects(NamedTuple):
    """What the history of a user is made of."""

    user_id: UUID
    organization_id: str
    joined_at: datetime | None
    people: list[str]
    groups: list[str]
    directories: list[str]
    workos_roles: list[str]

    @property
    def all(self) -> list[str]:
        at_workos = map(subject_of_workos_role, self.workos_roles)
        above = [*self.groups, *self.directories, *at_workos, self.organization_id]
        return [str(self.user_id), *self.people, *above]

    def scope(self, subject_id: str) -> Scope:
        if subject_id in self.groups:
            return Scope.GROUP
        if subject_id in self.directories:
            return Scope.DIRECTORY
        if slug_of_subject(subject_id) is not None:
            return Scope.WORKOS_ROLE
        return Scope.ORGANIZATION if subject_id == self.organization_id else Scope.PERSON


def cause_of(version_id: str) -> Cause:
    """What made a row of the mirror, by the id of its version."""
    kind = CauseKind.SNAPSHOT if version_id.startswith(_SNAPSHOT) else CauseKind.EVENT
    return Cause(kind=kind, id=version_id)


async def list_page(
    connection: SnapshotConnection, subjects: Subjects, *, cursor: TimeCursor | None, limit: int
) -> History:
    """What happened to these subjects, newest first.

    Each subject's newest are found by the index, so that the cost is that of a page.
    """
    ids = bindparam("subjects", subjects.all, ARRAY(Text))
    wanted = func.unnest(ids).table_valued("id", name="wanted").render_derived()
    about = [
        AuditEvent.organization_id == subjects.organization_id,
        AuditEvent.subject_id == wanted.c.id,
        AuditEvent.action.not_in(_NO_ACCESS),
        # Only the first sign-in can change anything.
        or_(AuditEvent.action != AuditAction.SESSION_OPENED, AuditEvent.at == subjects.joined_at),
        func.coalesce(AuditEvent.detail["outcome"].astext, Outcome.APPLIED.value)
        == Outcome.APPLIED.value,
    ]
    of_each = _NEWEST.select(select(AuditEvent).where(and_(*about)), cursor, limit)
    newest = of_each.correlate(wanted).lateral("newest")
    of_all = select(newest).select_from(wanted).join(newest, true())
    entry = _NEWEST.of(newest).select(of_all, None, limit).subquery("entry")
    group_id = func.coalesce(entry.c.detail["group_id"].astext, entry.c.subject_id)

    def named(
        name: InstrumentedAttribute[Any], key: InstrumentedAttribute[Any], value: ColumnElement[Any]
    ) -> ScalarSelect[Any]:
        """Looked up by its key: a join may be planned to hash everybody for a page."""
        tenant = name.class_.organization_id
        return select(name).where(tenant == entry.c.organization_id, key == value).scalar_subquery()

    organization = select(Organization.name).where(
        Organization.workos_id == entry.c.organization_id,
        Organization.workos_id == entry.c.subject_id,
    )
    found = (
        await connection.execute(
            select(
                entry,
                named(DirectoryEvent.type, DirectoryEvent.id, entry.c.event_id).label("type"),
                named(User.name, User.id, entry.c.actor_id).label("actor_name"),
                group_id.label("group_id"),
                named(DirectoryGroup.name, DirectoryGroup.id, group_id).label("group_name"),
                func.coalesce(
                    named(Directory.name, Directory.id, entry.c.subject_id),
                    organization.scalar_subquery(),
                ).label("above_name"),
            ).order_by(*_NEWEST.of(entry).order)
        )
    ).all()
    rows, next_cursor = _NEWEST.cut(found, limit)
    return History(
        items=[_entry(row, subjects.scope(row.subject_id)) for row in rows],
        next_cursor=next_cursor,
    )


def _entry(row: Row[*tuple[Any, ...]], scope: Scope) -> HistoryEntry:
    detail = audit.read(row.detail)
    before, after = detail.before or MirrorState(), detail.after or MirrorState()
    changes = changes_of(row, scope, before, after)
    about_group = scope is Scope.GROUP or row.group_name is not None
    return HistoryEntry(
        at=row.at,
        what=row.type or row.action,
        scope=scope,
        group=Named(id=row.group_id, name=row.group_name) if about_group else None,
        cause=_cause(row),
        changed=changed_access(changes),
        summary=" ".join(change_sentence(change) for change in changes),
        changes=changes,
        before=detail.before,
        after=detail.after,
    )


def _cause(row: Row[*tuple[Any, ...]]) -> Cause:
    actor = Person(id=row.actor_id, name=row.actor_name) if row.actor_id else None
    if row.action == AuditAction.SESSION_OPENED:
        return Cause(kind=CauseKind.SIGN_IN, actor=actor)
    if row.action.startswith(f"{_RECONCILIATION}."):
        # Its snapshot has its id.
        found = row.event_id and row.event_id.removeprefix(_SNAPSHOT)
        return Cause(kind=CauseKind.RECONCILIATION, id=found, actor=actor)
    if row.event_id:
        return cause_of(row.event_id).model_copy(update={"actor": actor})
    return Cause(kind=CauseKind.PERSON if actor else CauseKind.OPERATOR, actor=actor)
