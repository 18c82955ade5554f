"""The state of an organization's directories in the words of an operator."""

from backend.schemas.directory import (
    CatchUp,
    Directory,
    DirectoryState,
    EventRef,
    Parked,
    Reconciliations,
)
from backend.schemas.reconciliations import Hold, State
from backend.services.explanation.sentences import utc_text


def attention_and_status(
    managed: bool,
    directories: list[Directory],
    last_event: EventRef | None,
    parked: Parked,
    catch_up: CatchUp,
    reconciliations: Reconciliations,
    hold: Hold | None,
) -> tuple[bool, str]:
    """Whether somebody should do something, and what is the matter.

    `hold` is why the current reconciliation waits, if it does.
    """
    troubles = [
        *_of_directories(managed, directories),
        *_of_reconciliations(reconciliations, hold),
        *_of_events(parked, catch_up),
    ]
    if troubles:
        return True, " ".join(troubles)
    if not managed:
        return False, "No directory is connected: whoever signs in by SSO may enter."
    if last_event is None:
        return False, "All is well; no event has arrived yet."
    return False, f"All is well: the last event came on {utc_text(last_event.received_at)}."


def _of_directories(managed: bool, directories: list[Directory]) -> list[str]:
    gone = [found for found in directories if found.state is DirectoryState.REMOVED]
    if not managed or len(gone) < len(directories):
        return []
    when = max((found.since for found in gone if found.since), default=None)
    return [
        "The directory was removed"
        + (f" on {utc_text(when)}" if when else "")
        + ", so nobody may enter by it: connect a directory again."
    ]


def why_held(hold: Hold) -> str:
    reasons = []
    if hold.people > hold.limit:
        reasons.append(
            f"{hold.people:,} people would lose access or a role; more than {hold.limit:,} wait."
        )
    if hold.last_admin:
        reasons.append("No active admin would be left.")
    reasons += [
        f"WorkOS counts {short.counted:,} {short.kind} in {short.directory_id}, "
        f"and listed {short.listed:,}."
        for short in hold.short
    ]
    return " ".join(reasons)


def _of_reconciliations(reconciliations: Reconciliations, hold: Hold | None) -> list[str]:
    current, last = reconciliations.current, reconciliations.last
    if hold is not None:
        return [f"A reconciliation waits for an admin to confirm or cancel it: {why_held(hold)}"]
    if current is not None and current.error is not None:
        reason = current.error.rstrip(".")
        return [f"A reconciliation is trying again to read from WorkOS: {reason}."]
    if last is not None and last.state is State.FAILED:
        reason = (last.error or "the reason is not known").rstrip(".")
        return [f"The last reconciliation failed: {reason}."]
    return []


def _of_events(parked: Parked, catch_up: CatchUp) -> list[str]:
    troubles = []
    if parked.count == 1:
        troubles.append("1 event could not be applied and is parked.")
    elif parked.count:
        troubles.append(f"{parked.count} events could not be applied and are parked.")
    if catch_up.enabled and catch_up.failures:
        reason = (catch_up.error or "WorkOS does not answer").rstrip(".")
        when = f", the last one on {utc_text(catch_up.polled_at)}" if catch_up.polled_at else ""
        tries = "1 try" if catch_up.failures == 1 else f"{catch_up.failures} tries in a row"
        troubles.append(f"Events cannot be read from WorkOS ({tries}{when}): {reason}.")
    elif catch_up.enabled and catch_up.error:
        troubles.append(catch_up.error)
    return troubles
