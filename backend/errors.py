"""The error family: what can be refused, each with a code and a status (RFC 9457 on the wire)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar


class ProblemCode(StrEnum):
    """What happened, for programs: the `code` of every problem document."""

    BAD_REQUEST = "bad_request"
    NOT_SIGNED_IN = "not_signed_in"
    CREDENTIAL_REFUSED = "credential_refused"
    ROLE_MISSING = "role_missing"
    SCOPE_MISSING = "scope_missing"
    SESSION_REQUIRED = "session_required"
    NOT_YOURS = "not_yours"
    CROSS_SITE = "cross_site"
    NOT_FOUND = "not_found"
    NOT_INVITABLE = "not_invitable"
    STALE_VERSION = "stale_version"
    LAST_ADMIN = "last_admin"
    TOO_MANY_TOKENS = "too_many_tokens"
    NOT_DELETED = "not_deleted"
    RESTORED_TOO_LATE = "restored_too_late"
    NO_SEATS = "no_seats"
    NOT_YOURSELF = "not_yourself"
    CANNOT_WRITE = "cannot_write"
    ALREADY_HERE = "already_here"
    DIRECTORY_NOT_GONE = "directory_not_gone"
    NO_DIRECTORY = "no_directory"
    BODY_PURGED = "body_purged"
    NOT_HELD = "not_held"
    ALREADY_FINISHED = "already_finished"
    INVALID_INPUT = "invalid_input"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    INVALID_SIGNATURE = "invalid_signature"
    LOGOUT_NOT_SET_UP = "logout_not_set_up"
    LOGOUT_REFUSED = "logout_refused"
    LOGOUT_SUBJECT_INVALID = "logout_subject_invalid"
    LOGOUT_KEYS_UNAVAILABLE = "logout_keys_unavailable"
    NOT_AN_EVENT = "not_an_event"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    DIRECTORY_UNAVAILABLE = "directory_unavailable"
    CODE_REJECTED = "code_rejected"
    UNAUTHORIZED = "unauthorized"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    PREFETCHED = "prefetched"
    RATE_LIMITED = "rate_limited"
    INVALID_HOST = "invalid_host"
    UNKNOWN_HOST = "unknown_host"
    INTERNAL_ERROR = "internal_error"


class RollcallError(Exception):
    """A refusal that a client is told about; `detail` says what to do.

    `logged` are those that operators want a line of: somebody tries something, or something is
    away. The others are usual, and only counted.
    """

    status: ClassVar[int] = 400
    logged: ClassVar[bool] = False
    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    title: ClassVar[str] = "The request cannot be carried out"
    detail: str = "Check the request and send it again."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail

    @property
    def reason(self) -> str:
        """For operators: as `code`, or more exactly."""
        return self.code


class NotSignedIn(RollcallError):
    status = 401
    code = ProblemCode.NOT_SIGNED_IN
    title = "Not signed in"
    detail = "Sign in first. If you were signed in, your directory may have ended your access."


class TokenRefused(NotSignedIn):
    code = ProblemCode.CREDENTIAL_REFUSED
    title = "Token refused"
    detail = (
        "This API token is unknown, has expired or was ended, or whoever it is of may not enter "
        "any more. Send a valid one as `Authorization: Bearer rc_…`."
    )


class RoleMissing(RollcallError):
    status = 403
    code = ProblemCode.ROLE_MISSING
    title = "Not allowed"
    detail = "Your directory groups do not give you this right."


class ScopeMissing(RollcallError):
    status = 403
    code = ProblemCode.SCOPE_MISSING
    title = "Not allowed"
    detail = "The token lacks the scope for this."


class SessionRequired(RollcallError):
    status = 403
    code = ProblemCode.SESSION_REQUIRED
    title = "Not by a token"
    detail = "A token cannot do this: sign in in a browser, and do it there."


class NotYours(RollcallError):
    status = 403
    code = ProblemCode.NOT_YOURS
    title = "Not allowed"
    detail = "Somebody else wrote this; your roles let you do it to your own posts only."


class CrossSite(RollcallError):
    status = 403
    logged = True
    code = ProblemCode.CROSS_SITE
    title = "Request from another site"
    detail = "The browser says that another site sent this request. Use Rollcall's own pages."


class NotFound(RollcallError):
    status = 404
    code = ProblemCode.NOT_FOUND
    title = "Not found"
    detail = "There is nothing here under that id, or it is not yours to see."


class NotInvitable(RollcallError):
    status = 409
    code = ProblemCode.NOT_INVITABLE
    title = "Cannot be invited"
    detail = "Only active people who have not joined can be invited."


class StaleVersion(RollcallError):
    """A change of what was changed meanwhile; `current` is what is there now, as JSON has it."""

    status = 409
    code = ProblemCode.STALE_VERSION
    title = "Changed meanwhile"
    detail = (
        "This was changed since you read it, and your change was not made. `current` is what is "
        "there now: look at it, and send your change with its version."
    )

    def __init__(self, current: Mapping[str, object]) -> None:
        super().__init__()
        self.current = current


class LastAdmin(RollcallError):
    status = 409
    code = ProblemCode.LAST_ADMIN
    title = "The last admin"
    detail = (
        "Nobody would be left who may administer, so nothing was changed. Make somebody else an "
        "admin first, by a group or a grant."
    )


class TooManyTokens(RollcallError):
    status = 409
    code = ProblemCode.TOO_MANY_TOKENS
    title = "Too many tokens"
    detail = "There are fifty already. End one that is not used any more, then make the new one."


class NotDeleted(RollcallError):
    status = 409
    code = ProblemCode.NOT_DELETED
    title = "Not deleted"
    detail = "This post is there; no deletion is left to take back."


class RestoredTooLate(RollcallError):
    status = 409
    code = ProblemCode.RESTORED_TOO_LATE
    title = "Too late"
    detail = "A deletion can be taken back for a minute, which is over. Write the post anew."


class NoSeats(RollcallError):
    status = 409
    code = ProblemCode.NO_SEATS
    title = "No seat is left"
    detail = (
        "Your organization has as many people in Rollcall as it may. Withdraw an invitation, or "
        "ask an admin of yours to have the limit raised."
    )


class NotYourself(RollcallError):
    status = 409
    code = ProblemCode.NOT_YOURSELF
    title = "Not to yourself"
    detail = "You cannot block yourself. Ask another admin to do it."


class CannotWrite(RollcallError):
    status = 409
    code = ProblemCode.CANNOT_WRITE
    title = "They may not write"
    detail = "Posts can only be given to somebody active whose roles let them write."


class AlreadyHere(RollcallError):
    status = 409
    code = ProblemCode.ALREADY_HERE
    title = "Already here"
    detail = "Somebody of the organization has this address. A guest is nobody whom it has already."


class NoDirectory(RollcallError):
    status = 409
    code = ProblemCode.NO_DIRECTORY
    title = "No directory decides here"
    detail = (
        "Whoever signs in by SSO may enter already, and the end of a guest would end nothing. "
        "Connect a directory first, or let them sign in."
    )


class DirectoryNotGone(RollcallError):
    status = 409
    code = ProblemCode.DIRECTORY_NOT_GONE
    title = "The directory is not gone"
    detail = "A directory decides who may enter. Let people in and keep them out there."


class NotOnePerson(Exception):
    """Whom an operator named is nobody, or more than one; they are told on the command line."""


class NotJoinable(Exception):
    """Of two users; an operator is told on the command line."""


class BodyPurged(RollcallError):
    status = 410
    code = ProblemCode.BODY_PURGED
    title = "The event's body is gone"
    detail = (
        "The event cannot be applied again: its body was purged when its time was up. "
        "Reconcile the directory instead; that reads everything anew."
    )


class NotHeld(RollcallError):
    status = 409
    code = ProblemCode.NOT_HELD
    title = "Nothing to confirm"
    detail = "Only a reconciliation that is held can be confirmed."


class AlreadyFinished(RollcallError):
    status = 409
    code = ProblemCode.ALREADY_FINISHED
    title = "Already finished"
    detail = "This reconciliation has finished; there is nothing left to cancel."


class InvalidInput(RollcallError):
    """A value of the request that cannot be used, with the field's name."""

    status = 422
    code = ProblemCode.INVALID_INPUT
    title = "Invalid input"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class PayloadTooLarge(RollcallError):
    status = 413
    logged = True
    code = ProblemCode.PAYLOAD_TOO_LARGE
    title = "Too large"
    detail = "The body is over the size limit of this address."


