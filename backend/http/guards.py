"""Who asks and whether they may, as annotated dependencies to wear in a handler's signature."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from itsdangerous import BadSignature, Signer
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import AutocommitConnection, Database, SnapshotConnection
from backend.errors import CrossSite, NotSignedIn, RoleMissing
from backend.schemas.access import DEFAULT_ROLE_OF_GROUP, Actor, Permission, roles_with
from backend.schemas.events import Source
from backend.schemas.jobs import Enqueue
from backend.services import sessions
from backend.services.events import parsing
from backend.services.events.parsing import ReadEvent
from backend.services.sessions import Token
from backend.settings import Settings
from backend.workos import signatures
from backend.workos.client import WorkosClient
from backend.workos.scope import DirectoryScope

WEBHOOK_PATH = "/api/directory-sync"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


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
    async with request.app.state.database.transaction() as session:
        yield session


async def get_connection(request: Request) -> AsyncIterator[AutocommitConnection]:
    async with request.app.state.database.connect() as connection:
        yield connection


async def get_snapshot(request: Request) -> AsyncIterator[SnapshotConnection]:
    async with request.app.state.database.snapshot() as connection:
        yield connection


# Left before the answer goes out: a commit that fails must not be answered 201.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
# Each statement is a transaction by itself: for what reads, or writes by one statement.
ConnectionDep = Annotated[AutocommitConnection, Depends(get_connection, scope="function")]
# All statements see one moment: for an answer that several of them make.
SnapshotDep = Annotated[SnapshotConnection, Depends(get_snapshot, scope="function")]


def session_cookie_name(settings: Settings) -> str:
    return f"{cookie_prefix(settings)}rollcall_session"


def cookie_prefix(settings: Settings) -> str:
    return "__Host-" if settings.secure_cookies else ""


def session_signer(settings: Settings) -> Signer:
    return Signer(settings.signing_key(), salt="rollcall.session")


async def session_token(request: Request) -> Token | None:
    """The session token of the request's cookie, None where there is none that we signed."""
    signer: Signer = request.app.state.session_signer
    cookie = request.cookies.get(session_cookie_name(request.app.state.settings), "")
    try:
        return Token.parse(signer.unsign(cookie).decode())
    except (BadSignature, UnicodeError):
        return None


SessionToken = Annotated[Token | None, Depends(session_token)]


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


def _same_origin(origin: str, request: Request) -> bool:
    settings: Settings = request.app.state.settings
    _scheme, found, host = origin.partition("://")
    return origin == settings.public_origin or (bool(found) and host == request.headers.get("host"))


async def signed_in(request: Request) -> Actor:
    """Raises NotSignedIn."""
    await refuse_cross_site(request)
    token = await session_token(request)
    if token is None:
        raise NotSignedIn
    return await sessions.find_actor(request.app.state.database, token)


SignedIn = Annotated[Actor, Depends(signed_in)]


def _may(doing: str, *permissions: Permission) -> Callable[[Request], Awaitable[Actor]]:
    """A guard that passes whoever has one of these permissions."""
    roles = roles_with(*permissions)
    groups = [name for role in roles for name, of in DEFAULT_ROLE_OF_GROUP.items() if of is role]
    such_as = f", such as {groups[0]}" if groups else ""
    missing = (
        f"{doing} needs the role {' or '.join(roles)}. Ask your IT administrator to put you into "
        f"the directory group that gives it{such_as}."
    )

    async def guard(request: Request) -> Actor:
        actor = await signed_in(request)
        if actor.permissions.isdisjoint(permissions):
            raise RoleMissing(missing)
        return actor

    return guard


Reader = Annotated[Actor, Depends(_may("Reading", Permission.READ_POSTS))]
Author = Annotated[Actor, Depends(_may("Writing", Permission.CREATE_POSTS))]
# Whether it may be this very post, the service decides.
Editor = Annotated[
    Actor, Depends(_may("Editing", Permission.EDIT_OWN_POSTS, Permission.EDIT_ANY_POST))
]
Deleter = Annotated[
    Actor, Depends(_may("Deleting", Permission.DELETE_OWN_POSTS, Permission.DELETE_ANY_POST))
]
Teammate = Annotated[Actor, Depends(_may("Seeing the team", Permission.READ_TEAM))]
Inviter = Annotated[Actor, Depends(_may("Inviting", Permission.INVITE))]
Admin = Annotated[Actor, Depends(_may("This", Permission.ADMINISTER))]


async def signed_by_workos(request: Request) -> ReadEvent:
    """What a webhook says, proved to come from WorkOS now.

    Raises:
        InvalidSignature: before anything of the body is parsed.
        NotAnEvent: the body is none.
    """
    settings: Settings = request.app.state.settings
    body = await request.body()
    header = dict(request.scope["headers"]).get(b"workos-signature", b"")
    signatures.verify(
        header,
        body,
        settings.workos_webhook_secret.get_secret_value(),
        time.time_ns() // 1_000_000,
    )
    client: WorkosClient = request.app.state.workos
    return parsing.read(body, Source.WEBHOOK, client.scope)


SignedEvent = Annotated[ReadEvent, Depends(signed_by_workos)]
