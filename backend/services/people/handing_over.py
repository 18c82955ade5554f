"""What somebody wrote becomes another's: the posts of whoever has left find an owner."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.errors import CannotWrite, InvalidInput, NotFound
from backend.models import DeletedPost, Post
from backend.schemas.access import Actor, Permission, permissions_of, roles_named
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.people import HandOver
from backend.services import audit
from backend.services.people import subject

_NOTED_AT_ONCE = 1_000


async def hand_over(session: AsyncSession, actor: Actor, user_id: UUID, given: HandOver) -> None:
    """Give posts to somebody who may write; their times stay.

    Raises:
        NotFound: there is no such person in the organization, or a chosen post is not by them.
        InvalidInput: they would be given to whose they are.
        CannotWrite: whoever is to have them may not write.
    """
    if given.to == user_id:
        raise InvalidInput("to", "is the person whose posts they are; choose another")
    await subject.lock_all(session, actor.organization_id, [user_id, given.to])
    receiving = await subject.state_of(session, actor.organization_id, given.to)
    if Permission.CREATE_POSTS not in permissions_of(roles_named(receiving.roles)):
        raise CannotWrite
    posts = await _give(session, actor, user_id, given)
    if given.post_ids is not None and len(posts) < len(set(given.post_ids)):
        raise NotFound("One of these posts does not exist, or this person did not write it.")
    for first in range(0, len(posts), _NOTED_AT_ONCE):
        handed_over = [
            audit.entry(
                AuditAction.POST_HANDED_OVER,
                organization_id=actor.organization_id,
                subject_id=post.id,
                actor_id=actor.user_id,
                detail=AuditDetail(title=post.title, author_id=str(user_id), to=str(given.to)),
            )
            for post in posts[first : first + _NOTED_AT_ONCE]
        ]
        await audit.record(session, *handed_over)


async def _give(
    session: AsyncSession, actor: Actor, user_id: UUID, given: HandOver
) -> Sequence[Row[*tuple[Any, ...]]]:
    theirs = [Post.organization_id == actor.organization_id, Post.author_id == user_id]
    if given.post_ids is not None:
        theirs.append(Post.id.in_(given.post_ids))
    handed_over = await session.execute(
        update(Post).where(*theirs).values(author_id=given.to).returning(Post.id, Post.title)
    )
    if given.post_ids is None:  # also what is deleted, and may be taken back yet
        await session.execute(
            update(DeletedPost)
            .where(
                DeletedPost.organization_id == actor.organization_id,
                DeletedPost.author_id == user_id,
            )
            .values(author_id=given.to)
        )
    return handed_over.all()
