"""Why somebody is refused, and what an IT administrator can do about it."""

from backend.schemas.explanation import DirectoryEntry, Refusal, RefusalCode
from backend.services.explanation.chain import ChainRow
from backend.services.explanation.reasons import DirectoryUserRow


def why_refused(
    user: ChainRow, entries: list[DirectoryEntry], rows: dict[str, DirectoryUserRow]
) -> Refusal:
    """Of somebody who is not active; `entries` are theirs, newest first, and `rows` too, by id."""
    if user.deleted:
        return Refusal(code=RefusalCode.ORGANIZATION_DELETED)
    if not user.directory_managed:
        if user.blocked_at is not None:
            return Refusal(code=RefusalCode.BLOCKED, at=user.blocked_at)
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
