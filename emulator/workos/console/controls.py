"""Faults and settings, as forms."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ValidationError

from emulator.web.pages import back_to, render
from emulator.workos import roles, tokens
from emulator.workos.api.guards import OptionsDep, WorldDep
from emulator.workos.settings import Faults, Settings
from emulator.workos.world import World

router = APIRouter(include_in_schema=False)
MS = 1000
DAY_SECONDS = 86_400


@router.get("/faults")
async def faults(request: Request, world: WorldDep) -> HTMLResponse:
    now = world.clock.now_ms()
    left = {
        name: max(0, round((getattr(world.faults, name) - now) / MS))
        for name in ("webhooks_down_until", "api_down_until", "scim_down_until")
    }
    return render(request, "faults.html", faults=world.faults, left=left)


@router.post("/faults")
async def change_faults(request: Request, world: WorldDep) -> RedirectResponse:
    """Counts and seconds as named; `…_down_seconds` from now on."""
    form = await request.form()
    now = world.clock.now_ms()
    given: dict[str, Any] = {}
    for name in Faults.model_fields:
        if name.endswith("_until"):
            seconds = str(form.get(name.replace("_until", "_seconds"), "0")) or "0"
            given[name] = now + int(float(seconds) * MS) if _number(seconds) else 0
        elif name in form:
            given[name] = form[name]
    return _save(world, "faults", Faults, given, "/faults", "From the next webhook on.")


@router.post("/faults/none")
async def no_faults(world: WorldDep) -> RedirectResponse:
    return _save(world, "faults", Faults, {}, "/faults", "Nothing goes wrong any more.")


@router.get("/settings")
async def settings(request: Request, world: WorldDep, options: OptionsDep) -> HTMLResponse:
    directories = world.store.rows(
        "select d.*, o.name as organization from directories d join organizations o"
        " on o.id = d.organization_id order by d.id"
    )
    return render(
        request,
        "settings.html",
        settings=world.settings,
        options=options,
        directories=[(each, tokens.active(world, each["id"])) for each in directories],
        companies=request.app.state.okta.records.companies(),
        base=str(request.base_url).rstrip("/"),
    )


@router.post("/settings")
async def change_settings(request: Request, world: WorldDep) -> RedirectResponse:
    form = await request.form()
    given = {
        name: name in form if field.annotation is bool else form[name]
        for name, field in Settings.model_fields.items()
        if field.annotation is bool or name in form
    }
    answer = _save(world, "settings", Settings, given, "/settings", "WorkOS's settings are saved.")
    roles.follow_settings(world)
    return answer


def _number(text: str) -> bool:
    try:
        return 0 < float(text) <= DAY_SECONDS
    except ValueError:
        return False


def _save(
    world: World, name: str, model: type[BaseModel], given: dict[str, Any], page: str, done: str
) -> RedirectResponse:
    """Change the object in place: tests and handlers hold on to it."""
    try:
        wanted = model.model_validate(given)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        return back_to(page, f"{first['loc'][0]}: {first['msg']}", "problem")
    current = getattr(world, name)
    for field_name in model.model_fields:
        setattr(current, field_name, getattr(wanted, field_name))
    world.save_settings()
    return back_to(page, done)
