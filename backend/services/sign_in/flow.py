"""Signing in: begun with a state bound to the browser, finished once, or refused with a reason."""

import hashlib
import logging
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from pydantic import BaseModel
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Database
from backend.errors import (
    CodeRejected,
    NotSignedIn,
    SignInRefusal,
    SignInRefused,
    TooManyExchanges,
    TooManyRequests,
    WorkosUnavailable,
)
from backend.metrics import SIGN_INS
from backend.models import Organization, UsedState, User
from backend.schemas.audit import AuditAction, AuditDetail
from backend.services import audit
from backend.services.invitations import inviting, links
from backend.services.rate_limits import Allowance
from backend.services.sessions import Claim, Device, Token, end_session, find_actor, open_session
from backend.services.sign_in import domains, identity, users
from backend.services.sign_in.matches import Match
from backend.settings import Settings
from backend.workos.client import WorkosClient
from backend.workos.models import Profile

_log = logging.getLogger(__name__)

ATTEMPT_LIFETIME = timedelta(minutes=10)
COOKIE_PREFIX = "rollcall_sign_in_"

_LIFETIME_SECONDS = int(ATTEMPT_LIFETIME.total_seconds())
_MOST_ATTEMPTS = 5  # of one browser

_WELCOME = "/dashboard/welcome?invitation="

_LONGEST_ID = 255
_LONGEST_PATH = 2000

# Anybody can send these, as often as they like.
_MADE_UP = frozenset({SignInRefusal.STATE_INVALID, SignInRefusal.CODE_REJECTED})

_REPORTED = re.compile(r"[a-z_]{1,64}")


class Attempt(BaseModel):
    """One sign-in under way, kept in a signed cookie of its own in the browser that began it.

    Where it returns to is in the state, so that a cookie is small, and a repeat knows it, too.
    """

    state_hash: str
    organization_id: str
    invitation: str | None = None


class Begun(NamedTuple):
    url: str
    cookie_name: str
    cookie: str


class Answer(NamedTuple):
    """What WorkOS sent back with the browser; empty where it sent nothing."""

    code: str
    state: str
    error: str


class Finished(NamedTuple):
    """Where the browser goes next; `session_token` is None after a refusal."""

    url: str
    session_token: Token | None = None


def cookie_name(state: str) -> str:
    """The name of an attempt's cookie: one each, so that two tabs do not disturb each other."""
    return f"{COOKIE_PREFIX}{_hash(state).hex()[:16]}"


def surplus(settings: Settings, cookies: Mapping[str, str]) -> list[str]:
    """Of the attempts' cookies that a browser has, those to drop before it gets one more.

    Attempts that are never finished would pile up until a proxy refuses their header.
    """
    begun = []
    for name, cookie in cookies.items():
        with suppress(BadSignature):
            _, at = _serializer(settings).loads(cookie, _LIFETIME_SECONDS, return_timestamp=True)
            begun.append((at, name))
    newest = [name for _, name in sorted(begun)[-(_MOST_ATTEMPTS - 1) :]]
    return [name for name in cookies if name not in newest]


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.signing_key(), salt="rollcall.sign-in")


def _state_serializer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.signing_key(), salt="rollcall.sign-in-state")


def local_path(return_to: str | None) -> str:
    """A path within this site to return to, `/dashboard` for anything else."""
    # A browser reads a backslash as a slash and drops control characters: `/\t/evil` leaves.
    if (
        return_to
        and len(return_to) <= _LONGEST_PATH
        and return_to.startswith("/")
        and not return_to.startswith("//")
        and return_to.isprintable()
        and "\\" not in return_to
        and return_to.isascii()
    ):
        return return_to
    return "/dashboard"


async def begin_by_address(
    database: Database,
    settings: Settings,
    client: WorkosClient,
    *,
    organization_id: str,
    email: str | None,
    return_to: str | None,
) -> Begun:
    """Start a sign-in at WorkOS; one that names no organization is for that of the e-mail address.

    Raises:
        SignInRefused: as for `begin`, or WorkOS had to be asked and did not answer.
    """
    if email and settings.sign_in_configured and not (organization_id or settings.workos_org_id):
        try:
            found = await domains.find_organization(database, client, email)
        except WorkosUnavailable as error:
            _log.warning("sign-in: WorkOS cannot be used: %s", error.__cause__ or error)
            raise SignInRefused(SignInRefusal.DIRECTORY_UNAVAILABLE) from error
        except TooManyExchanges as error:
            raise SignInRefused(SignInRefusal.TOO_MANY_SIGN_INS) from error
        organization_id = found or ""
    return begin(
        settings, client, organization_id=organization_id, email=email, return_to=return_to
    )


