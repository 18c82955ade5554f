"""What an entry says, in words."""

from typing import Any

from sqlalchemy import Row

from backend.schemas.audit import AuditAction, AuditDetail, MirrorState
from backend.schemas.audit_log import AuditActor, AuditSubject, SubjectKind
from backend.schemas.events import Outcome
from backend.schemas.explanation import Scope
from backend.schemas.reconciliations import Trigger
from backend.services.explanation.changes import changes_of
from backend.services.explanation.sentences import change_sentence
from backend.services.mirror import portal

_BY_THE_CLOCK = {Trigger.SCHEDULE.value, Trigger.EXPIRED_CURSOR.value}
_ACTIONS = {action.value: action for action in AuditAction}
_SCOPES = {
    SubjectKind.GROUP: Scope.GROUP,
    SubjectKind.DIRECTORY: Scope.DIRECTORY,
    SubjectKind.ORGANIZATION: Scope.ORGANIZATION,
}
_SOMEBODY = {
    SubjectKind.PERSON: "somebody",
    SubjectKind.POST: "that is gone",
    SubjectKind.CLIENT: "somewhere",
}


def sentence(
    row: Row[*tuple[Any, ...]],
    detail: AuditDetail,
    actor: AuditActor | None,
    subject: AuditSubject,
) -> str:
    """Of an entry, as `entries.with_names` finds it."""
    who = _actor(actor, detail)
    what = _subject(subject)
    if actor is not None and actor.id == subject.user_id and row.action == "session.ended":
        other = detail.session_id is not None
        return f"{_capital(who)} {'ended a session of theirs' if other else 'signed out'}."
    action = _ACTIONS.get(row.action)
    if action is None:
        return _of_event(row, detail, subject, what)
    told = action.sentence.format(
        actor=who,
        subject=what,
        changes=_changes(row, detail, subject),
        reason=(detail.reason or "unknown").replace("_", " "),
        source=detail.source or "unknown",
        people=detail.people or 0,
        lost_access=detail.lost_access or 0,
        outcome=detail.outcome or "unknown",
        entries=detail.entries or 0,
        token_name=detail.token_name,
        role=detail.role,
        intent=(detail.intent or "unknown").replace("_", " "),
        settings=_settings(detail),
    )
    return _capital(told)


def _of_event(
    row: Row[*tuple[Any, ...]], detail: AuditDetail, subject: AuditSubject, what: str
) -> str:
    """WorkOS's, or an action that only a newer version knows."""
    if detail.outcome not in {None, Outcome.APPLIED.value}:
        return _capital(f"{what}: {row.action} was {detail.outcome}.")
    if row.event_id is None:
        return _capital(f"{what}: {row.action.replace('_', ' ')}.")
    if row.action in portal.HANDLERS:
        return _capital(f"{row.action.replace('_', ' ').replace('.', ' ')}.")
    changes = _changes(row, detail, subject)
    return changes if subject.kind in _SCOPES else _capital(f"{what}: {changes}")


def _changes(row: Row[*tuple[Any, ...]], detail: AuditDetail, subject: AuditSubject) -> str:
    before, after = detail.before or MirrorState(), detail.after or MirrorState()
    scope = _SCOPES.get(subject.kind, Scope.PERSON)
    return " ".join(map(change_sentence, changes_of(row, scope, before, after)))


def _settings(detail: AuditDetail) -> str:
    before, after = detail.before or MirrorState(), detail.after or MirrorState()
    was, now = before.settings or {}, after.settings or {}
    return ", ".join(f"{name} from {was.get(name)} to {value}" for name, value in now.items())


def _actor(actor: AuditActor | None, detail: AuditDetail) -> str:
    if actor is None:
        return "Rollcall" if detail.source in _BY_THE_CLOCK else "an operator"
    return actor.name or "somebody whose name is gone"


def _subject(subject: AuditSubject) -> str:
    if subject.name is None:
        return _SOMEBODY.get(subject.kind) or f"“{subject.id}”"
    quoted = subject.kind is SubjectKind.POST
    return f"“{subject.name}”" if quoted else subject.name


def _capital(told: str) -> str:
    return told[:1].upper() + told[1:]
