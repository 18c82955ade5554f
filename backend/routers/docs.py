"""`/docs`: the API's description as pages, from our own files."""

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

PATH = "/docs"
ASSETS = "/swagger-ui/"

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def documentation(request: Request) -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=f"{request.app.title}: the API",
        swagger_js_url=f"{ASSETS}swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}swagger-ui.css",
        swagger_favicon_url="/favicon.svg",
    )
