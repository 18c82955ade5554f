"""API tokens: made, seen, ended."""

import string
import zlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.database import AutocommitConnection, Executor
from backend.errors import InvalidInput, NotFound, TooManyTokens
from backend.models import Admission, ApiToken, Organization, User
from backend.pagination import Keyset, TimeCursor
from backend.schemas import tokens as schemas
from backend.schemas.access import Actor, AdmissionKind
from backend.schemas.audit import AuditAction, AuditDetail
from backend.services import audit
from backend.services.sessions import Token

PREFIX = "rc_"
MOST_TOKENS = 50
"""That one person or service account may have at a time."""

_DIGITS = string.digits + string.ascii_letters
_CHECKSUM_DIGITS = 6

_NEWEST = Keyset(TimeCursor, ApiToken.created_at, ApiToken.id, descending=True)


def written(token: Token) -> str:
    """As whoever made it gets it: prefix, organization, a dot, 256 bits of secret, checksum.

    By prefix and checksum a scanner knows one that was published by mistake.
    """
    text = f"{PREFIX}{token}"
    return text + _checksum(text)


def parse(text: str) -> Token | None:
    """None: it was never a token."""
    body, checksum = text[:-_CHECKSUM_DIGITS], text[-_CHECKSUM_DIGITS:]
    if not body.startswith(PREFIX) or _checksum(body) != checksum:
        return None
    return Token.parse(body.removeprefix(PREFIX))._replace(is_api_token=True)


def _checksum(text: str) -> str:
    """CRC-32 in base 62."""
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECKSUM_DIGITS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


async def create(
    session: AsyncSession, actor: Actor, user_id: UUID, new: schemas.TokenCreate
) -> schemas.NewToken:
    """A token of the actor's own, or of a service account.

    It lasts no longer than its holder is let in, where that is until a day.

    Raises:
        InvalidInput: it would last longer than the organization allows.
        TooManyTokens: the holder has as many as one may have.
    """
    await _check(session, actor.organization_id, user_id, new.expires_in_days)
    token = Token.new(actor.organization_id)
    until = select(Admission.until).where(
        Admission.organization_id == actor.organization_id, Admission.user_id == user_id
    )
    made = await session.execute(
        insert(ApiToken)
        .values(
            organization_id=actor.organization_id,
            id=uuid7(),
            token_hash=token.hash,
            user_id=user_id,
            name=new.name,
            scopes=new.scopes,
            created_by=actor.user_id,
            expires_at=func.least(
                func.now() + timedelta(days=new.expires_in_days), until.scalar_subquery()
            ),
        )
        .returning(*ApiToken.__table__.c)
    )
    row = made.one()
    created = audit.entry(
        AuditAction.TOKEN_CREATED,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
        detail=AuditDetail(token_id=str(row.id), token_name=row.name, scopes=row.scopes),
    )
    await audit.record(session, created)
    return schemas.NewToken(**shown(row).model_dump(), secret=written(token))


async def _check(
    session: AsyncSession, organization_id: str, user_id: UUID, expires_in_days: int
) -> None:
    # The row stays locked: two at once must not be one too many.
    await session.execute(
        select(User.id)
        .where(User.organization_id == organization_id, User.id == user_id)
        .with_for_update(key_share=True)
    )
    held = select(func.count()).where(
        ApiToken.organization_id == organization_id,
        ApiToken.user_id == user_id,
        ApiToken.expires_at > func.now(),
    )
    found = await session.execute(
        select(Organization.token_days_max, held.scalar_subquery().label("held")).where(
            Organization.workos_id == organization_id
        )
    )
    most_days, have = found.one()
    if expires_in_days > most_days:
        raise InvalidInput(
            "expires_in_days", f"may be {most_days} at most, as your organization has set it"
        )
    if have >= MOST_TOKENS:
        raise TooManyTokens


async def list_own(executor: Executor, organization_id: str, user_id: UUID) -> schemas.TokenList:
    """Those that somebody holds and that have not expired, the newest first."""
    found = await executor.execute(
        select(*ApiToken.__table__.c)
        .where(
            ApiToken.organization_id == organization_id,
            ApiToken.user_id == user_id,
            ApiToken.expires_at > func.now(),
        )
        .order_by(ApiToken.id.desc())
    )
    return schemas.TokenList(items=[shown(row) for row in found])


async def list_page(
    connection: AutocommitConnection, actor: Actor, cursor: TimeCursor | None, limit: int
) -> schemas.OrganizationTokenPage:
    """The organization's, whosever they are, the newest first."""
    rows = (
        select(*ApiToken.__table__.c, User.name.label("holder"), Admission.kind)
        .join(
            User, (User.organization_id == ApiToken.organization_id) & (User.id == ApiToken.user_id)
        )
        .outerjoin(
            Admission,
            (Admission.organization_id == ApiToken.organization_id)
            & (Admission.user_id == ApiToken.user_id),
        )
        .where(ApiToken.organization_id == actor.organization_id, ApiToken.expires_at > func.now())
    )
    found, next_cursor = await _NEWEST.fetch(connection, rows, cursor, limit)
    items = [
        schemas.OrganizationToken(
            **shown(row).model_dump(),
            of=schemas.TokenHolder(
                id=row.user_id,
                name=row.holder,
                is_service_account=row.kind == AdmissionKind.SERVICE,
            ),
        )
        for row in found
    ]
    return schemas.OrganizationTokenPage(items=items, next_cursor=next_cursor)


async def end(
    session: AsyncSession, actor: Actor, token_id: UUID, *, of: UUID | None = None
) -> None:
    """End a token of the organization; with `of`, one that this person holds.

    Raises:
        NotFound: there is none such.
    """
    held = [ApiToken.user_id == of] if of is not None else []
    ended = await session.execute(
        delete(ApiToken)
        .where(ApiToken.organization_id == actor.organization_id, ApiToken.id == token_id, *held)
        .returning(ApiToken.user_id, ApiToken.name)
    )
    row = ended.one_or_none()
    if row is None:
        raise NotFound
    entry = audit.entry(
        AuditAction.TOKEN_ENDED,
        organization_id=actor.organization_id,
        subject_id=row.user_id,
        actor_id=actor.user_id,
        detail=AuditDetail(token_id=str(token_id), token_name=row.name),
    )
    await audit.record(session, entry)


def shown(row: Row[*tuple[Any, ...]]) -> schemas.Token:
    return schemas.Token(
        id=row.id,
        name=row.name,
        scopes=row.scopes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
