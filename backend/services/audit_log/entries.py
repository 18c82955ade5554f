"""Entries as they are shown: with names looked up by key, and a sentence."""

from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    ScalarSelect,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from backend.models import (
    AuditEvent,
    Directory,
    DirectoryEvent,
    DirectoryGroup,
    DirectoryUser,
    Organization,
    Post,
    RefusalCount,
    User,
)
from backend.pagination import Keyset, TimeCursor
from backend.schemas.audit import AuditAction
from backend.schemas.audit_log import AuditActor, AuditEntry, AuditSubject, SubjectKind
from backend.services import audit
from backend.services.audit_log import refusals
from backend.services.audit_log.sentences import sentence

_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

COLUMNS = (
    AuditEvent.organization_id,
    AuditEvent.id,
    AuditEvent.at,
    AuditEvent.action,
    AuditEvent.actor_id,
    AuditEvent.event_id,
    AuditEvent.subject_id,
    AuditEvent.detail,
)


class _Found(NamedTuple):
    kind: SubjectKind
    name: str | None


def with_names(entry: FromClause, keyset: Keyset[TimeCursor]) -> Select[*tuple[Any, ...]]:
    """Of entries with `COLUMNS`, what `shown` is made of, in the order of the keyset.

    Each name is looked up by its key: a join may be planned to hash everybody for a page.
    """
    subject = entry.c.subject_id
    as_uuid = case((subject.regexp_match(_UUID), cast(subject, Uuid)))
    group_id = func.coalesce(entry.c.detail["group_id"].astext, subject)

    def named(
        name: InstrumentedAttribute[Any], key: InstrumentedAttribute[Any], value: ColumnElement[Any]
    ) -> ScalarSelect[Any]:
        tenant = name.class_.organization_id
        found = select(name).where(tenant == entry.c.organization_id, key == value)
        return found.correlate(entry).scalar_subquery()

    user_key = named(DirectoryUser.user_key, DirectoryUser.id, subject)
    user_id = case(
        (as_uuid.is_not(null()), named(User.id, User.id, as_uuid)),
        else_=named(User.id, User.key, user_key),
    )
    organization = select(Organization.name).where(
        Organization.workos_id == entry.c.organization_id, subject == entry.c.organization_id
    )
    refused = select(RefusalCount.count).where(
        entry.c.action.in_(refusals.COUNTED),
        RefusalCount.organization_id == entry.c.organization_id,
        RefusalCount.action == entry.c.action,
        RefusalCount.client == subject,
        RefusalCount.hour == func.date_trunc("hour", entry.c.at, "UTC"),
    )
    known = select(
        entry,
        named(DirectoryEvent.type, DirectoryEvent.id, entry.c.event_id).label("type"),
        named(User.name, User.id, entry.c.actor_id).label("actor_name"),
        user_id.label("user_id"),
        named(User.name, User.id, as_uuid).label("user_name"),
        named(DirectoryUser.name, DirectoryUser.id, subject).label("person_name"),
        named(DirectoryUser.id, DirectoryUser.id, subject).label("directory_user_id"),
        group_id.label("group_id"),
        named(DirectoryGroup.name, DirectoryGroup.id, group_id).label("group_name"),
        named(Directory.id, Directory.id, subject).label("directory_id"),
        func.coalesce(
            named(Directory.name, Directory.id, subject),
            organization.correlate(entry).scalar_subquery(),
        ).label("above_name"),
        named(Post.title, Post.id, as_uuid).label("post_title"),
        refused.correlate(entry).scalar_subquery().label("count"),
    ).subquery("known")
    return select(
        known,
        erased(known, known.c.actor_id).label("actor_erased"),
        erased(known, known.c.user_id).label("subject_erased"),
    ).order_by(*keyset.of(known).order)


def erased(entry: FromClause, user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the user's name was erased since the entry was written."""
    erasure = aliased(AuditEvent)
    found = (
        select(literal(1))
        .where(
            erasure.organization_id == entry.c.organization_id,
            erasure.subject_id == cast(user_id, Text),
            erasure.action == AuditAction.AUDIT_ERASED,
            erasure.at >= entry.c.at,
        )
        .limit(1)
    )
    return and_(user_id.is_not(null()), found.correlate(entry).scalar_subquery().is_not(null()))


def shown(row: Row[*tuple[Any, ...]]) -> AuditEntry:
    detail = audit.read(row.detail)
    actor = None
    if row.actor_id is not None:
        actor = AuditActor(id=row.actor_id, name=None if row.actor_erased else row.actor_name)
    found = _subject(row)
    name = None if row.subject_erased else found.name or detail.title or detail.name
    subject = AuditSubject(kind=found.kind, id=row.subject_id, user_id=row.user_id, name=name)
    return AuditEntry(
        id=row.id,
        at=row.at,
        action=row.action,
        sentence=sentence(row, detail, actor, subject),
        actor=actor,
        subject=subject,
        event_id=row.event_id,
        count=row.count,
        detail=detail,
    )


def _subject(row: Row[*tuple[Any, ...]]) -> _Found:
    """What an entry is about: by its action where that says it, else by where it was found."""
    by_action = {
        "post": _Found(SubjectKind.POST, row.post_title),
        "webhook": _Found(SubjectKind.CLIENT, row.subject_id),
        "sign_in": _Found(SubjectKind.PERSON, row.user_name),
    }.get(row.action.partition(".")[0])
    if row.action == AuditAction.UNIVERSAL_LOGOUT_REFUSED:
        by_action = _Found(SubjectKind.CLIENT, row.subject_id)
    if by_action is not None:
        return by_action
    is_person = row.user_id is not None or row.directory_user_id is not None
    candidates = (
        (is_person, SubjectKind.PERSON, row.user_name or row.person_name),
        (row.subject_id == row.organization_id, SubjectKind.ORGANIZATION, row.above_name),
        (row.directory_id is not None, SubjectKind.DIRECTORY, row.above_name),
        (row.group_name is not None, SubjectKind.GROUP, row.group_name),
        (row.action.startswith("reconciliation."), SubjectKind.RECONCILIATION, None),
    )
    found = (_Found(kind, name) for is_it, kind, name in candidates if is_it)
    return next(found, _Found(SubjectKind.OTHER, None))
