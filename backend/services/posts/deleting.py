"""Posts are deleted, which whoever did it can take back for a minute."""

from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import NotDeleted, NotYours, RestoredTooLate
from backend.schemas.access import Actor, Permission
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.posts import RESTORABLE_FOR, Post
from backend.services import audit
from backend.services.posts.shown import (
    ACTOR,
    ACTOR_MAY,
    DELETED,
    POSTS,
    WRITTEN,
    get,
    given,
    seen_by,
)
from backend.services.versions import Versions, refuse_stale

_GONE = (
    delete(POSTS)
    .where(
        POSTS.c.organization_id == bindparam("organization_id"),
        POSTS.c.id == bindparam("post_id"),
    )
    .returning(*(POSTS.c[name] for name in WRITTEN))
    .cte("gone")
)
_KEPT = (
    insert(DELETED)
    .from_select(
        [*WRITTEN, "deleted_by", "expires_at"],
        select(_GONE, ACTOR, func.clock_timestamp() + RESTORABLE_FOR),
    )
    .returning(DELETED.c.id)
    .cte("kept")
)
_DELETE = select(_KEPT)

_OURS = (
    DELETED.c.organization_id == bindparam("organization_id"),
    DELETED.c.id == bindparam("post_id"),
    DELETED.c.deleted_by == ACTOR,
)
_DELETED = (
    select(
        DELETED.c.author_id,
        (DELETED.c.expires_at > func.clock_timestamp()).label("in_time"),
    )
    .where(*_OURS)
    .with_for_update()
)
_TAKEN = (
    delete(DELETED).where(*_OURS).returning(*(DELETED.c[name] for name in WRITTEN)).cte("taken")
)
_BACK = (
    insert(POSTS)
    .from_select(WRITTEN, select(_TAKEN))
    .returning(*(POSTS.c[name] for name in WRITTEN))
    .cte("back")
)
_RESTORE = seen_by(_BACK, ACTOR, ACTOR_MAY)


async def remove(
    session: AsyncSession, actor: Actor, post_id: UUID, *known: Versions | int | None
) -> None:
    """Delete one's own post, or with DELETE_ANY_POST anyone's.

    Args:
        session: its transaction.
        actor: who deletes it.
        post_id: which.
        known: the versions that it may have; None: any.

    Raises:
        NotFound: there is no such post in the organization.
        NotYours: somebody else wrote it.
        StaleVersion: it was changed meanwhile.
    """
    post = await get(session, actor, post_id, locked=True)
    if not post.can_delete:
        raise NotYours
    refuse_stale(post, post.version, *known)
    await session.execute(_DELETE.params(given(actor, post_id)))
    await _note(session, actor, AuditAction.POST_DELETED, post)


async def restore(session: AsyncSession, actor: Actor, post_id: UUID) -> Post:
    """Take back one's own deletion, as long as one might still delete the post.

    Raises:
        NotFound: the actor has deleted no such post, or so long ago that it is gone for good.
        NotDeleted: it is there.
        NotYours: somebody else wrote it, and the actor may no longer delete it.
        RestoredTooLate: the minute is over.
    """
    values = given(actor, post_id)
    deleted = (await session.execute(_DELETED, values)).one_or_none()
    if deleted is None:
        await get(session, actor, post_id)
        raise NotDeleted
    own = deleted.author_id == actor.user_id and actor.may(Permission.DELETE_OWN_POSTS)
    if not own and not actor.may(Permission.DELETE_ANY_POST):
        raise NotYours
    if not deleted.in_time:
        raise RestoredTooLate
    row = await session.execute(_RESTORE.params(values))
    post = Post.model_validate(dict(row.mappings().one()))
    await _note(session, actor, AuditAction.POST_RESTORED, post)
    return post


async def _note(session: AsyncSession, actor: Actor, action: AuditAction, post: Post) -> None:
    noted = audit.entry(
        action,
        organization_id=actor.organization_id,
        subject_id=post.id,
        actor_id=actor.user_id,
        detail=AuditDetail(title=post.title, author_id=str(post.author.id), version=post.version),
    )
    await audit.record(session, noted)
