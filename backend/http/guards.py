"""Who asks and whether they may, as annotated dependencies to wear in a handler's signature."""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm
from limits import RateLimitItem
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from backend.database import AutocommitConnection, Database, SnapshotConnection
from backend.errors import (
    CrossSite,
    NotSignedIn,
    Prefetched,
    RoleMissing,
    ScopeMissing,
    SessionRequired,
    TokenRefused,
)
from backend.http.rate_limits import allowance, allowance_of_client
from backend.schemas.access import DEFAULT_ROLE_OF_GROUP, Actor, Permission, roles_with
from backend.schemas.jobs import Enqueue
from backend.schemas.tokens import TokenScope
from backend.services import sessions, tokens
from backend.services.rate_limits import (
    CALLBACKS_REFUSED,
    TOKENS_REFUSED,
    WRITES,
    Allowance,
)
from backend.services.sessions import Claim, Token
from backend.settings import Settings
from backend.workos.client import WorkosClient
from backend.workos.scope import DirectoryScope

WEBHOOK_PATH = "/api/directory-sync"

# Of what people send; a post is the longest.
MAX_BODY_BYTES = 256 * 1024

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Where a request's scope has the actor that its route let pass.
_ACTOR = "rollcall.actor"
# … and the claim of one, which some handlers prove, and which is proved again of what writes.
_CLAIM = "rollcall.claim"


async def get_request_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def get_workos(request: Request) -> WorkosClient:
    client: WorkosClient = request.app.state.workos
    return client


async def get_scope(request: Request) -> DirectoryScope:
    client: WorkosClient = request.app.state.workos
    return client.scope


async def get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def get_enqueue(request: Request) -> Enqueue:
    enqueue: Enqueue = request.app.state.enqueue
    return enqueue


SettingsDep = Annotated[Settings, Depends(get_request_settings)]
WorkosDep = Annotated[WorkosClient, Depends(get_workos)]
ScopeDep = Annotated[DirectoryScope, Depends(get_scope)]
DatabaseDep = Annotated[Database, Depends(get_database)]
EnqueueDep = Annotated[Enqueue, Depends(get_enqueue)]


# The framework takes longer to resolve a dependency than most of these take to run, and these
# run at every request: what they need of each other they call.


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    claim: Claim | None = request.scope.get(_CLAIM)
    database: Database = request.app.state.database
    async with database.transaction() if claim is None else sessions.writing(claim) as session:
        yield session


async def get_claim(request: Request) -> Claim:
    """Of whoever a `GuardedRoute` let pass."""
    claim: Claim = request.scope[_CLAIM]
    return claim


async def get_connection(request: Request) -> AsyncIterator[AutocommitConnection]:
    async with request.app.state.database.connect() as connection:
        yield connection


async def get_snapshot(request: Request) -> AsyncIterator[SnapshotConnection]:
    async with request.app.state.database.snapshot() as connection:
        yield connection


# Left before the answer goes out: a commit that fails must not be answered 201.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
# For what writes in another way, and is to find its actor once more.
ClaimDep = Annotated[Claim, Depends(get_claim)]
# Each statement is a transaction by itself: for what reads, or writes by one statement.
ConnectionDep = Annotated[AutocommitConnection, Depends(get_connection, scope="function")]
# All statements see one moment: for an answer that several of them make.
SnapshotDep = Annotated[SnapshotConnection, Depends(get_snapshot, scope="function")]


def session_cookie_name(settings: Settings) -> str:
    return f"{cookie_prefix(settings)}rollcall_session"


def cookie_prefix(settings: Settings) -> str:
    return "__Host-" if settings.secure_cookies else ""


class _InOneCall(SigningAlgorithm):
    """HMAC-SHA1, as itsdangerous has it, without an object for each cookie."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha1")


def session_signer(settings: Settings) -> Signer:
    of_sessions = Signer(settings.signing_key(), salt="rollcall.session")
    # Its key is derived once, and not for each cookie.
    return Signer(of_sessions.derive_key(), key_derivation="none", algorithm=_InOneCall())


async def session_token(request: Request) -> Token | None:
    """The session token of the request's cookie, None where there is none that we signed."""
    signer: Signer = request.app.state.session_signer
    cookie = request.cookies.get(session_cookie_name(request.app.state.settings), "")
    try:
        return Token.parse(signer.unsign(cookie).decode())
    except (BadSignature, UnicodeError):
        return None


