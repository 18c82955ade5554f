"""Sessions, and who holds one or an API token: looked up at every request."""

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
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

from backend.database import Database, Query
from backend.errors import NotSignedIn
from backend.models import Admission, ApiToken, Organization, Session, User, access
from backend.schemas.access import Actor, Permission, Role, roles_named, roles_with

LIFETIME = timedelta(days=14)


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


def is_in_use() -> ColumnElement[bool]:
    """Whether a session has not rested for too long; its organization says for how long it may."""
    return _used_lately(Session.last_used_at)


def _used_lately(
    last_used_at: ColumnElement[Any] | InstrumentedAttribute[Any],
) -> ColumnElement[bool]:
    idle = Organization.session_idle_seconds * literal_column("interval '1 second'")
    return (last_used_at > func.now() - idle).is_not(False)


# One of the two has no hash, and costs nothing.
_HELD = union_all(
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
        literal_column("NULL::uuid"),
        ApiToken.id,
        ApiToken.scopes,
        literal_column("NULL::timestamptz"),
    ).where(
        ApiToken.organization_id == bindparam("organization_id"),
        ApiToken.token_hash == bindparam("api_token_hash"),
        ApiToken.expires_at > func.now(),
    ),
).subquery("held")
_ACTING = (
    select(
        User.id,
        User.name,
        User.email,
        User.organization_id,
        Organization.name.label("organization_name"),
        access.c.roles,
        _HELD.c.session_id,
        _HELD.c.token_id,
        _HELD.c.scopes,
    )
    .select_from(_HELD)
    .join(User, User.id == _HELD.c.user_id)
    .join(Organization, Organization.workos_id == User.organization_id)
    .join(
        access,
        (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
    )
    .where(
        User.organization_id == bindparam("organization_id"),
        _used_lately(_HELD.c.last_used_at),
        access.c.active,
    )
)
_ACTOR = Query(_ACTING)


def asking(*permissions: Permission) -> CTE:
    """Who is asking, for a statement that answers them, too; of each permission, whether they may.

    One statement less is a third of a request. What stands in it is proved by `Claim.prove`.
    """
    # Each derived once, not wherever it is named.
    actor = _ACTING.cte("actor").prefix_with("MATERIALIZED")
    may = [actor.c.roles.overlap(array_of(roles_with(of))).label(of) for of in permissions]
    return select(actor, *may).cte("asking").prefix_with("MATERIALIZED")


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
        self.values = {
            "organization_id": token.organization_id,
            "session_hash": None if token.is_api_token else token.hash,
            "api_token_hash": token.hash if token.is_api_token else None,
        }

    def prove(self, rows: Sequence[Any]) -> Actor:
        """Whoever holds the token, with the access they had when it was answered.

        Args:
            rows: what a statement with `asking` has found.

        Raises:
            NotSignedIn: the token is unknown or over, or the person is no longer active.
            RoleMissing: they lack the permission.
        """
        if not rows:
            raise NotSignedIn
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
