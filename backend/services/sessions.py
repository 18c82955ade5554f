"""Sessions, and who holds one or an API token: looked up at every request."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple, NoReturn, Self
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from uuid_utils.compat import uuid7

from backend.database import BatchedQuery, Database, Query
from backend.errors import NotSignedIn, RoleMissing, TokenRefused
from backend.models import Admission, ApiToken, Organization, Session, User, access
from backend.schemas.access import Actor, Permission, Role, roles_named, roles_with

LIFETIME = timedelta(days=14)

_CHANGED_MEANWHILE = (
    "What you may do was changed while this was under way. Nothing was written; if you may do it "
    "still, send it again."
)


class Token(NamedTuple):
    """A secret, and the organization that it is of: a request knows its tenant by it."""

    organization_id: str
    secret: str
    is_api_token: bool = False

    @classmethod
    def new(cls, organization_id: str) -> Self:
        return cls(organization_id, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of any text; what was never a token is that of nobody."""
        organization_id, _, secret = text.rpartition(".")
        return cls(organization_id, secret)

    def __str__(self) -> str:
        return f"{self.organization_id}.{self.secret}"

    @property
    def hash(self) -> bytes:
        """What is stored of it."""
        return hashlib.sha256(self.secret.encode()).digest()


# The values of a claim, by which those who ask are told apart.
CLAIMED = ("organization_id", "session_hash", "api_token_hash")


def is_in_use() -> ColumnElement[bool]:
    """Whether a session has not rested for too long; its organization says for how long it may."""
    return _used_lately(Session.last_used_at)


def _used_lately(
    last_used_at: ColumnElement[Any] | InstrumentedAttribute[Any],
) -> ColumnElement[bool]:
    idle = Organization.session_idle_seconds * literal_column("interval '1 second'")
    return (last_used_at > func.now() - idle).is_not(False)


def _held(*, locked: bool) -> FromClause:
    """What is shown. One of the two has no hash, and costs nothing."""
    shown = [
        select(
            Session.user_id,
            Session.id.label("session_id"),
            literal_column("NULL::uuid").label("token_id"),
            literal_column("NULL::text[]").label("scopes"),
            Session.last_used_at,
        ).where(
            Session.organization_id == bindparam("organization_id"),
            Session.token_hash == bindparam("session_hash"),
            Session.expires_at > func.now(),
        ),
        select(
            ApiToken.user_id,
            literal_column("NULL::uuid").label("session_id"),
            ApiToken.id.label("token_id"),
            ApiToken.scopes,
            literal_column("NULL::timestamptz").label("last_used_at"),
        ).where(
            ApiToken.organization_id == bindparam("organization_id"),
            ApiToken.token_hash == bindparam("api_token_hash"),
            ApiToken.expires_at > func.now(),
        ),
    ]
    if locked:
        # PostgreSQL locks no row of a union.
        shown = [
            select(one.with_for_update(read=True, key_share=True).cte(f"locked_{number}"))
            for number, one in enumerate(shown)
        ]
    return union_all(*shown).subquery("held")


def _acting(*, locked: bool = False) -> Select[*tuple[Any, ...]]:
    held = _held(locked=locked)
    return (
        select(
            User.id,
            User.name,
            User.email,
            User.organization_id,
            Organization.name.label("organization_name"),
            access.c.roles,
            held.c.session_id,
            held.c.token_id,
            held.c.scopes,
        )
        .select_from(held)
        .join(User, User.id == held.c.user_id)
        .join(Organization, Organization.workos_id == User.organization_id)
        .join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
        .where(
            User.organization_id == bindparam("organization_id"),
            _used_lately(held.c.last_used_at),
            access.c.active,
        )
    )


_ACTOR = BatchedQuery(_acting(), each=CLAIMED)
_STILL_ACTING = _acting(locked=True)


def asking(*permissions: Permission) -> CTE:
    """Who is asking, for a statement that answers them, too; of each permission, whether they may.

    One statement less is a third of a request. What stands in it is proved by `Claim.prove`.
    """
    # Each derived once, not wherever it is named.
    actor = _acting().cte("actor", nesting=True).prefix_with("MATERIALIZED")
    may = [actor.c.roles.overlap(array_of(roles_with(of))).label(of) for of in permissions]
    return select(actor, *may).cte("asking", nesting=True).prefix_with("MATERIALIZED")


def still_acting(permission: Permission) -> CTE:
    """Who writes, if they may, for a statement that writes by itself: what `writing` makes sure of.

    Where it finds nobody, `refuse` says why.
    """
    # Their roles are derived once, not wherever they are named.
    acting = _STILL_ACTING.cte("acting").prefix_with("MATERIALIZED")
    may = acting.c.roles.overlap(array_of(roles_with(permission)))
    return select(acting.c.id).where(may).cte("still_acting")


def array_of(roles: Iterable[Role]) -> ColumnElement[Any]:
    """Their names, as the view `access` has a user's, spelt out in the statement."""
    return type_coerce(literal_column(f"'{{{','.join(roles)}}}'::text[]"), ARRAY(Text))


def _anybody(_actor: Actor) -> None:
    """Whoever is signed in."""


