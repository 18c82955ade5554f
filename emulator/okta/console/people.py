"""People: create, edit, suspend, deactivate, reactivate, delete, and their groups."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from emulator.okta import revocation
from emulator.okta.console.guards import (
    PAGE_SIZE,
    CompanyDep,
    OktaDep,
    SearchDep,
    settled,
)
from emulator.okta.provisioning import Okta
from emulator.okta.records import OktaRefusedError, Profile, Status
from emulator.okta.revocation import Wrong
from emulator.web.pages import back_to, render

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=200)]
REVOCATIONS_SHOWN = 5
WRONG = {
    Wrong.NOTHING: "as it should be",
    Wrong.KEY: "signed with another key",
    Wrong.EXPIRED: "with an expired token",
    Wrong.AUDIENCE: "for another audience",
    Wrong.ISSUER: "of another issuer",
    Wrong.TYPE: "with a token of another type",
    Wrong.UNAUTHORIZED: "without a token",
    Wrong.SUBJECT_FORMAT: "with an unknown subject format",
}


async def read_profile(
    first_name: Text,
    last_name: Text,
    email: Annotated[str, Form(min_length=3, max_length=200)],
    department: Text = "",
    job_title: Text = "",
) -> Profile:
    first_name, last_name, email = first_name.strip(), last_name.strip(), email.strip()
    if not (first_name and last_name and email):
        raise OktaRefusedError("A person needs a first name, a last name and an e-mail address.")
    return Profile(
        first_name,
        last_name,
        email,
        department.strip() or None,
        job_title.strip() or None,
    )


ProfileDep = Annotated[Profile, Depends(read_profile)]


@router.get("/people")
async def people(
    request: Request, okta: OktaDep, company: CompanyDep, search: SearchDep
) -> HTMLResponse:
    rows = okta.records.store.rows(
        "select p.*, count(*) over () as total,"
        " (select group_concat(name, ', ') from (select g.name from members m join groups g"
        " on g.id = m.group_id where m.person_id = p.id order by g.name)) as held"
        " from people p where p.company_id = ? and (? = '' or p.email like ? escape '\\'"
        " or p.first_name || ' ' || p.last_name like ? escape '\\')"
        " order by p.first_name, p.last_name, p.id limit ? offset ?",
        company["id"],
        search.q,
        search.like,
        search.like,
        PAGE_SIZE,
        search.offset,
    )
    total = rows[0]["total"] if rows else 0
    return render(
        request,
        "people.html",
        people=rows,
        total=total,
        search=search,
        pages=-(-total // PAGE_SIZE),
        company=company,
        companies=okta.records.companies(),
    )


@router.post("/people")
async def create_person(
    okta: OktaDep, company: CompanyDep, profile: ProfileDep
) -> RedirectResponse:
    person = await okta.create_person(company["id"], profile)
    await settled(okta)
    return outcome(okta, person["id"], f"Created {person['first_name']} {person['last_name']}.")


@router.get("/people/{person_id}")
async def person(request: Request, okta: OktaDep, person_id: str) -> HTMLResponse:
    row = okta.records.person(person_id)
    store = okta.records.store
    held = store.rows(
        "select g.* from members m join groups g on g.id = m.group_id"
        " where m.person_id = ? order by g.name",
        person_id,
    )
    other = store.rows(
        "select * from groups g where company_id = ? and not exists"
        " (select 1 from members m where m.group_id = g.id and m.person_id = ?) order by name",
        row["company_id"],
        person_id,
    )
    company = okta.records.company(row["company_id"])
    return render(
        request,
        "person.html",
        person=row,
        held=held,
        other=other,
        company=company,
        Status=Status,
        revocations=revocation.sent(okta, person_id, REVOCATIONS_SHOWN),
        WRONG=WRONG,
    )


@router.post("/people/{person_id}")
async def change_person(okta: OktaDep, person_id: str, profile: ProfileDep) -> RedirectResponse:
    await okta.change_person(person_id, profile)
    await settled(okta)
    return outcome(okta, person_id, "Saved.")


@router.post("/people/{person_id}/status")
async def change_status(
    okta: OktaDep, person_id: str, status: Annotated[Status, Form()]
) -> RedirectResponse:
    await okta.set_status(person_id, status)
    await settled(okta)
    told = {
        Status.ACTIVE: "Active again.",
        Status.SUSPENDED: "Suspended in Okta. Nothing was sent: Okta does not provision this.",
        Status.DEACTIVATED: "Deactivated.",
    }
    return outcome(okta, person_id, told[status])


@router.post("/people/{person_id}/assignment")
async def change_assignment(
    okta: OktaDep, person_id: str, assigned: Annotated[bool, Form()]
) -> RedirectResponse:
    await okta.set_assigned(person_id, assigned)
    await settled(okta)
    return outcome(
        okta, person_id, "Assigned to the app." if assigned else "No longer assigned to the app."
    )


@router.post("/people/{person_id}/push")
async def push_again(okta: OktaDep, person_id: str) -> RedirectResponse:
    await okta.push_person(person_id)
    await settled(okta)
    return outcome(okta, person_id, "Pushed again.")


@router.post("/people/{person_id}/delete")
async def delete_person(okta: OktaDep, person_id: str) -> RedirectResponse:
    row = okta.records.person(person_id)
    deleted = await okta.delete_person(person_id)
    await settled(okta)
    if not deleted:
        return outcome(okta, person_id, "")
    return back_to("/people", f"Deleted {row['first_name']} {row['last_name']} from Okta.")


@router.post("/people/{person_id}/groups")
async def add_to_group(
    okta: OktaDep, person_id: str, group: Annotated[str, Form()]
) -> RedirectResponse:
    row = okta.records.group(group)
    await okta.add_member(group, person_id)
    await settled(okta)
    return outcome(okta, person_id, f"Added to {row['name']}.", group)


@router.post("/people/{person_id}/groups/{group_id}/remove")
async def remove_from_group(okta: OktaDep, person_id: str, group_id: str) -> RedirectResponse:
    row = okta.records.group(group_id)
    await okta.remove_member(group_id, person_id)
    await settled(okta)
    return outcome(okta, person_id, f"Removed from {row['name']}.", group_id)


def outcome(okta: Okta, person_id: str, done: str, group_id: str | None = None) -> RedirectResponse:
    """Back to the person, saying what was done or what the application refused."""
    problem = okta.records.person(person_id)["problem"]
    if group_id is not None and not problem:
        problem = okta.records.group(group_id)["problem"]
    if problem:
        return back_to(f"/people/{person_id}", f"The push failed. {problem}", "problem")
    return back_to(f"/people/{person_id}", done)