def begin(
    settings: Settings,
    client: WorkosClient,
    *,
    organization_id: str,
    email: str | None,
    return_to: str | None,
    invitation: str | None = None,
) -> Begun:
    """Start a sign-in at WorkOS.

    Raises:
        SignInRefused: WorkOS is not configured, or no organization is known.
    """
    if not settings.sign_in_configured:
        raise SignInRefused(SignInRefusal.NOT_CONFIGURED)
    organization_id = organization_id or settings.workos_org_id
    if not organization_id:
        raise SignInRefused(SignInRefusal.ORGANIZATION_REQUIRED)
    if len(organization_id) > _LONGEST_ID:
        raise SignInRefused(SignInRefusal.ORGANIZATION_UNKNOWN)
    state = _state_serializer(settings).dumps([secrets.token_urlsafe(32), local_path(return_to)])
    attempt = Attempt(
        state_hash=_hash(state).hex(), organization_id=organization_id, invitation=invitation
    )
    url = client.authorization_url(organization=organization_id, state=state, email=email)
    cookie = _serializer(settings).dumps(attempt.model_dump(exclude_none=True))
    return Begun(url, cookie_name(state), cookie)


async def begin_invited(
    database: Database, settings: Settings, client: WorkosClient, token: str
) -> Begun:
    """Start the sign-in that an invitation leads to.

    Raises:
        SignInRefused: the invitation cannot be used, or as for `begin`.
    """
    invited = await links.find(database, token)
    return begin(
        settings,
        client,
        organization_id=invited.organization_id,
        email=invited.email,
        return_to=f"{_WELCOME}{invited.id}",
        invitation=token,
    )


async def finish(
    database: Database,
    session: AsyncSession,
    settings: Settings,
    client: WorkosClient,
    answer: Answer,
    *,
    cookie: str | None,
    earlier_token: Token | None,
    device: Device,
    refused: Allowance,
) -> Finished:
    """End a sign-in: a session for the person, or the sign-in page with the reason.

    Args:
        database: no connection of it is held while WorkOS is waited for.
        session: a transaction, begun when nothing waits for WorkOS any more.
        settings: of this process.
        client: WorkOS.
        answer: what came back to the callback.
        cookie: the attempt's cookie, by the name that `cookie_name` gives.
        earlier_token: the session that the browser has had until now; it ends.
        device: what signs in.
        refused: how many of this client's may end with a state or a code that is made up. When
            none may any more, WorkOS is asked about no code of its.
    """
    vouched: tuple[Attempt, Profile] | None = None
    try:
        if answer.error:
            return Finished(refusal_page(answer.error))
        if not answer.state:
            return Finished(await _begin_again(client, answer.code, refused))
        attempt = _attempt(settings, answer.state, cookie)
        profile = await _exchange(client, answer.code, refused)
        await _use_up(database, attempt)
        vouched = attempt, profile
        match = await identity.recognise(database, client, profile, attempt.organization_id)
        return_to = _return_to(settings, answer.state)
        return await _enter(session, attempt, return_to, profile, match, earlier_token, device)
    except SignInRefused as refusal:
        if earlier_token and await _is_repeat(database, answer.state, refusal, earlier_token):
            with suppress(BadSignature):
                return Finished(_return_to(settings, answer.state))
        reason = refusal.reason
        if reason in _MADE_UP:
            try:
                await refused.use()
            except TooManyRequests:
                reason = SignInRefusal.TOO_MANY_ATTEMPTS
    except WorkosUnavailable as error:
        _log.warning("sign-in: WorkOS cannot be used: %s", error.__cause__ or error)
        reason = SignInRefusal.DIRECTORY_UNAVAILABLE
    if vouched:
        await _note_refusal(session, *vouched, reason)
    return Finished(refusal_page(reason))


def refusal_page(error: str) -> str:
    """The sign-in page that explains an error code, ours or one that came from outside.

    It is counted and logged as the end of a sign-in.
    """
    # Anybody may call the callback with any code: it would make a series each.
    reason = error if error in set(SignInRefusal) else "other"
    SIGN_INS.labels(reason).inc()
    _log.warning("sign-in refused: %s", reason, extra={"reason": reason})
    return f"/?error={error if _REPORTED.fullmatch(error) else SignInRefusal.SIGN_IN_FAILED}"


async def sign_out(session: AsyncSession, token: Token) -> None:
    """End a session, noted if it was one."""
    user_id = await end_session(session, token)
    if user_id is not None:
        ended = audit.entry(
            AuditAction.SESSION_ENDED,
            organization_id=token.organization_id,
            subject_id=user_id,
            actor_id=user_id,
        )
        await audit.record(session, ended)


