"""Why somebody is refused, and what an IT administrator can do about it."""

from backend.schemas.events import Person
from backend.schemas.explanation import DirectoryEntry, Refusal, RefusalCode
from backend.services.explanation.chain import ChainRow
from backend.services.explanation.reasons import DirectoryUserRow


def why_refused(
    user: ChainRow,
    entries: list[DirectoryEntry],
    rows: dict[str, DirectoryUserRow],
    admission: ChainRow | None,
) -> Refusal:
    """Of somebody who is not active; `entries` are theirs, newest first, and `rows` too, by id."""
    if user.deleted:
        return Refusal(code=RefusalCode.ORGANIZATION_DELETED)
    if user.blocked_at is not None:
        by = user.blocked_by and Person(id=user.blocked_by, name=user.blocked_by_name)
        return Refusal(code=RefusalCode.BLOCKED, at=user.blocked_at, by=by, why=user.blocked_reason)
    if admission is not None and not entries:
        return Refusal(code=RefusalCode.ADMISSION_ENDED, at=admission.until, kind=admission.kind)
    if not user.directory_managed:
        return Refusal(code=RefusalCode.NEVER_SIGNED_IN)
    if not entries:
        return Refusal(code=RefusalCode.NOT_IN_DIRECTORY)
    newest = entries[0]
    row = rows[newest.id]
    gone = row.version is not None and row.directory.is_removed_since(row.version)
    return Refusal(
        code=RefusalCode.DIRECTORY_REMOVED if gone else RefusalCode.NOT_LET_IN,
        directory=newest.directory,
        reason=newest.reason,
    )
