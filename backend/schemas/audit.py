"""What the audit trail keeps of an entry: one model, for whoever writes and whoever reads."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

# Nothing is kept or said of what is not known.
Known = Annotated[T | None, Field(exclude_if=lambda value: value is None)]


class AuditAction(StrEnum):
    """What we note ourselves; an event is noted by WorkOS's name of its type.

    Each with its sentence: of `actor`, `subject` and what its detail has. `changes_access` are
    those that belong to the history of somebody's access.
    """

    SESSION_OPENED = "session.opened", "{actor} signed in.", True
    SESSION_ENDED = "session.ended", "{actor} ended a session of {subject}."
    TOKEN_CREATED = "token.created", "{actor} made the API token “{token_name}” for {subject}."
    TOKEN_ENDED = "token.ended", "{actor} ended the API token “{token_name}” of {subject}."
    SERVICE_ACCOUNT_CREATED = (
        "service_account.created",
        "{actor} set up the service account {subject} with the role {role}.",
    )
    SERVICE_ACCOUNT_ENDED = "service_account.ended", "{actor} ended the service account {subject}."
    MAPPING_CHANGED = "mapping.changed", "{actor} changed which roles {subject} gives.", True
    GRANT_CREATED = "grant.created", "{actor} gave {subject} the role {role}: {reason}", True
    GRANT_ENDED = "grant.ended", "{actor} took the role {role} from {subject}.", True
    ADMINS_GONE = "admins.gone", "Nobody is left who may administer: the directory took the last."
    USER_BLOCKED = "user.blocked", "{actor} blocked {subject}: {reason}", True
    USER_UNBLOCKED = "user.unblocked", "{actor} unblocked {subject}.", True
    USER_SIGNED_OUT = "user.signed_out", "{actor} ended all sessions of {subject}."
    POST_HANDED_OVER = "post.handed_over", "{actor} gave the post {subject} to another person."
    GUEST_ADMITTED = "guest.admitted", "{actor} let {subject} in as a guest: {reason}", True
    GUEST_CHANGED = "guest.changed", "{actor} changed until when {subject} is a guest.", True
    GUEST_ENDED = "guest.ended", "{actor} ended the time of the guest {subject}.", True
    BREAK_GLASS_OWNER_NAMED = (
        "break_glass.owner_named",
        "{actor} named who is let in in an emergency: {subject}.",
    )
    BREAK_GLASS_USED = (
        "break_glass.used",
        "{actor} let {subject} in as an admin, in an emergency: {reason}",
        True,
    )
    BREAK_GLASS_MAIL_FAILED = (
        "break_glass.mail_failed",
        "The mail that was to tell {subject} of an emergency was not sent: {reason}.",
    )
    DIRECTORY_GONE_LET_IN = (
        "directory_gone.let_in",
        "{actor} let {subject} in by SSO alone: {reason}",
        True,
    )
    DIRECTORY_GONE_KEPT_OUT = (
        "directory_gone.kept_out",
        "{actor} ended that {subject} is let in by SSO alone: {reason}",
        True,
    )
    DIRECTORY_GONE_DECIDED = (
        "directory_gone.decided",
        "{actor} decided that people of the lost directory stay out: {reason}",
    )
    SIGN_IN_REFUSED = "sign_in.refused", "{subject} was refused at the sign-in: {reason}."
    POST_CREATED = "post.created", "{actor} wrote the post {subject}."
    POST_EDITED = "post.edited", "{actor} edited the post {subject}."
    POST_DELETED = "post.deleted", "{actor} deleted the post {subject}."
    POST_RESTORED = "post.restored", "{actor} restored the post {subject}, which they had deleted."
    INVITATION_CREATED = "invitation.created", "{actor} invited {subject}."
    INVITATION_WITHDRAWN = "invitation.withdrawn", "{actor} withdrew the invitation of {subject}."
    INVITATION_RESTORED = (
        "invitation.restored",
        "{actor} took back that the invitation of {subject} was withdrawn.",
    )
    INVITATION_ACCEPTED = "invitation.accepted", "{subject} was invited, and has signed in."
    IDENTITY_ALLOWED = (
        "identity.allowed",
        "{actor} let {subject} sign in by another SSO connection.",
    )
    IDENTITY_FORGOTTEN = (
        "identity.forgotten",
        "{actor} had it forgotten as whom {subject} signed in.",
    )
    IDENTITY_JOINED = "identity.joined", "{actor} joined two users of one person: {subject}."
    RECONCILIATION_REQUESTED = (
        "reconciliation.requested",
        "{actor} asked for a reconciliation ({source}).",
    )
    RECONCILIATION_CONFIRMED = (
        "reconciliation.confirmed",
        "{actor} confirmed the removals that a reconciliation held back.",
    )
    RECONCILIATION_CANCEL_REQUESTED = (
        "reconciliation.cancel_requested",
        "{actor} cancelled a reconciliation.",
    )
    RECONCILIATION_CANCELLED = "reconciliation.cancelled", "A reconciliation ended, cancelled."
    RECONCILIATION_HELD = (
        "reconciliation.held",
        "A reconciliation is held: {people} people would lose access or a role.",
    )
    RECONCILIATION_COMPLETED = (
        "reconciliation.completed",
        "A reconciliation was completed; {lost_access} people lost access or a role by it.",
    )
    RECONCILIATION_FAILED = "reconciliation.failed", "A reconciliation failed: {reason}."
    RECONCILIATION_ACCESS_CHANGED = (
        "reconciliation.access_changed",
        "By a reconciliation, {subject}: {changes}",
        True,
    )
    RECONCILIATION_ACCESS_LOST = (
        "reconciliation.access_lost",
        "By a reconciliation, {subject}: {changes}",
        True,
    )
    SNAPSHOT_PERSON = "snapshot.person", "Read from WorkOS, {subject}: {changes}", True
    EVENT_REPLAYED = "event.replayed", "{actor} replayed an event of {subject}: {outcome}.", True
    ORGANIZATION_DIRECTORY_MANAGED = (
        "organization.directory_managed",
        "From now on a directory decides who may enter.",
    )
    WEBHOOK_FORGED = "webhook.forged", "A webhook that WorkOS did not sign came from {subject}."
    SETTING_CHANGED = "setting.changed", "{actor} changed settings: {settings}."
    PORTAL_LINK_CREATED = (
        "portal_link.created",
        "{actor} made a link to WorkOS's Admin Portal, for {intent}.",
    )
    UNIVERSAL_LOGOUT = "universal_logout", "Okta signed {subject} out everywhere."
    UNIVERSAL_LOGOUT_REFUSED = (
        "universal_logout.refused",
        "A Universal Logout that is not proved to be Okta's came from {subject}: {reason}.",
    )
    AUDIT_ERASED = (
        "audit.erased",
        "{actor} had names and addresses of a person erased from {entries} entries.",
    )
    AUDIT_PRUNED = "audit.pruned", "{entries} entries were removed, for their time was over."

    sentence: str
    changes_access: bool

    # Without a sentence it is looked up: AuditAction("post.deleted").
    def __new__(cls, value: str, sentence: str = "", changes_access: bool = False) -> Self:
        action = str.__new__(cls, value)
        action._value_ = value
        action.sentence = sentence
        action.changes_access = changes_access
        return action


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccessState(_Kept):
    active: bool = False
    roles: list[str] = []


class DirectoryUserState(_Kept):
    name: Known[str] = None
    email: Known[str] = None
    state: Known[str] = None
    live: Known[bool] = None


class GroupState(_Kept):
    """`members` are counted up to 1,000."""

    name: Known[str] = None
    live: Known[bool] = None
    members: int = 0
    roles: list[str] = []


class WorkosRoleState(_Kept):
    roles: list[str] = []


class DirectoryMirrorState(_Kept):
    """`people` are counted up to 1,000."""

    name: Known[str] = None
    live: bool = True
    people: int = 0


class MirrorState(_Kept):
    """The state of what an event is about, as the SQL function `mirror_states` says it.

    Of an organization's settings, which no event is about: those that were changed.
    Of a role at WorkOS, which no event is about: what it gives.
    """

    directory_user: Known[DirectoryUserState] = None
    access: Known[AccessState] = None
    member: Known[bool] = None
    group: Known[GroupState] = None
    directory: Known[DirectoryMirrorState] = None
    settings: Known[dict[str, str | int | bool | None]] = None
    workos_role: Known[WorkosRoleState] = None


class AuditDetail(_Kept):
    """What is known of an entry besides who, what and when.

    Of an event: `outcome`, `reason`, `detail`, `source`, `attempt` and, where it is about a person
    in a group, `group_id`; `before` and `after` of what changed. Of a session: `session_id`; of a
    token: `token_id`, `token_name`, `scopes`; of a service account: `name`, `role`, `reason`. Of a
    post: the `title` it had, before an edit; its `version`, after it; and `author_id`, but of a new
    one. Of a link to the Admin Portal: its `intent`. Of a Universal Logout: in which format
    (`source`) the person was named, and how many `sessions` and `tokens` it ended. Of a
    reconciliation:
    `source` of the request; `people` and `limit` if held; `drift`, `lost_access` and `confirmed` if
    completed; `reason` and `detail` if failed. Of a refused sign-in: `reason`, and `name` and
    `email` as the identity provider gave them. Of an erasure: how many `entries`, and the `digest`
    of what it changed. Of what was pruned: how many `entries`, and the `seal` up to which. Of
    somebody signed out: how many `sessions` and `tokens` ended. Of a post handed over: `title`,
    `author_id` before, and `to` whom. Of somebody let in by hand: the `kind` of it, `until` when,
    and the `reason`, as of a block. Of a grant: `role`, `reason` and `until`.

    The SQL function `without_person` erases `name` and `email`, here and of a directory user.
    """

    outcome: Known[str] = None
    reason: Known[str] = None
    detail: Known[str] = None
    source: Known[str] = None
    attempt: Known[int] = None
    group_id: Known[str] = None
    before: Known[MirrorState] = None
    after: Known[MirrorState] = None
    session_id: Known[str] = None
    token_id: Known[str] = None
    token_name: Known[str] = None
    scopes: Known[list[str]] = None
    name: Known[str] = None
    role: Known[str] = None
    title: Known[str] = None
    author_id: Known[str] = None
    version: Known[int] = None
    intent: Known[str] = None
    sessions: Known[int] = None
    tokens: Known[int] = None
    people: Known[int] = None
    limit: Known[int] = None
    drift: Known[dict[str, dict[str, int]]] = None
    lost_access: Known[int] = None
    confirmed: Known[bool] = None
    email: Known[str] = None
    entries: Known[int] = None
    digest: Known[str] = None
    seal: Known[int] = None
    to: Known[str] = None
    kind: Known[str] = None
    until: Known[datetime] = None
