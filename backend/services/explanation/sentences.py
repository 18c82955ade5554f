"""The reasons in words: the one place where a code becomes a sentence."""

from datetime import UTC, datetime

from backend.schemas.access import AdmissionKind
from backend.schemas.explanation import (
    ChangeCode,
    Explanation,
    HistoryChange,
    Reason,
    ReasonCode,
    Refusal,
    RefusalCode,
)

_REASONS = {
    ReasonCode.NEVER_DESCRIBED: (
        "Only removals of this person have arrived; the directory never described them."
    ),
    ReasonCode.REMOVED: "Removed or deactivated in the directory on {at}.",
    ReasonCode.NEWER_NAMESAKE: (
        "The same person is in the directory under a newer id, {directory_user_id}."
    ),
    ReasonCode.NOT_ACTIVE: "The directory says that they are “{state}”; only “active” may enter.",
    ReasonCode.OTHER_USER: (
        "It has got the id {idp_id} of the identity provider, and so another account."
    ),
    ReasonCode.DIRECTORY_REMOVED: "Its directory was removed on {at}.",
    ReasonCode.NOT_LISTED: (
        "The complete listing of the directory of {at} did not have it any more."
    ),
    ReasonCode.TAKEN_OUT: "They were taken out of the group on {at}.",
    ReasonCode.DIRECTORY_USER_NOT_LIVE: "The person does not count in this directory.",
    ReasonCode.BEFORE_REMOVAL: (
        "It is from before the person left on {at}, and has not been read since they are back; "
        "the background work or their next sign-in reads it."
    ),
    ReasonCode.NOT_IN_SNAPSHOT: "The reading of the person's groups of {at} did not have it.",
    ReasonCode.GROUP_UNKNOWN: "The group itself has not been announced, or only its deletion.",
    ReasonCode.GROUP_OF_OTHER_DIRECTORY: "The group belongs to another directory than the person.",
    ReasonCode.GROUP_DELETED: "The group was deleted on {at}.",
    ReasonCode.BEFORE_GROUP_DELETION: (
        "It is from before the group was deleted on {at}; the group came back, and has not been "
        "said to have them since."
    ),
    ReasonCode.GROUP_DIRECTORY_REMOVED: "The group: its directory was removed on {at}.",
    ReasonCode.GROUP_NOT_LISTED: (
        "The group: the complete listing of the directory of {at} did not have it any more."
    ),
    ReasonCode.MAPPING_REMOVED: "An admin removed this mapping.",
    ReasonCode.DEFAULT_MAPPINGS_OFF: (
        "Groups named Authors and Admins give nothing here: the rule is switched off."
    ),
    ReasonCode.GROUPS_NOT_HEEDED: "Roles come from WorkOS here, and not from groups.",
    ReasonCode.WORKOS_ROLES_NOT_HEEDED: "Roles come from groups here, and not from WorkOS.",
    ReasonCode.MEMBERSHIP_NOT_LIVE: "The membership does not count.",
    ReasonCode.USER_NOT_ACTIVE: "The person is not active.",
    ReasonCode.GRANT_OVER: "It was given until {at}.",
}

_REFUSALS = {
    RefusalCode.ORGANIZATION_DELETED: (
        "{name} is refused because their organization was deleted at WorkOS."
    ),
    RefusalCode.NEVER_SIGNED_IN: "{name} has never signed in, and no directory names them.",
    RefusalCode.NOT_IN_DIRECTORY: (
        "{name} is not in the company's directory, which decides who may enter: assign them to the "
        "application in the identity provider."
    ),
}

_TO_LET_THEM_IN = {
    RefusalCode.NOT_LET_IN: (
        "To let them in, assign them to the application in the identity provider again, and see "
        "that they are active there."
    ),
    RefusalCode.DIRECTORY_REMOVED: (
        "To let them in, connect a directory at WorkOS again, and assign them to the application "
        "in its identity provider."
    ),
}

_ADMITTED = {
    AdmissionKind.GUEST: "as a guest",
    AdmissionKind.SERVICE: "as a program",
    AdmissionKind.BREAK_GLASS: "in an emergency",
    AdmissionKind.KEPT: "by SSO alone",
}

