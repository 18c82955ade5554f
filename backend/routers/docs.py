"""`/docs`: the API's description as a page, one of the built ones."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from backend.http.pages import PAGES

router = APIRouter(include_in_schema=False)


# To whoever asks: the pages' fallback answers only what says that it takes HTML.
@router.get("/docs")
async def documentation() -> FileResponse:
    return FileResponse(PAGES / "index.html")