async def _note_refusal(
    session: AsyncSession, attempt: Attempt, profile: Profile, reason: SignInRefusal
) -> None:
    """Of somebody whom an identity provider vouched for: all else anybody can make up.

    An organization is not told whom another one has.
    """
    organization_id = attempt.organization_id
    own = profile.organization_id == organization_id
    user_id = select(User.id).where(
        User.organization_id == organization_id, User.key == profile.subject
    )
    known = select(Organization.workos_id, user_id.scalar_subquery().label("user_id")).where(
        Organization.workos_id == organization_id
    )
    found = (await session.execute(known)).one_or_none()
    if found is None:
        return
    refused = audit.entry(
        AuditAction.SIGN_IN_REFUSED,
        organization_id=organization_id,
        subject_id=found.user_id if own else None,
        detail=AuditDetail(
            reason=reason,
            name=profile.display_name if own else None,
            email=profile.email if own else None,
        ),
    )
    await audit.record(session, refused)


async def _begin_again(client: WorkosClient, code: str, refused: Allowance) -> str:
    """A fresh sign-in for one that was begun at the identity provider.

    Such a sign-in has no state and could have been forced on the browser, so its profile serves
    to learn the organization and is thrown away.
    """
    profile = await _exchange(client, code, refused)
    if not profile.organization_id:
        raise SignInRefused(SignInRefusal.ORGANIZATION_UNKNOWN)
    return f"/auth?{urlencode({'organization': profile.organization_id})}"


def _attempt(settings: Settings, state: str, cookie: str | None) -> Attempt:
    try:
        payload = _serializer(settings).loads(cookie or "", max_age=_LIFETIME_SECONDS)
    except BadSignature as error:
        raise SignInRefused(SignInRefusal.STATE_INVALID) from error
    attempt = Attempt.model_validate(payload)
    if not secrets.compare_digest(attempt.state_hash, _hash(state).hex()):
        raise SignInRefused(SignInRefusal.STATE_INVALID)
    return attempt


def _return_to(settings: Settings, state: str) -> str:
    """Raises BadSignature: the state is none that we gave."""
    _, return_to = _state_serializer(settings).loads(state)
    return str(return_to)


async def _is_repeat(database: Database, state: str, refusal: SignInRefused, token: Token) -> bool:
    """Whether a signed-in browser has come back again, or in a second tab: it goes on.

    A code that was refused before its state was used up is no repeat.
    """
    match refusal.reason:
        case SignInRefusal.STATE_INVALID:
            pass
        case SignInRefusal.CODE_REJECTED | SignInRefusal.TOO_MANY_ATTEMPTS:
            used = select(UsedState.state_hash).where(
                UsedState.organization_id == token.organization_id,
                UsedState.state_hash == _hash(state),
            )
            async with database.connect() as connection:
                if await connection.scalar(used) is None:
                    return False
        case _:
            return False
    try:
        await find_actor(Claim(database, token))
    except NotSignedIn:
        return False
    return True


async def _exchange(client: WorkosClient, code: str, refused: Allowance) -> Profile:
    try:
        await refused.check()
        return await client.profile(code)
    except CodeRejected as error:
        raise SignInRefused(SignInRefusal.CODE_REJECTED) from error
    except TooManyRequests as error:
        raise SignInRefused(SignInRefusal.TOO_MANY_ATTEMPTS) from error
    except TooManyExchanges as error:
        raise SignInRefused(SignInRefusal.TOO_MANY_SIGN_INS) from error


async def _use_up(database: Database, attempt: Attempt) -> None:
    here = UsedState.organization_id == attempt.organization_id
    use = (
        insert(UsedState)
        .values(
            organization_id=attempt.organization_id,
            state_hash=bytes.fromhex(attempt.state_hash),
            expires_at=func.now() + 2 * ATTEMPT_LIFETIME,
        )
        .on_conflict_do_nothing()
        .returning(UsedState.state_hash)
    )
    async with database.connect() as connection:
        await connection.execute(delete(UsedState).where(here, UsedState.expires_at < func.now()))
        if await connection.scalar(use) is None:
            raise SignInRefused(SignInRefusal.STATE_INVALID)


async def _enter(
    session: AsyncSession,
    attempt: Attempt,
    return_to: str,
    profile: Profile,
    match: Match,
    earlier_token: Token | None,
    device: Device,
) -> Finished:
    organization_id = attempt.organization_id
    user_id = await users.join(session, organization_id, match, profile)
    if earlier_token:
        await sign_out(session, earlier_token)
    token = await open_session(session, organization_id, user_id, device)
    opened = audit.entry(
        AuditAction.SESSION_OPENED,
        organization_id=organization_id,
        subject_id=user_id,
        actor_id=user_id,
    )
    await audit.record(session, opened)
    url = return_to
    if attempt.invitation and not await links.is_for(session, attempt.invitation, user_id):
        url = refusal_page(SignInRefusal.INVITATION_OTHER_PERSON)
    await inviting.joined(session, organization_id, user_id)
    SIGN_INS.labels("signed_in").inc()
    return Finished(url, token)
