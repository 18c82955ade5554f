"""Make the companies of a scenario, as Okta's first push would."""

from emulator.direct import Direct, User
from emulator.okta.records import Profile, Status
from emulator.scenario.model import Company, Person, Scenario


def provision(direct: Direct, scenario: Scenario) -> None:
    """All companies in one transaction, so that a crash leaves none of them half made."""
    with direct.world.store.transaction(), direct.records.store.transaction():
        for company in scenario.companies:
            _provision_company(direct, company)


def _provision_company(direct: Direct, company: Company) -> None:
    organization = direct.create_organization(
        company.name, company.organization_id, tuple(company.domains)
    )
    directory = direct.create_directory(organization.id, company.directory, company.directory_id)
    sent = {
        person.email: _create(direct, directory.id, person)
        for person in company.people
        if person.assigned
    }
    _create_unassigned(direct, directory.id, company)
    names = dict.fromkeys([*company.groups, *(n for p in company.people for n in p.groups)])
    groups = {name: direct.create_group(directory.id, name) for name in names}
    for person in company.people:
        for name in person.groups:
            if person.email in sent:
                direct.add_member(groups[name], sent[person.email])
    for person in company.people:
        if person.email not in sent:
            continue
        if person.status == "deactivated":
            direct.deactivate_user(sent[person.email])
        elif person.status == "suspended":
            direct.records.set_status(sent[person.email].idp_id, Status.SUSPENDED)


def _create(direct: Direct, directory_id: str, person: Person) -> User:
    mapped = {"department": person.department, "job_title": person.job_title}
    return direct.create_user(
        directory_id,
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        custom_attributes={key: value for key, value in mapped.items() if value is not None},
    )


def _create_unassigned(direct: Direct, directory_id: str, company: Company) -> None:
    """People of the company who are in Okta, but whom nobody assigned to the application."""
    row = direct.records.company_of_directory(directory_id)
    for person in company.people:
        if row is not None and not person.assigned:
            profile = Profile(
                person.first_name,
                person.last_name,
                person.email,
                person.department,
                person.job_title,
            )
            direct.records.add_person(row["id"], profile, assigned=False)
