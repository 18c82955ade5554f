"""What a post looks like to whoever asks."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    SQLColumnExpression,
    Table,
    Uuid,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

from backend import models
from backend.database import Executor
from backend.errors import NotFound
from backend.schemas.access import Actor, Permission
from backend.schemas.posts import EXCERPT, Post, PostView

PERMISSIONS = (
    Permission.EDIT_OWN_POSTS,
    Permission.EDIT_ANY_POST,
    Permission.DELETE_OWN_POSTS,
    Permission.DELETE_ANY_POST,
)
POSTS = cast("Table", models.Post.__table__)
DELETED = cast("Table", models.DeletedPost.__table__)
WRITTEN = [column.name for column in POSTS.c if column.name in DELETED.c]
"""What is kept of a post wherever it is."""


def seen_by(
    posts: FromClause,
    user_id: ColumnElement[UUID],
    may: Mapping[str, ColumnElement[bool]],
    view: PostView = PostView.FULL,
) -> Select[*tuple[Any, ...]]:
    """The organization's posts, as they are shown to this user, with these permissions."""
    post = posts.c
    own = post.author_id == user_id
    author = _person(post.author_id, models.User.name)
    return (
        select(
            post.id,
            post.title,
            post.content if view is PostView.FULL else _excerpt(post.content),
            author.label("author"),
            post.created_at,
            post.updated_at,
            _editor(posts, author).label("edited_by"),
            post.version,
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


def _person(user_id: ColumnElement[UUID], name: SQLColumnExpression[str]) -> ColumnElement[Any]:
    return func.json_build_object(literal_column("'id'"), user_id, literal_column("'name'"), name)


def _editor(posts: FromClause, author: ColumnElement[Any]) -> ColumnElement[Any]:
    """Looked up only where it is not the author: a join costs each post of each list."""
    post, editor = posts.c, models.User.__table__.alias("editor")
    name = (
        select(editor.c.name)
        .where(
            editor.c.organization_id == post.organization_id,
            editor.c.organization_id == bindparam("organization_id"),
            editor.c.id == post.edited_by,
        )
        .correlate(posts)
        .scalar_subquery()
    )
    return case(
        (post.edited_by == post.author_id, author),
        (post.edited_by.is_not(None), _person(post.edited_by, name)),
    )


def _excerpt(content: ColumnElement[str]) -> ColumnElement[str]:
    """Its beginning up to the end of a word, as it was typed; of a long text no more is read."""
    most, one_more = (literal_column(str(number), Integer) for number in (EXCERPT, EXCERPT + 1))
    cut = func.regexp_replace(
        func.left(content, most), literal_column(r"'\s+\S{0,30}$'"), literal_column("''")
    )
    is_long = func.length(func.left(content, one_more)) > most
    cut_off = func.concat(cut, literal_column("'…'"))
    return case((is_long, cut_off), else_=content).label("excerpt")


ACTOR = bindparam("user_id", type_=Uuid)
ACTOR_MAY: dict[str, ColumnElement[bool]] = {
    of: bindparam(of.name, type_=Boolean) for of in PERMISSIONS
}
_ONE = seen_by(POSTS, ACTOR, ACTOR_MAY).where(POSTS.c.id == bindparam("post_id"))
_ONE_LOCKED = _ONE.with_for_update(of=POSTS)


def given(actor: Actor, post_id: UUID) -> dict[str, object]:
    """The values of a statement that shows this actor a post."""
    return {
        "organization_id": actor.organization_id,
        "user_id": actor.user_id,
        "post_id": post_id,
        **{of.name: actor.may(of) for of in PERMISSIONS},
    }


async def get(executor: Executor, actor: Actor, post_id: UUID, *, locked: bool = False) -> Post:
    """A post; locked, nobody else changes or deletes it in this transaction.

    Raises NotFound, also for a post of another organization.
    """
    statement = _ONE_LOCKED if locked else _ONE
    found = await executor.execute(statement, given(actor, post_id))
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound
    return Post.model_validate(dict(row))
