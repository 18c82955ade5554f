"""A big company for load, written straight into the stores: no SCIM, no events, no webhooks."""

import json
from typing import Any

from emulator.direct import Direct, Directory
from emulator.workos.users import ENTERPRISE

ORGANIZATION_ID = "org_01JAC0GENERATEDC0MPANY0001"
DIRECTORY_ID = "directory_01JAC0GENERATEDC0MPANY01"
DOMAIN = "generated.example"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PEOPLE_PER_GROUP = 100
GROUPS_EACH = 5
STRIDE = 37
NAMED = 2
AUTHORS_EVERY = 2
ADMINS_EVERY = 1000
BATCH = 5_000

FIRST_NAMES = (
    "Aisha", "Alejandra", "Amara", "Anders", "Beatriz", "Chen", "Chioma", "Clara", "Daniel",
    "Devika", "Elif", "Emma", "Farid", "Femi", "Freya", "Gabriel", "Hana", "Hassan", "Ines",
    "Ivan", "Jamal", "Joanna", "Kenji", "Lan", "Leila", "Liam", "Magda", "Marek", "Mei", "Milan",
    "Nadia", "Nikhil", "Noor", "Olga", "Omar", "Paulo", "Rosa", "Sanna", "Sofia", "Tariq", "Tessa",
    "Uma", "Viktor", "Wanjiru", "Yara", "Zoltan",
)  # fmt: skip
LAST_NAMES = (
    "Abebe", "Ahmed", "Andersson", "Bauer", "Becker", "Bianchi", "Castillo", "Chaudhry", "Costa",
    "Dlamini", "Dubois", "Eriksen", "Fernandes", "Fischer", "Garcia", "Gupta", "Haas", "Hoang",
    "Horvat", "Ito", "Jansen", "Johnson", "Kamau", "Kaya", "Kim", "Kowalski", "Larsen", "Lindgren",
    "Lopez", "Mbeki", "Meyer", "Moreau", "Murphy", "Nakamura", "Nguyen", "Novak", "Okafor",
    "Oliveira", "Park", "Petrov", "Rossi", "Santos", "Schmidt", "Silva", "Singh", "Tan", "Varga",
    "Walker", "Yilmaz", "Zhang",
)  # fmt: skip
DEPARTMENTS = ("Engineering", "Finance", "Legal", "Marketing", "Operations", "Sales", "Support")
TITLES = ("Analyst", "Coordinator", "Director", "Engineer", "Lead", "Manager", "Specialist")

Rows = list[tuple[Any, ...]]