class InvalidHost(RollcallError):
    logged = True
    code = ProblemCode.INVALID_HOST
    title = "Not one host"
    detail = "A request names the host that it is for, once: send one Host header."


class UnknownHost(RollcallError):
    status = 421
    logged = True
    code = ProblemCode.UNKNOWN_HOST
    title = "Another host"
    detail = (
        "Rollcall is not reached under this host. Operators name further ones in ALLOWED_HOSTS."
    )


class SignatureFault(StrEnum):
    """What is wrong with a webhook's signature; the sender is not told."""

    UNCONFIGURED = "unconfigured"
    MISSING = "missing"
    MALFORMED = "malformed"
    WRONG = "wrong"
    STALE = "stale"


class InvalidSignature(RollcallError):
    status = 401
    logged = True
    code = ProblemCode.INVALID_SIGNATURE
    title = "Invalid signature"
    detail = "The WorkOS-Signature header does not prove that WorkOS sent this now."

    def __init__(self, fault: SignatureFault) -> None:
        super().__init__()
        self.fault = fault

    @property
    def reason(self) -> str:
        return f"signature_{self.fault}"


class LogoutNotSetUp(RollcallError):
    status = 403
    logged = True
    code = ProblemCode.LOGOUT_NOT_SET_UP
    title = "Universal Logout is not set up"
    detail = (
        "An admin of the organization enters Okta's issuer and key address in the settings first."
    )


