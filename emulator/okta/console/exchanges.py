"""The last SCIM exchanges, as they went over the wire."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from emulator.okta.console.guards import PAGE_SIZE, OktaDep
from emulator.web.pages import render

router = APIRouter(include_in_schema=False)


@router.get("/exchanges")
async def exchanges(request: Request, okta: OktaDep) -> HTMLResponse:
    rows = okta.records.store.rows("select * from exchanges order by id desc limit ?", PAGE_SIZE)
    return render(request, "exchanges.html", exchanges=rows)
