"""The delivery log, live, with what was answered; redelivery by hand."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from emulator.web.pages import back_to, render
from emulator.workos.api.guards import OptionsDep, PumpDep, WorldDep
from emulator.workos.webhooks import deliveries
from emulator.workos.webhooks.signature import HEADER, sign
from emulator.workos.world import NotFoundError

router = APIRouter(include_in_schema=False)
PAGE_SIZE = 100
SETTLE_SECONDS = 2
LISTED = (
    "select d.*, e.event, e.body, coalesce(e.body ->> '$.data.name', e.body ->> '$.data.user.name',"
    " e.body ->> '$.data.domain', e.body ->> '$.data.organization_domain.domain') as subject,"
    " e.body ->> '$.data.group.name' as group_name"
    " from deliveries d join events e on e.id = d.event_id"
)


@router.get("/deliveries")
async def listed(
    request: Request,
    world: WorldDep,
    options: OptionsDep,
    before: Annotated[int | None, Query()] = None,
    fragment: bool = False,
) -> HTMLResponse:
    """`fragment` is the table alone, for the page to refresh itself with."""
    rows = world.store.rows(
        f"{LISTED} where (? is null or d.id < ?) order by d.id desc limit ?",
        before,
        before,
        PAGE_SIZE,
    )
    counts = dict.fromkeys(("delivered", "pending", "dropped", "failed"), 0) | {
        row["state"]: row["many"]
        for row in world.store.rows("select state, count(*) as many from deliveries group by state")
    }
    return render(
        request,
        "deliveries_table.html" if fragment else "deliveries.html",
        deliveries=rows,
        counts=counts,
        webhook_url=options.webhook_url,
        older=rows[-1]["id"] if len(rows) == PAGE_SIZE else None,
        before=before,
        now=world.clock.now_ms(),
    )


@router.get("/deliveries/{delivery_id}")
async def one(
    request: Request, world: WorldDep, options: OptionsDep, delivery_id: int
) -> HTMLResponse:
    row = world.store.row(f"{LISTED} where d.id = ?", delivery_id)
    if row is None:
        raise NotFoundError("Delivery", str(delivery_id))
    attempts = world.store.rows(
        "select * from attempts where delivery_id = ? order by id", delivery_id
    )
    signature = sign(options.webhook_secret, row["body"].encode(), world.clock.now_ms())
    return render(
        request,
        "delivery.html",
        delivery=row,
        attempts=attempts,
        header=HEADER,
        signature=signature,
        webhook_url=options.webhook_url,
    )


@router.post("/deliveries/{delivery_id}/again")
async def send_again(world: WorldDep, pump: PumpDep, delivery_id: int) -> RedirectResponse:
    deliveries.send_again(world, delivery_id)
    await pump.settle(SETTLE_SECONDS)
    return back_to("/deliveries", "Sent again, with the same event id.")


@router.post("/emulator/settle", status_code=204)
async def settle(pump: PumpDep, seconds: Annotated[float, Query(ge=0, le=30)] = 2) -> None:
    """Wait until every webhook that is due was tried, or nobody listens, or time is up."""
    await pump.settle(seconds)
