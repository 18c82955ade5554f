"""The access somebody had at a time in the past, as far as the audit trail tells it.

What is noted is the state of what an entry was about, before and after. Of a person's own entries
that is their access; of a group's, a directory's or the organization's it is not, so that what
followed for each person is not known.
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select

from backend.database import SnapshotConnection
from backend.errors import InvalidInput
from backend.models import Organization
from backend.pagination import TimeCursor
from backend.schemas.access import Actor
from backend.schemas.audit import AccessState
from backend.schemas.explanation import ChangeCode, HistoryEntry, Scope
from backend.schemas.people import PastAccess
from backend.services.explanation import access as access_explanation
from backend.services.explanation import history as access_history
from backend.services.explanation.sentences import access_sentence, utc_text

_MOST_PAGES = 20
_PAGE = 100
_LAST_ID = UUID(int=2**128 - 1)

# Of what is above a person, what may have changed who may do what.
_TELLING = {
    ChangeCode.GROUP_ROLES_GAINED,
    ChangeCode.GROUP_ROLES_LOST,
    ChangeCode.GROUP_DELETED,
    ChangeCode.DIRECTORY_REMOVED,
    ChangeCode.DIRECTORY_DESCRIBED,
    ChangeCode.ORGANIZATION_DELETED,
}


async def look(
    connection: SnapshotConnection, actor: Actor, user_id: UUID, as_of: datetime | None
) -> PastAccess:
    """What is known of that time; None: of now, with the whole chain.

    Raises:
        NotFound: also for somebody of another organization.
        InvalidInput: it has not come yet.
    """
    if as_of is None:
        return await _now(connection, actor, user_id)
    if as_of > datetime.now(UTC):
        raise InvalidInput("as_of", "must be in the past")
    subjects = await access_explanation.read_subjects(connection, actor.organization_id, user_id)
    managed = await connection.scalar(
        select(Organization.directory_managed).where(
            Organization.workos_id == actor.organization_id
        )
    )
    cursor: TimeCursor | None = TimeCursor(as_of, _LAST_ID)
    since: list[HistoryEntry] = []
    for _ in range(_MOST_PAGES):
        page = await access_history.list_page(connection, subjects, cursor=cursor, limit=_PAGE)
        for entry in page.items:
            state = _state(entry, managed=bool(managed))
            if state is not None:
                return _told(as_of, state, entry, since)
            if entry.scope is not Scope.PERSON and _TELLING & {
                change.code for change in entry.changes
            }:
                since.append(entry)
        if page.next_cursor is None:
            break
        cursor = TimeCursor.parse(page.next_cursor)
    return PastAccess(
        as_of=as_of,
        state=None,
        sentence=f"Nothing is noted of them up to {utc_text(as_of)}: they were not known then, or "
        "it is not kept any more.",
        caused_by=None,
        may_have_changed=since,
        now=None,
    )


async def _now(connection: SnapshotConnection, actor: Actor, user_id: UUID) -> PastAccess:
    now = await access_explanation.explain(connection, actor, user_id, cursor=None, limit=_PAGE)
    changed = (entry for entry in now.history.items if entry.changed)
    return PastAccess(
        as_of=await connection.scalar(select(func.now())) or datetime.now(UTC),
        state=AccessState(active=now.active, roles=list(now.roles)),
        sentence=access_sentence(now),
        caused_by=next(changed, None),
        may_have_changed=[],
        now=now,
    )


def _state(entry: HistoryEntry, *, managed: bool) -> AccessState | None:
    """The access that somebody had after an entry, where that is noted."""
    if entry.after is not None and entry.after.access is not None:
        return entry.after.access
    first = any(change.code is ChangeCode.FIRST_SIGN_IN for change in entry.changes)
    if first and not managed:
        return AccessState(active=True, roles=["member"])
    return None


def _told(
    as_of: datetime, state: AccessState, entry: HistoryEntry, since: list[HistoryEntry]
) -> PastAccess:
    had = f"had the roles {', '.join(state.roles)}" if state.active else "might not enter"
    unsure = (
        " What is listed happened to a group or a directory of theirs after that, or to the "
        "organization, and may have changed it."
        if since
        else ""
    )
    return PastAccess(
        as_of=as_of,
        state=state,
        sentence=f"On {utc_text(as_of)} they {had}, since {utc_text(entry.at)}.{unsure}",
        caused_by=entry,
        may_have_changed=since,
        now=None,
    )
