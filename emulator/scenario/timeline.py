"""Play the timeline of a scenario: one change after the other, pushed as Okta pushes them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from emulator.okta.provisioning import Okta
from emulator.okta.records import OktaRefusedError, Profile, Status
from emulator.scenario.model import Step
from emulator.store import Row

Play = Callable[[Okta, Row, Step], Awaitable[object]]
PLAYED = "timeline_played"
logger = logging.getLogger(__name__)


async def play(
    okta: Okta, steps: Sequence[Step], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """From where an earlier run stopped. A step that cannot be done is logged and passed over."""
    store = okta.records.store
    played = store.number("select value from progress where name = ?", PLAYED)
    for number, step in enumerate(steps[played:], start=played + 1):
        await sleep(step.after)
        try:
            await STEPS[step.do](okta, _company(okta, step), step)
        except OktaRefusedError as refused:
            logger.warning("timeline step %d (%s): %s", number, step.do, refused)
        store.run("insert or replace into progress values (?, ?)", PLAYED, number)


def _company(okta: Okta, step: Step) -> Row:
    for row in okta.records.companies():
        if step.company in {None, row["name"]}:
            return row
    raise OktaRefusedError(f"There is no company {step.company}.")


def _person(okta: Okta, company: Row, step: Step) -> Row:
    row = okta.records.store.row(
        "select * from people where company_id = ? and email_key = ?",
        company["id"],
        (step.person or "").casefold(),
    )
    if row is None:
        raise OktaRefusedError(f"There is nobody with the e-mail address {step.person}.")
    return row


def _group(okta: Okta, company: Row, step: Step) -> Row:
    row = okta.records.store.row(
        "select * from groups where company_id = ? and name = ?", company["id"], step.group
    )
    if row is None:
        raise OktaRefusedError(f"There is no group {step.group}.")
    return row


async def _create_person(okta: Okta, company: Row, step: Step) -> None:
    profile = Profile(
        step.first_name or "",
        step.last_name or "",
        step.email or "",
        step.department,
        step.job_title,
    )
    await okta.create_person(company["id"], profile)


async def _change_person(okta: Okta, company: Row, step: Step) -> None:
    person = _person(okta, company, step)
    profile = Profile(
        step.first_name or person["first_name"],
        step.last_name or person["last_name"],
        step.email or person["email"],
        step.department or person["department"],
        step.job_title or person["job_title"],
    )
    await okta.change_person(person["id"], profile)


def _to_status(status: Status) -> Play:
    async def change(okta: Okta, company: Row, step: Step) -> None:
        await okta.set_status(_person(okta, company, step)["id"], status)

    return change


async def _delete_person(okta: Okta, company: Row, step: Step) -> None:
    await okta.delete_person(_person(okta, company, step)["id"])


async def _create_group(okta: Okta, company: Row, step: Step) -> None:
    await okta.create_group(company["id"], step.name or "")


async def _rename_group(okta: Okta, company: Row, step: Step) -> None:
    await okta.rename_group(_group(okta, company, step)["id"], step.name or "")


async def _delete_group(okta: Okta, company: Row, step: Step) -> None:
    await okta.delete_group(_group(okta, company, step)["id"])


async def _add_member(okta: Okta, company: Row, step: Step) -> None:
    person, group = _person(okta, company, step), _group(okta, company, step)
    await okta.add_member(group["id"], person["id"])


async def _remove_member(okta: Okta, company: Row, step: Step) -> None:
    person, group = _person(okta, company, step), _group(okta, company, step)
    await okta.remove_member(group["id"], person["id"])


STEPS: dict[str, Play] = {
    "create_person": _create_person,
    "change_person": _change_person,
    "deactivate": _to_status(Status.DEACTIVATED),
    "reactivate": _to_status(Status.ACTIVE),
    "suspend": _to_status(Status.SUSPENDED),
    "unsuspend": _to_status(Status.ACTIVE),
    "delete_person": _delete_person,
    "create_group": _create_group,
    "rename_group": _rename_group,
    "delete_group": _delete_group,
    "add_member": _add_member,
    "remove_member": _remove_member,
}
