"""The limit: the same framework and server, answering from memory, without any of our work."""

from fastapi import FastAPI, Request

from backend.schemas.events import Outcome, Receipt
from backend.schemas.posts import Post, PostAuthor, PostPage
from bench.company import POSTS, post_values


def create_app() -> FastAPI:
    app = FastAPI()
    rows = [post_values(number) for number in range(POSTS)]
    page = PostPage(
        items=[
            Post(**row, author=PostAuthor(id=row["id"], name="Ann"), can_edit=True, can_delete=True)
            for row in rows
        ],
        next_cursor=None,
    )

    @app.get("/posts")
    async def posts() -> PostPage:
        return page

    @app.post("/api/directory-sync")
    async def directory_sync(request: Request) -> Receipt:
        await request.body()
        return Receipt(outcome=Outcome.APPLIED)

    return app
