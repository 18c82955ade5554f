"""`/posts`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from backend.http.answers import JsonText
from backend.http.guards import (
    Author,
    ClaimDep,
    ConnectionDep,
    Deleter,
    Editor,
    GuardedRoute,
    Reader,
    ReaderClaim,
    SessionDep,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.http.versions import ETAG, IfMatch, tagged
from backend.pagination import TimeCursor
from backend.schemas.posts import (
    Post,
    PostCreate,
    PostPage,
    PostSummaryPage,
    PostUpdate,
    PostView,
)
from backend.schemas.text import SearchText
from backend.services.posts import deleting, lists, shown, writing

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/posts",
    tags=["posts"],
    responses=problems(401, 403, 422, 429, 503),
)

View = Annotated[
    PostView, Query(description="`summary`: an `excerpt` of each in place of its `content`.")
]
Search = Annotated[
    SearchText | None,
    Query(alias="q", description="Words of the title or the content, or how they begin."),
]
WrittenBy = Annotated[UUID | None, Query(description="Only posts of the person with this id.")]
Version = Annotated[
    int | None,
    Query(description="As it was read: where it is another by now, 409, and nothing is deleted."),
]


@router.get("", summary="The posts, newest first", response_model=PostPage | PostSummaryPage)
async def list_posts(
    reader: ReaderClaim,
    view: View = PostView.FULL,
    search: Search = None,
    author: WrittenBy = None,
    limit: Limit = 20,
    cursor: After[TimeCursor] = None,
) -> JsonText:
    return JsonText(
        await lists.list_page(
            reader, view=view, search=search, author=author, cursor=cursor, limit=limit
        )
    )


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Write a post",
    responses=problems(413) | {201: ETAG},
)
async def create_post(
    _author: Author, claim: ClaimDep, new: PostCreate, response: Response
) -> Post:
    return tagged(response, await writing.create(claim, new))


@router.get("/{post_id}", summary="One post", responses=problems(404) | {200: ETAG})
async def get_post(
    connection: ConnectionDep, reader: Reader, post_id: UUID, response: Response
) -> Post:
    return tagged(response, await shown.get(connection, reader, post_id))


@router.patch(
    "/{post_id}",
    summary="Edit one's own post, or with `posts:edit_any` anyone's",
    responses=problems(404, 413, _409="It was changed meanwhile; `current` is the newer one.")
    | {200: ETAG},
)
async def edit_post(
    session: SessionDep,
    editor: Editor,
    post_id: UUID,
    change: PostUpdate,
    known: IfMatch,
    response: Response,
) -> Post:
    return tagged(response, await writing.edit(session, editor, post_id, change, known))


@router.delete(
    "/{post_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete one's own post, or with `posts:delete_any` anyone's",
    responses=problems(404, _409="It was changed meanwhile; `current` is the newer one."),
)
async def delete_post(
    session: SessionDep, deleter: Deleter, post_id: UUID, known: IfMatch, version: Version = None
) -> None:
    await deleting.remove(session, deleter, post_id, known, version)


@router.post(
    "/{post_id}/restore",
    summary="Take back one's own deletion of a post, for a minute",
    responses=problems(404, _409="The minute is over, or the post is not deleted.") | {200: ETAG},
)
async def restore_post(
    session: SessionDep, deleter: Deleter, post_id: UUID, response: Response
) -> Post:
    return tagged(response, await deleting.restore(session, deleter, post_id))
