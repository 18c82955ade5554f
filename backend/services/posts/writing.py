"""Posts are written and edited: who may goes by permissions."""

from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.database import Query
from backend.errors import NotYours
from backend.schemas.access import Actor, Permission
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.posts import Post, PostCreate, PostUpdate
from backend.services import audit
from backend.services.posts.shown import ACTOR, ACTOR_MAY, POSTS, WRITTEN, get, given, seen_by
from backend.services.sessions import Claim, refuse, still_acting
from backend.services.versions import Versions, refuse_stale

_GIVEN = {
    "organization_id": bindparam("organization_id", type_=Text),
    "id": bindparam("post_id", type_=Uuid),
    "author_id": ACTOR,
    "title": bindparam("title", type_=Text),
    "content": bindparam("content", type_=Text),
}
_NEW = (
    insert(POSTS)
    .from_select(
        list(_GIVEN),
        select(*_GIVEN.values()).select_from(still_acting(Permission.CREATE_POSTS)),
        include_defaults=False,
    )
    .returning(*(POSTS.c[name] for name in WRITTEN))
    .cte("written")
)
_SEEN = seen_by(_NEW, ACTOR, ACTOR_MAY).subquery("post")
_WRITE = Query(
    select(func.row_to_json(_SEEN.table_valued()).label("post")).add_cte(audit.noted(_NEW))
)
_THIS = (
    POSTS.c.organization_id == bindparam("organization_id"),
    POSTS.c.id == bindparam("post_id"),
)


async def create(author: Claim, new: PostCreate) -> Post:
    """Write a post, by one statement, which finds the author once more.

    Raises:
        NotSignedIn, RoleMissing: they might not any more when it was written.
    """
    actor, post_id = author.proved, uuid7()
    noted = audit.entry(
        AuditAction.POST_CREATED,
        organization_id=actor.organization_id,
        subject_id=post_id,
        actor_id=actor.user_id,
        detail=AuditDetail(title=new.title, version=1),
    )
    text = {"title": new.title, "content": new.content}
    values = author.values | given(actor, post_id) | text | audit.values(noted)
    rows = await author.database.write(_WRITE, **values)
    if not rows:
        await refuse(author)
    return Post.model_validate_json(rows[0]["post"])


async def edit(
    session: AsyncSession, actor: Actor, post_id: UUID, change: PostUpdate, known: Versions | None
) -> Post:
    """Change one's own post, or with EDIT_ANY_POST anyone's.

    Args:
        session: its transaction.
        actor: who changes it.
        post_id: which.
        change: what, and of which version if it says so.
        known: the versions that it may be of besides; None: any.

    Raises:
        NotFound: there is no such post in the organization.
        NotYours: somebody else wrote it.
        StaleVersion: it was changed meanwhile.
    """
    post = await get(session, actor, post_id, locked=True)
    if not post.can_edit:
        raise NotYours
    refuse_stale(post, post.version, known, change.version)
    text = change.model_dump(exclude_none=True, exclude={"version"})
    if not text:
        return post
    edited = (
        update(POSTS)
        .where(*_THIS)
        .values(
            **text,
            updated_at=func.clock_timestamp(),
            version=POSTS.c.version + 1,
            edited_by=actor.user_id,
        )
        .returning(*(POSTS.c[name] for name in WRITTEN))
        .cte("edited")
    )
    # Given to `execute`, they would be values of the UPDATE by their names.
    statement = seen_by(edited, ACTOR, ACTOR_MAY).params(given(actor, post_id))
    row = await session.execute(statement)
    after = Post.model_validate(dict(row.mappings().one()))
    noted = audit.entry(
        AuditAction.POST_EDITED,
        organization_id=actor.organization_id,
        subject_id=post_id,
        actor_id=actor.user_id,
        detail=AuditDetail(title=post.title, author_id=str(post.author.id), version=after.version),
    )
    await audit.record(session, noted)
    return after
