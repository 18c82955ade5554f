"""`/docs`: the API's description as pages."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from backend.http import docs_page

router = APIRouter(include_in_schema=False)


@router.get(docs_page.PATH)
async def documentation(request: Request) -> HTMLResponse:
    return HTMLResponse(docs_page.PAGE % request.app.title)
