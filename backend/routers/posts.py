"""`/posts`."""

from uuid import UUID

from fastapi import APIRouter, status

from backend.http.answers import JsonText
from backend.http.guards import (
    Author,
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
from backend.pagination import TimeCursor
from backend.schemas.posts import Post, PostCreate, PostPage, PostUpdate
from backend.services import posts

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/posts",
    tags=["posts"],
    responses=problems(401, 403, 422, 429, 503),
)


@router.get("", summary="The posts, newest first", response_model=PostPage)
async def list_posts(
    reader: ReaderClaim, limit: Limit = 20, cursor: After[TimeCursor] = None
) -> JsonText:
    return JsonText(await posts.list_page(reader, cursor, limit))


@router.post(
    "", status_code=status.HTTP_201_CREATED, summary="Write a post", responses=problems(413)
)
async def create_post(connection: ConnectionDep, author: Author, new: PostCreate) -> Post:
    return await posts.create(connection, author, new)


@router.get("/{post_id}", summary="One post", responses=problems(404))
async def get_post(connection: ConnectionDep, reader: Reader, post_id: UUID) -> Post:
    return await posts.get(connection, reader, post_id)


@router.patch(
    "/{post_id}",
    summary="Edit one's own post, or with `posts:edit_any` anyone's",
    responses=problems(404, 413),
)
async def edit_post(session: SessionDep, editor: Editor, post_id: UUID, change: PostUpdate) -> Post:
    return await posts.edit(session, editor, post_id, change)


@router.delete(
    "/{post_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete one's own post, or with `posts:delete_any` anyone's",
    responses=problems(404),
)
async def delete_post(session: SessionDep, deleter: Deleter, post_id: UUID) -> None:
    await posts.remove(session, deleter, post_id)