class Claim:
    """To be somebody who may: a token that the statement which answers it is to prove.

    Args:
        database: that is asked.
        token: of a session, or an API token.
        check: raises where the actor lacks a permission.
    """

    def __init__(
        self, database: Database, token: Token, check: Callable[[Actor], None] = _anybody
    ) -> None:
        self.database = database
        self.actor: Actor | None = None
        self._check = check
        self._refused = TokenRefused if token.is_api_token else NotSignedIn
        self.values = {
            "organization_id": token.organization_id,
            "session_hash": None if token.is_api_token else token.hash,
            "api_token_hash": token.hash if token.is_api_token else None,
        }

    @property
    def proved(self) -> Actor:
        """Whoever it was proved to be."""
        assert self.actor is not None
        return self.actor

    def prove(self, rows: Sequence[Any]) -> Actor:
        """Whoever holds the token, with the access they had when it was answered.

        Args:
            rows: what a statement with `asking` has found.

        Raises:
            NotSignedIn: the token is unknown or over, or the person is no longer active.
            RoleMissing: they lack the permission.
        """
        if not rows:
            raise self._refused
        row = rows[0]
        actor = Actor(
            user_id=row["id"],
            name=row["name"],
            email=row["email"],
            organization_id=row["organization_id"],
            organization_name=row["organization_name"],
            roles=roles_named(row["roles"]),
            session_id=row["session_id"],
            token_id=row["token_id"],
            scopes=row["scopes"],
        )
        self._check(actor)
        self.actor = actor
        return actor


async def find_actor(claim: Claim) -> Actor:
    """Whoever claims to be signed in, with the access they have now; raises as `Claim.prove`."""
    return claim.prove(await claim.database.fetch(_ACTOR, **claim.values))


@asynccontextmanager
async def writing(claim: Claim) -> AsyncIterator[AsyncSession]:
    """A transaction that commits if whoever writes still may what they might when they were let in.

    That is asked last, in the transaction itself. Its isolation is READ COMMITTED: a statement sees
    what was committed when it begins, however long ago the transaction began. What ends somebody's
    access deletes what they hold in the same transaction (`end_access`), and the statement locks
    the session or token until the commit: either it was deleted before, and nothing is found, or
    whoever deletes it waits for us. A role that is taken, and a directory that is removed with all
    its people, count up to that statement.

    What the transaction has done itself refuses nobody, for an admin may end their own session or
    give up a role: another connection does not see it, and is asked where this one refuses.

    Raises:
        NotSignedIn: access has ended meanwhile, or the session or token has.
        RoleMissing: a permission has.
    """
    let_in = claim.proved
    async with claim.database.transaction() as session:
        yield session
        try:
            found = await session.execute(_STILL_ACTING, claim.values)
            _refuse_less(claim.prove(found.mappings().all()), let_in)
        except (NotSignedIn, RoleMissing):
            _refuse_less(await find_actor(claim), let_in)


async def refuse(claim: Claim) -> NoReturn:
    """Whom a statement that writes has not found as `still_acting`.

    Raises:
        NotSignedIn, RoleMissing: as of `writing`.
    """
    let_in = claim.proved
    _refuse_less(await find_actor(claim), let_in)
    raise RoleMissing(_CHANGED_MEANWHILE)  # and back again


def _refuse_less(now: Actor, before: Actor) -> None:
    """Raises RoleMissing."""
    if not now.permissions >= before.permissions:
        raise RoleMissing(_CHANGED_MEANWHILE)


def _holders(
    of: type[Session | ApiToken], *in_use: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    return (
        select(of.id, access.c.roles)
        .join(Organization, Organization.workos_id == of.organization_id)
        .join(
            access,
            (access.c.organization_id == of.organization_id) & (access.c.user_id == of.user_id),
        )
        .where(
            of.organization_id == bindparam("organization_id"),
            of.id == any_(bindparam("holding", type_=ARRAY(Uuid))),
            of.expires_at > func.now(),
            access.c.active,
            *in_use,
        )
    )


_ROLES_OF_HOLDERS = Query(_holders(Session, is_in_use()).union_all(_holders(ApiToken)))


async def roles_of_holders(
    database: Database, organization_id: str, holding: Collection[UUID]
) -> dict[UUID, tuple[Role, ...]]:
    """Of sessions and tokens, by their ids, the roles of those who hold them and may enter now."""
    rows = await database.fetch(
        _ROLES_OF_HOLDERS, organization_id=organization_id, holding=list(holding)
    )
    return {row["id"]: roles_named(row["roles"]) for row in rows}


class Device(NamedTuple):
    """What a browser says of itself, and the address that it signs in from."""

    user_agent: str | None = None
    address: str | None = None


async def open_session(
    session: AsyncSession, organization_id: str, user_id: UUID, device: Device | None = None
) -> Token:
    """A new session's token; only a hash of its secret is stored.

    It lasts no longer than somebody is let in who was let in until a day.
    """
    device = device or Device()
    token = Token.new(organization_id)
    until = select(Admission.until).where(
        Admission.organization_id == organization_id, Admission.user_id == user_id
    )
    await session.execute(
        delete(Session).where(
            Session.organization_id == organization_id,
            Session.user_id == user_id,
            Session.expires_at < func.now(),
        )
    )
    await session.execute(
        insert(Session).values(
            organization_id=organization_id,
            id=uuid7(),
            token_hash=token.hash,
            user_id=user_id,
            expires_at=func.least(func.now() + LIFETIME, until.scalar_subquery()),
            user_agent=device.user_agent,
            address=device.address,
        )
    )
    return token


async def end_session(session: AsyncSession, token: Token) -> UUID | None:
    """Whose it was; None for a token that is no session's."""
    user_id: UUID | None = await session.scalar(
        delete(Session)
        .where(Session.organization_id == token.organization_id, Session.token_hash == token.hash)
        .returning(Session.user_id)
    )
    return user_id
