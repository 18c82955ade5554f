"""Posts: who reads, writes, edits and deletes them goes by permissions."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    Uuid,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend import models
from backend.database import AutocommitConnection, Executor, Query
from backend.errors import NotFound, NotYours
from backend.pagination import Keyset, PageQuery, TimeCursor
from backend.schemas.access import Actor, Permission
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.posts import Post, PostCreate, PostUpdate
from backend.services import audit, sessions
from backend.services.sessions import Claim

_PERMISSIONS = (
    Permission.EDIT_OWN_POSTS,
    Permission.EDIT_ANY_POST,
    Permission.DELETE_OWN_POSTS,
    Permission.DELETE_ANY_POST,
)


def _seen_by(
    posts: FromClause, user_id: ColumnElement[UUID], may: Mapping[str, ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    """The organization's posts, as they are shown to this user, with these permissions."""
    post = posts.c
    own = post.author_id == user_id
    return (
        select(
            post.id,
            post.title,
            post.content,
            func.json_build_object(
                literal_column("'id'"),
                post.author_id,
                literal_column("'name'"),
                models.User.name,
            ).label("author"),
            post.created_at,
            post.updated_at,
            (own & may[Permission.EDIT_OWN_POSTS] | may[Permission.EDIT_ANY_POST]).label(
                "can_edit"
            ),
            (own & may[Permission.DELETE_OWN_POSTS] | may[Permission.DELETE_ANY_POST]).label(
                "can_delete"
            ),
        )
        .join(
            models.User,
            (models.User.organization_id == post.organization_id)
            & (models.User.id == post.author_id),
        )
        .where(post.organization_id == bindparam("organization_id"))
    )


_POSTS = cast("Table", models.Post.__table__)
_ASKING = sessions.asking(*_PERMISSIONS)
_NEWEST = PageQuery(
    Keyset(TimeCursor, models.Post.created_at, models.Post.id, descending=True),
    _seen_by(_POSTS, _ASKING.c.id, {of: _ASKING.c[of] for of in _PERMISSIONS}),
    _ASKING,
)

_ACTOR = bindparam("user_id", type_=Uuid)
_ACTOR_MAY: dict[str, ColumnElement[bool]] = {
    of: bindparam(of.name, type_=Boolean) for of in _PERMISSIONS
}
_ONE = _seen_by(_POSTS, _ACTOR, _ACTOR_MAY).where(_POSTS.c.id == bindparam("post_id"))
_WRITTEN = (
    insert(_POSTS)
    .values(
        organization_id=bindparam("organization_id"),
        id=bindparam("post_id"),
        author_id=_ACTOR,
        title=bindparam("title"),
        content=bindparam("content"),
    )
    .returning(*_POSTS.c)
    .cte("written")
)
_NOTED = (
    insert(models.AuditEvent)
    .values(
        organization_id=bindparam("organization_id"),
        id=bindparam("audit_id", type_=Uuid),
        action=literal_column(f"'{AuditAction.POST_CREATED}'"),
        actor_id=_ACTOR,
        subject_id=bindparam("subject_id", type_=Text),
    )
    .cte("noted")
)
_WRITE = Query(_seen_by(_WRITTEN, _ACTOR, _ACTOR_MAY).add_cte(_NOTED))


def _given(actor: Actor, post_id: UUID) -> dict[str, object]:
    return {
        "organization_id": actor.organization_id,
        "user_id": actor.user_id,
        "post_id": post_id,
        **{of.name: actor.may(of) for of in _PERMISSIONS},
    }


async def list_page(reader: Claim, cursor: TimeCursor | None, limit: int) -> bytes:
    """The organization's posts, newest first: the JSON of a `PostPage`.

    Raises:
        NotSignedIn, RoleMissing: the claim is not proved.
    """
    rows = await _NEWEST.fetch(reader.database, cursor, limit, **reader.values)
    reader.prove(rows)
    return _NEWEST.page(rows[0]["page"], limit)


async def get(executor: Executor, actor: Actor, post_id: UUID) -> Post:
    """Raises NotFound, also for a post of another organization."""
    found = await executor.execute(_ONE, _given(actor, post_id))
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound
    return Post.model_validate(dict(row))


async def create(connection: AutocommitConnection, actor: Actor, new: PostCreate) -> Post:
    post_id = uuid7()
    given = _given(actor, post_id) | {"title": new.title, "content": new.content}
    given |= {"audit_id": uuid7(), "subject_id": str(post_id)}
    (row,) = await _WRITE.rows(connection, **given)
    return Post.model_validate(dict(row))


async def edit(session: AsyncSession, actor: Actor, post_id: UUID, change: PostUpdate) -> Post:
    """Change one's own post, or with EDIT_ANY_POST anyone's.

    Raises:
        NotFound: there is no such post in the organization.
        NotYours: somebody else wrote it.
    """
    post = await get(session, actor, post_id)
    if not post.can_edit:
        raise NotYours
    given = change.model_dump(exclude_none=True)
    if given:
        await session.execute(
            update(models.Post)
            .where(models.Post.organization_id == actor.organization_id, models.Post.id == post_id)
            .values(**given, updated_at=func.clock_timestamp())
        )
        edited = audit.entry(
            AuditAction.POST_EDITED,
            organization_id=actor.organization_id,
            subject_id=post_id,
            actor_id=actor.user_id,
            detail=AuditDetail(title=post.title, author_id=str(post.author.id)),
        )
        await audit.record(session, edited)
    return await get(session, actor, post_id)


async def remove(session: AsyncSession, actor: Actor, post_id: UUID) -> None:
    """Delete one's own post, or with DELETE_ANY_POST anyone's.

    Raises:
        NotFound: there is no such post in the organization.
        NotYours: somebody else wrote it.
    """
    post = await get(session, actor, post_id)
    if not post.can_delete:
        raise NotYours
    deleted = await session.scalar(
        delete(models.Post)
        .where(models.Post.organization_id == actor.organization_id, models.Post.id == post_id)
        .returning(models.Post.id)
    )
    if deleted is None:  # somebody else was faster
        raise NotFound
    deletion = audit.entry(
        AuditAction.POST_DELETED,
        organization_id=actor.organization_id,
        subject_id=post_id,
        actor_id=actor.user_id,
        detail=AuditDetail(title=post.title, author_id=str(post.author.id)),
    )
    await audit.record(session, deletion)
