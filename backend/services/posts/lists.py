"""The posts, newest first: all, somebody's, those that have some words."""

from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    Uuid,
    bindparam,
    func,
    literal_column,
    select,
)

from backend import models
from backend.pagination import Keyset, PageQuery, TimeCursor
from backend.schemas.posts import PostView
from backend.services import sessions
from backend.services.posts.shown import PERMISSIONS, POSTS, seen_by
from backend.services.sessions import Claim

_NEWEST = Keyset(TimeCursor, models.Post.created_at, models.Post.id, descending=True)
_ASKING = sessions.asking(*PERMISSIONS)

# What many posts have is soon found among the newest, where an index would first gather them all;
# what few have, an index finds.
_FIRST_LOOKED_THROUGH = 1000

# Derived once, and not for each post.
_WANTED = select(func.beginnings_of(bindparam("search", type_=Text))).scalar_subquery()


def _seen(view: PostView) -> Select[*tuple[Any, ...]]:
    return seen_by(POSTS, _ASKING.c.id, {of: _ASKING.c[of] for of in PERMISSIONS}, view)


def _conditions(*, of_author: bool) -> list[ColumnElement[bool]]:
    here = POSTS.c.organization_id == bindparam("organization_id")
    theirs = POSTS.c.author_id == bindparam("author_id", type_=Uuid)
    return [here, theirs] if of_author else [here]


@cache
def _listed(view: PostView, *, of_author: bool) -> PageQuery[TimeCursor]:
    posts = _seen(view).where(*_conditions(of_author=of_author))
    return PageQuery(_NEWEST, posts, _ASKING, each=sessions.CLAIMED)


def _keys(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    post = POSTS.c
    return select(post.organization_id, post.id, post.created_at, post.words).where(*conditions)


def _described(view: PostView) -> Callable[[FromClause], Select[*tuple[Any, ...]]]:
    def described(keys: FromClause) -> Select[*tuple[Any, ...]]:
        return _seen(view).join(
            keys,
            (keys.c.organization_id == POSTS.c.organization_id) & (keys.c.id == POSTS.c.id),
        )

    return described


def _has_words(posts: FromClause) -> ColumnElement[bool]:
    return posts.c.words.bool_op("@@")(_WANTED)


@cache
def _found_among_the_first(view: PostView, *, of_author: bool) -> PageQuery[TimeCursor]:
    return PageQuery(
        _NEWEST,
        _keys(*_conditions(of_author=of_author)),
        _ASKING,
        described=_described(view),
        first=_FIRST_LOOKED_THROUGH,
        asked=_has_words,
    )


@cache
def _found(view: PostView, *, of_author: bool) -> PageQuery[TimeCursor]:
    # The offset keeps PostgreSQL from walking the list for them.
    found = _keys(*_conditions(of_author=of_author), _has_words(POSTS)).offset(literal_column("0"))
    posts = found.subquery("found")
    return PageQuery(_NEWEST.of(posts), select(posts), _ASKING, described=_described(view))


async def list_page(
    reader: Claim,
    *,
    view: PostView = PostView.FULL,
    search: str | None = None,
    author: UUID | None = None,
    cursor: TimeCursor | None = None,
    limit: int,
) -> bytes:
    """The organization's posts, newest first: the JSON of a `PostPage` or a `PostSummaryPage`.

    Args:
        reader: who asks.
        view: how much of each.
        search: only posts that have words which begin as these do, in whatever spelling.
        author: only posts of this user.
        cursor: the last post of the page before.
        limit: posts a page.

    Raises:
        NotSignedIn, RoleMissing: the claim is not proved.
    """
    of_author = author is not None
    values = {**reader.values, "author_id": author, "search": search}
    if not search:
        query = _listed(view, of_author=of_author)
        rows = await query.fetch(reader.database, cursor, limit, **values)
        reader.prove(rows)
        return query.page(rows[0]["page"], limit)
    query = _found_among_the_first(view, of_author=of_author)
    rows = await query.fetch(reader.database, cursor, limit, **values)
    reader.prove(rows)
    if not query.is_full(rows[0]["page"], limit):
        query = _found(view, of_author=of_author)
        rows = await query.fetch(reader.database, cursor, limit, **values)
        reader.prove(rows)
    return query.page(rows[0]["page"], limit)
