"""Why somebody is refused, in one sentence that an IT administrator understands."""

from backend.schemas.explanation import DirectoryEntry
from backend.services.explanation.chain import ChainRow
from backend.services.explanation.reasons import PersonRow, said


def why_refused(
    account: ChainRow, entries: list[DirectoryEntry], people: dict[str, PersonRow]
) -> str:
    """The sentence for somebody who is not active; `entries` are theirs, newest first."""
    name = account.name or "This person"
    if account.deleted:
        return f"{name} is refused because their organization was deleted at WorkOS."
    if not account.directory_managed:
        if account.blocked_at is not None:
            return f"{name} was blocked on {said(account.blocked_at)} by whoever runs Rollcall."
        return f"{name} has never signed in, and no directory names them."
    if not entries:
        return (
            f"{name} is not in the company's directory, which decides who may enter: assign them "
            "to the application in the identity provider."
        )
    newest = entries[0]
    directory = f"“{newest.directory.name}”" if newest.directory.name else newest.directory.id
    reason = (newest.why_not or "").rstrip(".")
    not_let_in = (
        f"{name} is not let in by the directory {directory}: {reason[:1].lower()}{reason[1:]}."
    )
    row = people[newest.id]
    if row.version is not None and row.directory.is_removed_since(row.version):
        return (
            f"{not_let_in} To let them in, connect a directory at WorkOS again, and assign them to "
            "the application in its identity provider."
        )
    return (
        f"{not_let_in} To let them in, assign them to the application in the "
        "identity provider again, and see that they are active there."
    )