class LogoutFault(StrEnum):
    """What is wrong with a request of Universal Logout; the sender is not told."""

    UNAUTHORIZED = "unauthorized"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    TYPE = "type"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"
    CLAIMS = "claims"


class LogoutRefused(RollcallError):
    status = 401
    logged = True
    code = ProblemCode.LOGOUT_REFUSED
    title = "Not proved to be Okta"
    detail = (
        "Authorization: Bearer with a JWT is missing, or the JWT does not prove that the "
        "organization's Okta sent this now and to this address."
    )

    def __init__(self, fault: LogoutFault) -> None:
        super().__init__()
        self.fault = fault

    @property
    def reason(self) -> str:
        return f"logout_{self.fault}"


class LogoutKeysUnavailable(RollcallError):
    status = 422
    logged = True
    code = ProblemCode.LOGOUT_KEYS_UNAVAILABLE
    title = "Okta's keys cannot be read"
    detail = (
        "The key address that an admin entered in the settings gives no keys, so nobody was signed "
        "out. Check it, and send the request again."
    )


class LogoutSubjectInvalid(RollcallError):
    code = ProblemCode.LOGOUT_SUBJECT_INVALID
    title = "It does not say who is meant"
    detail = (
        "Send JSON with sub_id (or subject) in the format email with email, iss_sub with iss and "
        "sub, or opaque with the person's id here."
    )


class NotAnEvent(RollcallError):
    status = 422
    logged = True
    code = ProblemCode.NOT_AN_EVENT
    title = "Not an event"
    detail = "The body is not a WorkOS event: an object with id, event, data and created_at."


class NotJson(NotAnEvent):
    detail = "The body is not JSON."

    @property
    def reason(self) -> str:
        return "not_json"