_CHANGES = {
    ChangeCode.FIRST_SIGN_IN: "Signed in for the first time.",
    ChangeCode.ACCESS_UNCHANGED: "Access unchanged.",
    ChangeCode.GROUP_JOINED: "Came into the group “{name}”; access unchanged.",
    ChangeCode.GROUP_LEFT: "Left the group “{name}”; access unchanged.",
    ChangeCode.ACCESS_GAINED: "Became active, with the roles {gained}.",
    ChangeCode.ACCESS_LOST: "Lost access; the roles were {lost}.",
    ChangeCode.GROUP_DESCRIBED: "The group “{name}” was described.",
    ChangeCode.GROUP_RENAMED: "The group “{old_name}” was renamed “{name}”.",
    ChangeCode.GROUP_ROLES_GAINED: "The group “{name}” gives {gained} from now on.",
    ChangeCode.GROUP_ROLES_LOST: "The group “{name}” gives {lost} no more.",
    ChangeCode.GROUP_DELETED: "The group “{name}” was deleted.",
    ChangeCode.DIRECTORY_DESCRIBED: "The directory “{name}” was described.",
    ChangeCode.DIRECTORY_REMOVED: (
        "The directory “{name}” was removed: it lets nobody in any more."
    ),
    ChangeCode.WORKOS_ROLE_ROLES_GAINED: (
        "The role “{name}” at WorkOS gives {gained} from now on."
    ),
    ChangeCode.WORKOS_ROLE_ROLES_LOST: "The role “{name}” at WorkOS gives {lost} no more.",
    ChangeCode.ORGANIZATION_DESCRIBED: "The organization was described.",
    ChangeCode.ORGANIZATION_DELETED: "The organization was deleted: it lets nobody in any more.",
}


def utc_text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def reason_sentence(reason: Reason | None) -> str | None:
    """None for none."""
    if reason is None:
        return None
    return _REASONS[reason.code].format(
        at=reason.at and utc_text(reason.at),
        state=reason.state,
        idp_id=reason.idp_id,
        directory_user_id=reason.directory_user_id,
    )


def refusal_sentence(refusal: Refusal, name: str) -> str:
    """For an IT administrator."""
    match refusal.code:
        case RefusalCode.BLOCKED | RefusalCode.ADMISSION_ENDED:
            return _by_hand(refusal, name)
        case RefusalCode.NOT_LET_IN | RefusalCode.DIRECTORY_REMOVED:
            return f"{_not_let_in(refusal, name)} {_TO_LET_THEM_IN[refusal.code]}"
        case code:
            return _REFUSALS[code].format(name=name)


def _by_hand(refusal: Refusal, name: str) -> str:
    assert refusal.at is not None
    if refusal.code is RefusalCode.ADMISSION_ENDED:
        return (
            f"{name} was let in by hand until {utc_text(refusal.at)}, and no directory has them. "
            "An admin can let them in for longer."
        )
    by = refusal.by.name if refusal.by else "whoever runs Rollcall"
    why = f" The reason given: “{refusal.why}”" if refusal.why else ""
    return (
        f"{name} was blocked on {utc_text(refusal.at)} by {by}, whatever the directory says. An "
        f"admin can unblock them.{why}"
    )


def _not_let_in(refusal: Refusal, name: str) -> str:
    assert refusal.directory is not None
    directory = f"“{refusal.directory.name}”" if refusal.directory.name else refusal.directory.id
    reason = (reason_sentence(refusal.reason) or "").rstrip(".")
    return f"{name} is not let in by the directory {directory}: {reason[:1].lower()}{reason[1:]}."


def access_sentence(explanation: Explanation) -> str:
    """Why somebody may enter, and by what each role; of whoever may not, why not."""
    if explanation.refusal is not None:
        return explanation.refusal
    name = explanation.person.name or "This person"
    return " ".join([_entry_sentence(explanation, name), *_role_sentences(explanation)])


def _entry_sentence(explanation: Explanation, name: str) -> str:
    for entry in explanation.directory_users:
        if entry.live:
            return f"“{entry.directory.name or entry.directory.id}” has {name} as active."
    if explanation.admission is not None and explanation.admission.lets_in:
        until = explanation.admission.until
        end = f" until {utc_text(until)}" if until else ""
        return (
            f"{name} is let in by hand, {_ADMITTED[explanation.admission.kind]},{end}: "
            f"“{explanation.admission.reason}”."
        )
    return f"{name} signed in by SSO, and no directory decides who may enter."


def _role_sentences(explanation: Explanation) -> list[str]:
    mapped = [
        f"The group “{membership.group.name or membership.group.id}” gives {mapping.role}."
        for membership in explanation.memberships
        for mapping in membership.mappings
        if mapping.gives
    ]
    granted = [f"{grant.role} was given by hand.".capitalize() for grant in explanation.grants]
    return [*mapped, *granted]


def change_sentence(change: HistoryChange) -> str:
    return _change_template(change).format(
        name=change.name,
        old_name=change.old_name,
        gained=", ".join(change.gained),
        lost=", ".join(change.lost),
    )


def _change_template(change: HistoryChange) -> str:
    match change.code:
        case ChangeCode.ROLES_CHANGED:
            gained = ["gained {gained}"] * bool(change.gained)
            lost = ["lost {lost}"] * bool(change.lost)
            return f"{' and '.join(gained + lost).capitalize()}."
        case ChangeCode.GROUP_DELETED if change.lost:
            return "The group “{name}”, which gave {lost}, was deleted."
        case code:
            return _CHANGES[code]
