"""Groups: create, rename, delete, and who is in them."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from emulator.okta.console.guards import PAGE_SIZE, CompanyDep, OktaDep, SearchDep, settled
from emulator.okta.provisioning import Okta
from emulator.okta.records import OktaRefusedError
from emulator.web.pages import back_to, render

router = APIRouter(include_in_schema=False)
Name = Annotated[str, Form(min_length=1, max_length=200)]
LARGEST_CHOICE = 500


@router.get("/groups")
async def groups(
    request: Request, okta: OktaDep, company: CompanyDep, search: SearchDep
) -> HTMLResponse:
    rows = okta.records.store.rows(
        "select g.*, count(*) over () as total,"
        " (select count(*) from members m where m.group_id = g.id) as people"
        " from groups g where g.company_id = ? and (? = '' or g.name like ? escape '\\')"
        " order by g.name, g.id limit ? offset ?",
        company["id"],
        search.q,
        search.like,
        PAGE_SIZE,
        search.offset,
    )
    total = rows[0]["total"] if rows else 0
    return render(
        request,
        "groups.html",
        groups=rows,
        total=total,
        search=search,
        pages=-(-total // PAGE_SIZE),
        company=company,
        companies=okta.records.companies(),
    )


@router.post("/groups")
async def create_group(okta: OktaDep, company: CompanyDep, name: Name) -> RedirectResponse:
    group = await okta.create_group(company["id"], name.strip())
    await settled(okta)
    return outcome(okta, group["id"], f"Created and pushed {group['name']}.")


@router.get("/groups/{group_id}")
async def group(request: Request, okta: OktaDep, group_id: str, search: SearchDep) -> HTMLResponse:
    row = okta.records.group(group_id)
    store = okta.records.store
    members = store.rows(
        "select p.* from members m join people p on p.id = m.person_id where m.group_id = ?"
        " order by p.first_name, p.last_name, p.id limit ? offset ?",
        group_id,
        PAGE_SIZE,
        search.offset,
    )
    total = store.number("select count(*) from members where group_id = ?", group_id)
    others = store.rows(
        "select p.* from people p where p.company_id = ? and not exists"
        " (select 1 from members m where m.person_id = p.id and m.group_id = ?)"
        " order by p.first_name, p.last_name limit ?",
        row["company_id"],
        group_id,
        LARGEST_CHOICE + 1,
    )
    return render(
        request,
        "group.html",
        group=row,
        members=members,
        total=total,
        search=search,
        pages=-(-total // PAGE_SIZE),
        others=others,
        many=len(others) > LARGEST_CHOICE,
    )


@router.post("/groups/{group_id}")
async def rename_group(okta: OktaDep, group_id: str, name: Name) -> RedirectResponse:
    await okta.rename_group(group_id, name.strip())
    await settled(okta)
    return outcome(okta, group_id, f"Renamed to {name.strip()}.")


@router.post("/groups/{group_id}/push")
async def push_again(okta: OktaDep, group_id: str) -> RedirectResponse:
    await okta.push_group(group_id)
    await settled(okta)
    return outcome(okta, group_id, "Pushed again.")


@router.post("/groups/{group_id}/delete")
async def delete_group(okta: OktaDep, group_id: str) -> RedirectResponse:
    row = okta.records.group(group_id)
    deleted = await okta.delete_group(group_id)
    await settled(okta)
    if not deleted:
        return outcome(okta, group_id, "")
    return back_to("/groups", f"Deleted {row['name']}.")


@router.post("/groups/{group_id}/members")
async def add_member(
    okta: OktaDep, group_id: str, person: Annotated[str, Form()]
) -> RedirectResponse:
    """`person` is an id, or in a large company an e-mail address."""
    group = okta.records.group(group_id)
    row = okta.records.store.row(
        "select * from people where company_id = ? and (id = ? or email_key = ?)",
        group["company_id"],
        person,
        person.strip().casefold(),
    )
    if row is None:
        raise OktaRefusedError(f"There is nobody with the e-mail address {person}.")
    await okta.add_member(group_id, row["id"])
    await settled(okta)
    return outcome(okta, group_id, f"Added {row['first_name']} {row['last_name']}.")


@router.post("/groups/{group_id}/members/{person_id}/remove")
async def remove_member(okta: OktaDep, group_id: str, person_id: str) -> RedirectResponse:
    row = okta.records.person(person_id)
    await okta.remove_member(group_id, person_id)
    await settled(okta)
    return outcome(okta, group_id, f"Removed {row['first_name']} {row['last_name']}.")


def outcome(okta: Okta, group_id: str, done: str) -> RedirectResponse:
    """Back to the group, saying what was done or what the application refused."""
    problem = okta.records.group(group_id)["problem"]
    if problem:
        return back_to(f"/groups/{group_id}", f"The push failed. {problem}", "problem")
    return back_to(f"/groups/{group_id}", done)