class TooManyRequests(RollcallError):
    """A limit was reached.

    Args:
        limit: its name.
        seconds: until it has room again.
    """

    status = 429
    logged = True
    code = ProblemCode.RATE_LIMITED
    title = "Too many requests"

    def __init__(self, limit: str, seconds: int) -> None:
        wait = "1 second" if seconds == 1 else f"{seconds} seconds"
        super().__init__(f"That is more than is allowed in so short a time. Try again in {wait}.")
        self.limit = limit
        self.seconds = seconds

    @property
    def reason(self) -> str:
        return f"rate_limited_{self.limit}"


class TemporarilyUnavailable(RollcallError):
    status = 503
    logged = True
    code = ProblemCode.TEMPORARILY_UNAVAILABLE
    title = "Temporarily unavailable"
    detail = "The database did not answer. Nothing was changed; send the request again."


class TooManyWaiting(TemporarilyUnavailable):
    detail = "Too many events are waiting. Nothing was changed; send this one again."


class WorkosFault(StrEnum):
    """Why WorkOS cannot be used; FAULT_SENTENCES says it to people."""

    UNREACHABLE = "unreachable"
    KEY_REFUSED = "key_refused"
    RATE_LIMITED = "rate_limited"
    UNEXPECTED_STATUS = "unexpected_status"
    UNREADABLE = "unreadable"
    UNREADABLE_OBJECT = "unreadable_object"
    NOT_WORKOS = "not_workos"
    CIRCULAR_LISTING = "circular_listing"
    FOREIGN_DIRECTORY = "foreign_directory"
    FOREIGN_ROW = "foreign_row"
    DIRECTORY_CONTRADICTION = "directory_contradiction"
    GROUP_CONTRADICTION = "group_contradiction"
    CURSOR_EXPIRED = "cursor_expired"
    FROM_THE_FUTURE = "from_the_future"


# What is in braces are the parameters of the fault.
FAULT_SENTENCES: Mapping[WorkosFault, str] = {
    WorkosFault.UNREACHABLE: (
        "WorkOS did not answer in time. Nothing was changed; try again in a minute."
    ),
    WorkosFault.KEY_REFUSED: "WorkOS refuses the key in WORKOS_API_KEY.",
    WorkosFault.RATE_LIMITED: (
        "WorkOS was asked too often, and wants to be left alone for a while (429)."
    ),
    WorkosFault.UNEXPECTED_STATUS: "WorkOS answered with status {status}. Nothing was changed.",
    WorkosFault.UNREADABLE: "WorkOS gave an answer that cannot be read.",
    WorkosFault.UNREADABLE_OBJECT: "WorkOS sent something that cannot be read: {field}: {problem}.",
    WorkosFault.NOT_WORKOS: (
        "What answers at WORKOS_BASE_URL is not WorkOS: it has no list of directories (404)."
    ),
    WorkosFault.CIRCULAR_LISTING: "WorkOS's listing of {resource} goes round in circles.",
    WorkosFault.FOREIGN_DIRECTORY: "WorkOS listed another organization's directory.",
    WorkosFault.FOREIGN_ROW: "WorkOS listed {row_id} of another directory in {directory_id}.",
    WorkosFault.DIRECTORY_CONTRADICTION: (
        "WorkOS contradicts itself on whether the directory {directory_id} exists."
    ),
    WorkosFault.GROUP_CONTRADICTION: (
        "WorkOS lists no members of the group {group_id}, which exists."
    ),
    WorkosFault.CURSOR_EXPIRED: (
        "WorkOS does not know the event to read on from; it may be older than its history."
    ),
    WorkosFault.FROM_THE_FUTURE: (
        "WorkOS dated its answer {date}, which is in the future by our clock, so nothing was read "
        "from it. Check the clock of this machine, and what answers at WORKOS_BASE_URL."
    ),
}