SessionToken = Annotated[Token | None, Depends(session_token)]


def api_token(authorization: str) -> Token | None:
    """The API token of an Authorization header, None where it is none that could be ours."""
    scheme, _, credentials = authorization.partition(" ")
    return tokens.parse(credentials.strip()) if scheme.lower() == "bearer" else None


async def refuse_cross_site(request: Request) -> None:
    """Raises CrossSite when the browser says that another site sent a request that changes."""
    if request.method in _SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise CrossSite
        return
    origin = request.headers.get("origin")
    if origin is not None and not _same_origin(origin, request):
        raise CrossSite


async def refuse_prefetch(request: Request) -> None:
    """Raises Prefetched for a GET with an effect that nobody has asked for yet."""
    purposes = (request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz"))
    if any("prefetch" in purpose or "preview" in purpose for purpose in purposes):
        raise Prefetched


def _same_origin(origin: str, request: Request) -> bool:
    settings: Settings = request.app.state.settings
    _scheme, found, host = origin.partition("://")
    return origin == settings.public_origin or (bool(found) and host == request.headers.get("host"))


class Guard:
    """Who may: somebody signed in, with one of these permissions if any are named.

    A handler wears it as a dependency, and gets the actor that its `GuardedRoute` let pass.
    """

    def __init__(self, doing: str = "", *permissions: Permission) -> None:
        self._permissions = permissions
        roles = roles_with(*permissions)
        groups = [
            name for role in roles for name, of in DEFAULT_ROLE_OF_GROUP.items() if of is role
        ]
        such_as = f", such as {groups[0]}" if groups else ""
        self._missing = (
            f"{doing} needs the role {' or '.join(roles)}. Ask your IT administrator to put you "
            f"into the directory group that gives it{such_as}."
        )

    def check(self, actor: Actor) -> None:
        """Raises RoleMissing."""
        if self._permissions and actor.permissions.isdisjoint(self._permissions):
            raise RoleMissing(self._missing)

    def check_reading(self, actor: Actor) -> None:
        """As `check`, of a request that changes nothing, by a token."""
        self._check_token(actor, TokenScope.READ)
        self.check(actor)

    def check_writing(self, actor: Actor) -> None:
        self._check_token(actor, TokenScope.WRITE)
        self.check(actor)

    def _check_token(self, actor: Actor, scope: TokenScope) -> None:
        """Raises ScopeMissing."""
        if scope not in (actor.scopes or ()):
            raise ScopeMissing(
                f"This needs a token with the scope `{scope}`; make one that has it."
            )

    async def __call__(self, request: Request) -> Actor:
        actor: Actor = request.scope[_ACTOR]  # not there on a route of another class
        return actor


class ClaimGuard(Guard):
    """As `Guard`, of a handler that answers by one statement, which proves the claim besides.

    Nothing but its query may be parsed before that, and what is wrong with it is said to those
    only whose claim is true.
    """

    async def __call__(self, request: Request) -> Claim:  # type: ignore[override]
        claim: Claim = request.scope[_CLAIM]
        return claim


class SessionGuard(Guard):
    """As `Guard`, of somebody who sits there: what a token must not do."""

    def _check_token(self, _actor: Actor, _scope: TokenScope) -> None:
        raise SessionRequired


class Limited:
    """How often: by user on a `GuardedRoute`, elsewhere by client.

    A route wears it in its `dependencies`; one that writes and wears none is limited by WRITES.
    """

    def __init__(self, limit: RateLimitItem) -> None:
        self._limit = limit

    async def __call__(self, request: Request) -> None:
        """Raises TooManyRequests."""
        actor: Actor | None = request.scope.get(_ACTOR)
        if actor is None:
            await allowance_of_client(request, self._limit).use()
        else:
            of = (actor.organization_id, str(actor.user_id))
            await allowance(request, self._limit, *of).use()


_WRITES = Limited(WRITES)


async def callbacks_refused(request: Request) -> Allowance:
    """Of sign-ins that end with something made up."""
    return allowance_of_client(request, CALLBACKS_REFUSED)


CallbacksRefused = Annotated[Allowance, Depends(callbacks_refused)]


async def _claim(request: Request, guard: Guard) -> Claim:
    """Raises NotSignedIn where there is nothing that could be ours; CrossSite."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        await refuse_cross_site(request)
        token = await session_token(request)
        check = guard.check
        shown = session_cookie_name(request.app.state.settings) in request.cookies
    else:
        token = api_token(authorization)
        reads = request.method in _SAFE_METHODS
        check = guard.check_reading if reads else guard.check_writing
        shown = True
    if token is None:
        if shown:
            await allowance_of_client(request, TOKENS_REFUSED).use()
        raise NotSignedIn if authorization is None else TokenRefused
    return Claim(request.app.state.database, token, check)


class GuardedRoute(APIRoute):
    """A route whose guard comes first, whatever else its handler takes, and in whatever order.

    The framework would first parse the body, and open the connections that the signature names
    before the guard. A stranger costs neither, and is told so by a database that is away, too.
    Then whether it is too often: a token is counted once it was found to be nobody's, so that
    those who guess are in nobody's way who is signed in.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        (worn,) = [of for of in self.dependant.dependencies if isinstance(of.call, Guard)]
        guard = cast("Guard", worn.call)
        proves = self._proving(handle, worn.name or "") if isinstance(guard, ClaimGuard) else None
        takes_body = self.body_field is not None
        limited = any(isinstance(of.call, Limited) for of in self.dependant.dependencies)
        writes = not limited and not _SAFE_METHODS.issuperset(self.methods or ())

        async def guarded(request: Request) -> Response:
            claim = await _claim(request, guard)
            try:
                if proves is not None:
                    answer = await proves(request, claim)
                    request.app.state.last_uses.note(claim.proved)
                    return answer
                # Access as it is when all is there: a slow body must not outlive a deactivation.
                if takes_body:
                    with suppress(ClientDisconnect):  # the framework says it
                        await request.body()
                actor = await sessions.find_actor(claim)
            except NotSignedIn:
                await allowance_of_client(request, TOKENS_REFUSED).use()
                raise
            request.app.state.last_uses.note(actor)
            request.scope[_ACTOR], request.scope[_CLAIM] = actor, claim
            if writes:
                await _WRITES(request)
            answer = await handle(request)
            if request.method not in _SAFE_METHODS:
                request.app.state.news.note(actor.organization_id)
            return answer

        return guarded

    def _proving(
        self, handle: Callable[[Request], Awaitable[Response]], name: str
    ) -> Callable[[Request, Claim], Awaitable[Response]]:
        """By the handler itself, whose claim has this name."""

        async def prove(request: Request, claim: Claim) -> Response:
            if not request.scope["query_string"]:
                # All else has its default, for which the framework takes a fifth of the request.
                answer: Response = await self.endpoint(**{name: claim})
                return answer
            request.scope[_CLAIM] = claim
            try:
                return await handle(request)
            except RequestValidationError:
                await sessions.find_actor(claim)  # a stranger is told that first
                raise

        return prove


SignedIn = Annotated[Actor, Depends(Guard())]
InSession = Annotated[Actor, Depends(SessionGuard())]
Reader = Annotated[Actor, Depends(Guard("Reading", Permission.READ_POSTS))]
ReaderClaim = Annotated[Claim, Depends(ClaimGuard("Reading", Permission.READ_POSTS))]
Author = Annotated[Actor, Depends(Guard("Writing", Permission.CREATE_POSTS))]
# Whether it may be this very post, the service decides.
Editor = Annotated[
    Actor, Depends(Guard("Editing", Permission.EDIT_OWN_POSTS, Permission.EDIT_ANY_POST))
]
Deleter = Annotated[
    Actor, Depends(Guard("Deleting", Permission.DELETE_OWN_POSTS, Permission.DELETE_ANY_POST))
]
TeammateClaim = Annotated[Claim, Depends(ClaimGuard("Seeing the team", Permission.READ_TEAM))]
Inviter = Annotated[Actor, Depends(Guard("Inviting", Permission.INVITE))]
Admin = Annotated[Actor, Depends(Guard("This", Permission.ADMINISTER))]
AdminInSession = Annotated[Actor, Depends(SessionGuard("This", Permission.ADMINISTER))]
Teammate = Annotated[Actor, Depends(Guard("Seeing the team", Permission.READ_TEAM))]
