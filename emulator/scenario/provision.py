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
    if not company.connected:
        row = direct.records.add_company(
            name=organization.name,
            organization_id=organization.id,
            directory_id="",
            connection_id=organization.connection_id,
            scim_path="",
            scim_token="",
        )
        _add_unassigned(direct, row["id"], company.people)
        return
    directory = direct.create_directory(organization.id, company.directory, company.directory_id)
    sent = {
        person.email: _create(direct, directory.id, person)
        for person in company.people
        if person.assigned
    }
    unassigned = [person for person in company.people if not person.assigned]
    in_okta = direct.records.company_of_directory(directory.id)
    if in_okta is not None:
        _add_unassigned(direct, in_okta["id"], unassigned)
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


def _add_unassigned(direct: Direct, company_id: str, people: list[Person]) -> None:
    """Those who are in Okta, but whom nobody assigned to the application."""
    for person in people:
        profile = Profile(
            person.first_name,
            person.last_name,
            person.email,
            person.department,
            person.job_title,
        )
        direct.records.add_person(company_id, profile, assigned=False)
