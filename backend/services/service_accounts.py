"""Service accounts: programs that outlive whoever set them up, with a role that an admin gave."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    any_,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from uuid_utils.compat import uuid7

from backend.database import AutocommitConnection
from backend.errors import NotFound
from backend.models import Admission, ApiToken, RoleGrant, User, access
from backend.pagination import Keyset, TimeCursor
from backend.schemas import tokens as schemas
from backend.schemas.access import Actor, AdmissionKind, Role, roles_named
from backend.schemas.audit import AuditAction, AuditDetail
from backend.services import access_ends, audit, tokens

_PREFIX = "service_"

_NEWEST = Keyset(TimeCursor, Admission.created_at, Admission.user_id, descending=True)


async def create(
    session: AsyncSession, actor: Actor, new: schemas.ServiceAccountCreate
) -> schemas.ServiceAccount:
    service_account_id = uuid7()
    named = {"organization_id": actor.organization_id, "user_id": service_account_id}
    await session.execute(
        insert(User).values(
            organization_id=actor.organization_id,
            id=service_account_id,
            key=f"{_PREFIX}{service_account_id}",
            name=new.name,
        )
    )
    admitted = await session.scalar(
        insert(Admission)
        .values(**named, kind=AdmissionKind.SERVICE, reason=new.reason, admitted_by=actor.user_id)
        .returning(Admission.created_at)
    )
    if new.role is not Role.MEMBER:
        await session.execute(
            insert(RoleGrant).values(
                **named, role=new.role, granted_by=actor.user_id, reason=new.reason
            )
        )
    created = audit.entry(
        AuditAction.SERVICE_ACCOUNT_CREATED,
        organization_id=actor.organization_id,
        subject_id=service_account_id,
        actor_id=actor.user_id,
        detail=AuditDetail(name=new.name, role=new.role, reason=new.reason),
    )
    await audit.record(session, created)
    return schemas.ServiceAccount(
        id=service_account_id,
        name=new.name,
        roles=[role for role in Role if role in {Role.MEMBER, new.role}],
        reason=new.reason,
        created_at=admitted,
        created_by=actor.name,
        tokens=[],
    )


async def list_page(
    connection: AutocommitConnection, actor: Actor, cursor: TimeCursor | None, limit: int
) -> schemas.ServiceAccountPage:
    """With their tokens, the newest first."""
    rows = select(Admission.organization_id, Admission.created_at, Admission.user_id).where(
        Admission.organization_id == actor.organization_id,
        Admission.kind == AdmissionKind.SERVICE,
    )
    found, next_cursor = await _NEWEST.fetch(connection, rows, cursor, limit, described=_described)
    held: defaultdict[UUID, list[schemas.Token]] = defaultdict(list)
    ids = literal([row.user_id for row in found], ARRAY(User.id.type))
    theirs = await connection.execute(
        select(*ApiToken.__table__.c)
        .where(
            ApiToken.organization_id == actor.organization_id,
            ApiToken.user_id == any_(ids),
            ApiToken.expires_at > func.now(),
        )
        .order_by(ApiToken.id.desc())
    )
    for token in theirs:
        held[token.user_id].append(tokens.shown(token))
    items = [
        schemas.ServiceAccount(
            id=row.user_id,
            name=row.name,
            roles=list(roles_named(row.roles)),
            reason=row.reason,
            created_at=row.created_at,
            created_by=row.created_by,
            tokens=held[row.user_id],
        )
        for row in found
    ]
    return schemas.ServiceAccountPage(items=items, next_cursor=next_cursor)


def _described(page: FromClause) -> Select[*tuple[Any, ...]]:
    admin = aliased(User)
    return (
        select(
            Admission.created_at,
            Admission.user_id,
            Admission.reason,
            User.name,
            admin.name.label("created_by"),
            access.c.roles,
        )
        .select_from(page)
        .join(
            Admission,
            (Admission.organization_id == page.c.organization_id)
            & (Admission.user_id == page.c.user_id),
        )
        .join(
            User,
            (User.organization_id == Admission.organization_id) & (User.id == Admission.user_id),
        )
        .join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
        .outerjoin(
            admin,
            (admin.organization_id == Admission.organization_id)
            & (admin.id == Admission.admitted_by),
        )
    )


async def create_token(
    session: AsyncSession, actor: Actor, service_account_id: UUID, new: schemas.TokenCreate
) -> schemas.NewToken:
    """Raises NotFound, and as `tokens.create`."""
    found = await session.scalar(
        select(Admission.user_id)
        .where(*_is(actor.organization_id, service_account_id))
        .with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound
    return await tokens.create(session, actor, service_account_id, new)


async def end(session: AsyncSession, actor: Actor, service_account_id: UUID) -> None:
    """Its tokens end; what it has written stays, with its name.

    Raises:
        NotFound: the organization has none such.
    """
    ended = await session.scalar(
        delete(Admission)
        .where(*_is(actor.organization_id, service_account_id))
        .returning(Admission.reason)
    )
    if ended is None:
        raise NotFound
    await session.execute(
        delete(RoleGrant).where(
            RoleGrant.organization_id == actor.organization_id,
            RoleGrant.user_id == service_account_id,
        )
    )
    await access_ends.end_for(session, actor.organization_id, [service_account_id])
    entry = audit.entry(
        AuditAction.SERVICE_ACCOUNT_ENDED,
        organization_id=actor.organization_id,
        subject_id=service_account_id,
        actor_id=actor.user_id,
    )
    await audit.record(session, entry)


def _is(organization_id: str, service_account_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        Admission.organization_id == organization_id,
        Admission.user_id == service_account_id,
        Admission.kind == AdmissionKind.SERVICE,
    )
