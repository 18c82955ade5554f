"""Posts: who reads, writes, edits and deletes them goes by permissions."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend import models
from backend.database import Database, Executor
from backend.errors import NotFound, NotYours
from backend.pagination import Keyset, PageQuery, TimeCursor
from backend.schemas.access import Actor, Permission
from backend.schemas.audit import AuditDetail
from backend.schemas.posts import Post, PostCreate, PostPage, PostUpdate
from backend.services import audit

_VISIBLE = (
    select(
        models.Post.id,
        models.Post.title,
        models.Post.content,
        models.Post.author_id,
        models.User.name.label("author_name"),
        models.Post.created_at,
        models.Post.updated_at,
    )
    .join(
        models.User,
        (models.User.organization_id == models.Post.organization_id)
        & (models.User.id == models.Post.author_id),
    )
    .where(models.Post.organization_id == bindparam("organization_id"))
)
_NEWEST = PageQuery(
    Keyset(TimeCursor, models.Post.created_at, models.Post.id, descending=True), _VISIBLE
)


def _as_seen_by(actor: Actor, rows: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    edits_own = actor.may(Permission.EDIT_OWN_POSTS)
    edits_any = actor.may(Permission.EDIT_ANY_POST)
    deletes_own = actor.may(Permission.DELETE_OWN_POSTS)
    deletes_any = actor.may(Permission.DELETE_ANY_POST)
    return [
        {
            "id": row["id"],
            "title": row["title"],
            "content": row["content"],
            "author": {"id": row["author_id"], "name": row["author_name"]},
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
            "can_edit": ((own := row["author_id"] == actor.user_id) and edits_own) or edits_any,
            "can_delete": (own and deletes_own) or deletes_any,
        }
        for row in rows
    ]


async def list_page(
    database: Database, actor: Actor, cursor: TimeCursor | None, limit: int
) -> PostPage:
    """The organization's posts, newest first, in one statement."""
    rows, next_cursor = await _NEWEST.fetch(
        database, cursor, limit, organization_id=actor.organization_id
    )
    return PostPage.model_validate({"items": _as_seen_by(actor, rows), "next_cursor": next_cursor})


async def get(executor: Executor, actor: Actor, post_id: UUID) -> Post:
    """Raises NotFound, also for a post of another organization."""
    result = await executor.execute(
        _VISIBLE.where(models.Post.id == post_id), {"organization_id": actor.organization_id}
    )
    row = result.mappings().one_or_none()
    if row is None:
        raise NotFound
    (post,) = _as_seen_by(actor, [dict(row)])
    return Post.model_validate(post)


async def create(session: AsyncSession, actor: Actor, new: PostCreate) -> Post:
    post_id = uuid7()
    await session.execute(
        insert(models.Post).values(
            organization_id=actor.organization_id,
            id=post_id,
            author_id=actor.user_id,
            title=new.title,
            content=new.content,
        )
    )
    return await get(session, actor, post_id)


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
        "post.deleted",
        organization_id=actor.organization_id,
        subject_id=post_id,
        actor_id=actor.user_id,
        detail=AuditDetail(title=post.title, author_id=str(post.author.id)),
    )
    await audit.record(session, deletion)