def company(direct: Direct, people: int) -> Directory:
    """One organization with so many active people, each in five groups; alike at each call.

    Every second person is in Authors, every thousandth in Admins, the first in both. A crash on
    the way leaves nothing, so that the next start makes the whole of it.
    """
    with direct.world.store.transaction(), direct.records.store.transaction():
        direct.create_organization(f"Generated ({people:,} people)", ORGANIZATION_ID, (DOMAIN,))
        directory = direct.create_directory(ORGANIZATION_ID, "Generated Okta", DIRECTORY_ID)
        found = direct.records.company_of_directory(directory.id)
        company_id = "" if found is None else found["id"]
        groups = _write_groups(direct, company_id, max(people // PEOPLE_PER_GROUP, NAMED))
        for start in range(0, people, BATCH):
            _write_people(direct, company_id, range(start, min(start + BATCH, people)), groups)
    return directory


def _write_groups(direct: Direct, company_id: str, many: int) -> list[tuple[str, str]]:
    """The Okta id and the SCIM id of each group, Authors and Admins first."""
    names = ["Authors", "Admins", *(f"Team {number:04d}" for number in range(1, many - NAMED + 1))]
    new_id, now = direct.world.new_id, direct.world.clock.now_ms()
    ids = [(f"00gGEN{number:014d}", new_id("scim_group")) for number in range(len(names))]
    scim: Rows = []
    listed: Rows = []
    okta: Rows = []
    for (okta_id, scim_id), name in zip(ids, names, strict=True):
        document = json.dumps({"schemas": [GROUP], "displayName": name})
        scim.append((scim_id, DIRECTORY_ID, name.casefold(), None, document, 1, now, now))
        group_id = new_id("directory_group")
        listed.append((group_id, DIRECTORY_ID, ORGANIZATION_ID, scim_id, name, name, now, now))
        okta.append((okta_id, company_id, name, scim_id, "", now))
    world, records = direct.world.store, direct.records.store
    world.run_many("insert into scim_groups values (?, ?, ?, ?, ?, ?, ?, ?)", scim)
    world.run_many("insert into directory_groups values (?, ?, ?, ?, ?, ?, ?, ?)", listed)
    records.run_many("insert into groups values (?, ?, ?, ?, ?, ?)", okta)
    return ids


def _write_people(
    direct: Direct, company_id: str, numbers: range, groups: list[tuple[str, str]]
) -> None:
    new_id, now = direct.world.new_id, direct.world.clock.now_ms()
    scim: Rows = []
    listed: Rows = []
    okta: Rows = []
    scim_members: Rows = []
    okta_members: Rows = []
    for number in numbers:
        okta_id, scim_id, user_id = (
            f"00uGEN{number:014d}",
            new_id("scim_user"),
            new_id("directory_user"),
        )
        person = _person(number, okta_id)
        first, last = person["name"]["givenName"], person["name"]["familyName"]
        email, title = person["userName"], person["title"]
        department = person[ENTERPRISE]["department"]
        custom = json.dumps({"department": department, "job_title": title})
        document = json.dumps(person)
        scim.append(
            (scim_id, DIRECTORY_ID, email, okta_id, 1, document, "{}", user_id, 1, now, now)
        )
        listed.append((
            user_id, DIRECTORY_ID, ORGANIZATION_ID, scim_id, okta_id, email, email, first, last,
            f"{first} {last}", "active", custom, now, now,
        ))  # fmt: skip
        okta.append((
            okta_id, company_id, first, last, email, email, department, title, "ACTIVE", 1,
            scim_id, "", now,
        ))  # fmt: skip
        for group in _groups_of(number, len(groups)):
            scim_members.append((groups[group][1], scim_id))
            okta_members.append((groups[group][0], okta_id))
    world, records = direct.world.store, direct.records.store
    world.run_many("insert into scim_users values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", scim)
    world.run_many(
        "insert into directory_users (id, directory_id, organization_id, scim_id, idp_id, email,"
        " email_key, first_name, last_name, name, state, custom_attributes, created_at, updated_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        listed,
    )
    world.run_many("insert into scim_members (group_id, user_id) values (?, ?)", scim_members)
    records.run_many("insert into people values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", okta)
    records.run_many("insert into members values (?, ?)", okta_members)


def _person(number: int, okta_id: str) -> dict[str, Any]:
    """The SCIM user; the number makes the address unique."""
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    last = LAST_NAMES[number // len(FIRST_NAMES) % len(LAST_NAMES)]
    email = f"{first}.{last}.{number}@{DOMAIN}".lower()
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": email,
        "externalId": okta_id,
        "name": {"givenName": first, "familyName": last},
        "emails": [{"primary": True, "value": email, "type": "work"}],
        "active": True,
        "title": TITLES[number % len(TITLES)],
        ENTERPRISE: {"department": DEPARTMENTS[number // 3 % len(DEPARTMENTS)]},
    }


def _groups_of(number: int, groups: int) -> set[int]:
    """Where in the list of groups: Authors is 0, Admins is 1, teams follow."""
    writes = number % AUTHORS_EVERY == 0
    held = {
        NAMED + (number + turn * STRIDE) % (groups - NAMED)
        for turn in range(GROUPS_EACH - writes)
        if groups > NAMED
    }
    if writes:
        held.add(0)
    if number % ADMINS_EVERY == 0:
        held.add(1)
    return held