class WorkosUnavailable(RollcallError):
    """There is no answer of WorkOS's to build on; `fault` and its `params` say why.

    Args:
        fault: the cause.
        retry_after: seconds that WorkOS asks to be left alone for.
        params: what the sentence of the fault has in braces.
    """

    status = 503
    logged = True
    code = ProblemCode.DIRECTORY_UNAVAILABLE
    title = "WorkOS does not answer"
    detail = FAULT_SENTENCES[WorkosFault.UNREACHABLE]

    def __init__(self, fault: WorkosFault, *, retry_after: float = 0, **params: str | int) -> None:
        super().__init__(FAULT_SENTENCES[fault].format(**params))
        self.fault = fault
        self.params = params
        self.retry_after = retry_after


class CursorExpired(WorkosUnavailable):
    """WorkOS refuses the event that events were to follow."""

    def __init__(self) -> None:
        super().__init__(WorkosFault.CURSOR_EXPIRED)


class CodeRejected(RollcallError):
    status = 400
    code = ProblemCode.CODE_REJECTED
    title = "Sign-in code refused"
    detail = "The sign-in code was used before or has expired. Start the sign-in again."


class TooManyExchanges(Exception):
    """So many sign-ins wait for WorkOS that another one is not to."""


class Prefetched(RollcallError):
    status = 503
    code = ProblemCode.PREFETCHED
    title = "Not fetched in advance"
    detail = "This address can be followed once, so it is not answered before somebody follows it."


class SignInRefusal(StrEnum):
    """Why a sign-in ended at the sign-in page: each `/?error=<code>` that the page has words for.

    WorkOS may report others; the page has general words for them.
    """

    NOT_CONFIGURED = "not_configured"
    ORGANIZATION_REQUIRED = "organization_required"
    ORGANIZATION_UNKNOWN = "organization_unknown"
    ORGANIZATION_DELETED = "organization_deleted"
    STATE_INVALID = "state_invalid"
    CODE_REJECTED = "code_rejected"
    WRONG_ORGANIZATION = "wrong_organization"
    NOT_IN_DIRECTORY = "not_in_directory"
    DEACTIVATED = "deactivated"
    BLOCKED = "blocked"
    NO_SEATS = "no_seats"
    AMBIGUOUS_EMAIL = "ambiguous_email"
    IDENTITY_CONFLICT = "identity_conflict"
    OTHER_CONNECTION = "other_connection"
    DIRECTORY_UNAVAILABLE = "directory_unavailable"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    TOO_MANY_SIGN_INS = "too_many_sign_ins"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    INVITATION_INVALID = "invitation_invalid"
    INVITATION_OTHER_PERSON = "invitation_other_person"
    SIGN_IN_FAILED = "sign_in_failed"

    # Those that WorkOS lists, https://workos.com/docs/reference/sso/get-authorization-url
    ACCESS_DENIED = "access_denied"
    CONNECTION_DOMAIN_INVALID = "connection_domain_invalid"
    CONNECTION_INVALID = "connection_invalid"
    CONNECTION_STRATEGY_INVALID = "connection_strategy_invalid"
    CONNECTION_UNLINKED = "connection_unlinked"
    DOMAIN_CONNECTION_SELECTOR_NOT_ALLOWED = "domain_connection_selector_not_allowed"
    IDP_INITIATED_SSO_DISABLED = "idp_initiated_sso_disabled"
    INVALID_REQUEST = "invalid_request"
    OAUTH_FAILED = "oauth_failed"
    ORGANIZATION_INVALID = "organization_invalid"
    PROFILE_NOT_ALLOWED_OUTSIDE_ORGANIZATION = "profile_not_allowed_outside_organization"
    SERVER_ERROR = "server_error"
    SIGNIN_CONSENT_DENIED = "signin_consent_denied"


class SignInRefused(Exception):
    """A sign-in that ends at the sign-in page; `reason` is the code that the page explains."""

    def __init__(self, reason: SignInRefusal) -> None:
        super().__init__(reason)
        self.reason = reason
