"""The state of an organization's directories in the words of an operator, and in codes."""

from datetime import datetime

from backend.schemas.audit import AuditDetail
from backend.schemas.directory import (
    BackgroundWorker,
    CatchUp,
    Directory,
    DirectoryState,
    EventRef,
    Parked,
    Reconciliations,
    Trouble,
    TroubleCode,
)
from backend.schemas.organization import Certificate, Sso, SsoState
from backend.schemas.reconciliations import Hold, State
from backend.services.connections import RevokedToken
from backend.services.explanation.sentences import utc_text


def troubles_of(
    managed: bool,
    directories: list[Directory],
    parked: Parked,
    catch_up: CatchUp,
    worker: BackgroundWorker,
    reconciliations: Reconciliations,
    hold: Hold | None,
) -> list[Trouble]:
    """What somebody should see to.

    `hold` is why the current reconciliation waits, if it does.
    """
    return [
        *_of_directories(managed, directories),
        *_of_reconciliations(reconciliations, hold),
        *_of_events(parked, catch_up),
        *_of_worker(worker),
    ]


def status_sentence(troubles: list[Trouble], managed: bool, last_event: EventRef | None) -> str:
    """What is the matter, or that all is well."""
    if troubles:
        return " ".join(trouble.text for trouble in troubles)
    if not managed:
        return "No directory is connected: whoever signs in by SSO may enter."
    if last_event is None:
        return "All is well; no event has arrived yet."
    return f"All is well: the last event came on {utc_text(last_event.received_at)}."


def _of_directories(managed: bool, directories: list[Directory]) -> list[Trouble]:
    gone = [found for found in directories if found.state is DirectoryState.REMOVED]
    if not managed or len(gone) < len(directories):
        return []
    when = max((found.since for found in gone if found.since), default=None)
    removed = f" on {utc_text(when)}" if when else ""
    return [
        Trouble(
            code=TroubleCode.DIRECTORIES_REMOVED,
            text=f"The directory was removed{removed}, so nobody may enter by it: connect a "
            "directory again.",
        )
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


def _of_reconciliations(reconciliations: Reconciliations, hold: Hold | None) -> list[Trouble]:
    current, last = reconciliations.current, reconciliations.last
    if hold is not None:
        text = f"A reconciliation waits for an admin to confirm or cancel it: {why_held(hold)}"
        return [Trouble(code=TroubleCode.RECONCILIATION_HELD, text=text)]
    if current is not None and current.error is not None:
        reason = current.error.rstrip(".")
        text = f"A reconciliation is trying again to read from WorkOS: {reason}."
        return [Trouble(code=TroubleCode.RECONCILIATION_RETRYING, text=text)]
    if last is not None and last.state is State.FAILED:
        reason = (last.error or "the reason is not known").rstrip(".")
        text = f"The last reconciliation failed: {reason}."
        return [Trouble(code=TroubleCode.RECONCILIATION_FAILED, text=text)]
    return []


def _of_events(parked: Parked, catch_up: CatchUp) -> list[Trouble]:
    troubles = []
    if parked.count:
        text = (
            "1 event could not be applied and is parked."
            if parked.count == 1
            else f"{parked.count} events could not be applied and are parked."
        )
        troubles.append(Trouble(code=TroubleCode.EVENTS_PARKED, text=text))
    if catch_up.enabled and catch_up.failures:
        reason = (catch_up.error or "WorkOS does not answer").rstrip(".")
        when = f", the last one on {utc_text(catch_up.polled_at)}" if catch_up.polled_at else ""
        tries = "1 try" if catch_up.failures == 1 else f"{catch_up.failures} tries in a row"
        text = f"Events cannot be read from WorkOS ({tries}{when}): {reason}."
        troubles.append(Trouble(code=TroubleCode.CATCH_UP_FAILING, text=text))
    elif catch_up.enabled and catch_up.error:
        troubles.append(Trouble(code=TroubleCode.CURSOR_EXPIRED, text=catch_up.error))
    return troubles


def of_portal(sso: Sso, tokens: list[RevokedToken]) -> list[Trouble]:
    """What somebody should see to in WorkOS's Admin Portal."""
    troubles = []
    if sso.state is SsoState.INACTIVE:
        since = f" since {utc_text(sso.since)}" if sso.since else ""
        text = (
            f"No SSO connection is known to be active{since}, so people may not be able to sign "
            "in: activate one in the Admin Portal."
        )
        troubles.append(Trouble(code=TroubleCode.SSO_INACTIVE, text=text))
    if sso.certificate is not None:
        text = f"{_expiry(sso.certificate)}: renew it in the Admin Portal, or nobody can sign in."
        troubles.append(Trouble(code=TroubleCode.CERTIFICATE_DUE, text=text))
    for token in tokens:
        name = token.directory_name or token.directory_id
        text = (
            f"The token of the directory “{name}” was revoked on {utc_text(token.at)}, and nothing "
            "has come from it since: enter a new one in the identity provider."
        )
        troubles.append(Trouble(code=TroubleCode.DIRECTORY_CUT_OFF, text=text))
    return troubles


def _expiry(certificate: Certificate) -> str:
    what = f"The SAML certificate of the SSO connection “{certificate.connection}”"
    if certificate.expires_at is None or certificate.days is None:
        return f"{what} is to be renewed"
    on = utc_text(certificate.expires_at)
    match certificate.days:
        case days if days < 0:
            return f"{what} expired on {on}"
        case 0:
            return f"{what} expires within a day, on {on}"
        case 1:
            return f"{what} expires in 1 day, on {on}"
        case days:
            return f"{what} expires in {days} days, on {on}"


def _of_worker(worker: BackgroundWorker) -> list[Trouble]:
    if worker.alive:
        return []
    seen = f"; the last sign of one is of {utc_text(worker.seen_at)}" if worker.seen_at else ""
    text = (
        f"No worker runs, so nothing is fetched, tried again, tidied up or reconciled{seen}: "
        "start `rollcall worker`."
    )
    return [Trouble(code=TroubleCode.NO_WORKER, text=text)]


def break_glass_trouble(name: str, at: datetime, detail: AuditDetail) -> Trouble:
    until = f" until {utc_text(detail.until)}" if detail.until else ""
    text = (
        f"Whoever runs Rollcall let {name} in as an admin on {utc_text(at)}{until}, in an "
        f"emergency: “{detail.reason}”. If you know of none, ask them."
    )
    return Trouble(code=TroubleCode.BREAK_GLASS, text=text)
