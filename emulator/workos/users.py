"""People: a SCIM user document in, a directory user and its events out."""

import json
import re
from dataclasses import dataclass
from typing import Any

from emulator.store import Row
from emulator.workos import directories, events, groups, roles, wire
from emulator.workos.settings import WithoutEmail
from emulator.workos.texts import given
from emulator.workos.world import NotFoundError, RefusedError, World

Json = dict[str, Any]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
MISSING_EMAILS = "Required attributes missing: emails"
NEVER_KEPT = ("id", "meta", "groups", "password")
COLUMNS = (
    "idp_id", "email", "email_key", "first_name", "last_name", "name", "state", "custom_attributes",
)  # fmt: skip
COMPARED = ("idp_id", "email", "first_name", "last_name", "name", "state", "custom_attributes")


@dataclass(frozen=True)
class Person:
    """What WorkOS reads out of a SCIM user."""

    idp_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    name: str | None
    active: bool
    custom_attributes: str
    without_email: bool = False
    """Neither an address nor a userName that is one; a malformed address is there, and null."""

    def columns(self) -> tuple[Any, ...]:
        state = "active" if self.active else "inactive"
        key = self.email.casefold() if self.email is not None else None
        return (
            self.idp_id, self.email, key, self.first_name, self.last_name, self.name, state,
            self.custom_attributes,
        )  # fmt: skip


def read(document: Json, extra: Json) -> Person:
    """`extra` holds custom attributes that no SCIM attribute carries."""
    name = document.get("name") or {}
    email, without_email = _address(document)
    enterprise = document.get(ENTERPRISE) or {}
    mapped = {
        "department": enterprise.get("department"),
        "job_title": document.get("title"),
        "division": enterprise.get("division"),
        "employee_number": enterprise.get("employeeNumber"),
    }
    custom = {key: value for key, value in mapped.items() if value is not None} | extra
    first, last = given(name.get("givenName")), given(name.get("familyName"))
    full = " ".join(part for part in (first, last) if part) or given(document.get("displayName"))
    return Person(
        idp_id=given(document.get("externalId")) or document["userName"],
        email=email,
        first_name=first,
        last_name=last,
        name=full,
        active=document.get("active", True) is not False,
        custom_attributes=json.dumps(custom),
        without_email=without_email,
    )


def addresses(document: Json) -> list[Json]:
    """Those that are not blank."""
    return [each for each in document.get("emails") or [] if given(each.get("value"))]


def _address(document: Json) -> tuple[str | None, bool]:
    """The primary, else the first at work, else the first at home; and whether there is none."""
    listed = addresses(document)
    if not listed:
        is_address = ADDRESS.fullmatch(document["userName"]) is not None
        return (document["userName"], False) if is_address else (None, True)
    ranked = (
        *(each for each in listed if each.get("primary")),
        *(each for kind in ("work", "home") for each in listed if each.get("type") == kind),
    )
    value = ranked[0]["value"] if ranked else ""
    return (value if ADDRESS.fullmatch(value) else None), False


def get(world: World, directory_id: str, scim_id: str) -> Row:
    row = world.store.row(
        "select * from scim_users where id = ? and directory_id = ?", scim_id, directory_id
    )
    if row is None:
        raise NotFoundError("User", scim_id)
    return row


def receive(world: World, directory_id: str, document: Json) -> Row:
    """What a SCIM client sends to be created: whoever was held back is completed by it.

    Raises RefusedError as `save` does, and 400 without an address: the person is held back then.
    """
    held = world.store.row(
        "select u.* from scim_users u join held_users h on h.scim_id = u.id"
        " where u.directory_id = ?1 and (u.user_name_key = ?2 or u.external_id = ?3)",
        directory_id,
        document["userName"].casefold(),
        given(document.get("externalId")),
    )
    if held is None:
        row = save(world, directory_id, document)
    else:
        merged = json.loads(held["document"]) | document
        row = save(world, directory_id, merged, scim_id=held["id"])
    if is_held(world, row["id"]):
        raise RefusedError(400, MISSING_EMAILS, "invalidValue")
    return row


def replace(world: World, directory_id: str, document: Json, scim_id: str) -> Row:
    """Raises RefusedError as `save` does, and 400 when no address would be left."""
    hold_back = world.settings.without_email is WithoutEmail.HOLD_BACK
    if hold_back and read(document, {}).without_email:
        raise RefusedError(400, MISSING_EMAILS, "invalidSyntax")
    return save(world, directory_id, document, scim_id=scim_id)


def is_held(world: World, scim_id: str) -> bool:
    return world.store.exists("select 1 from held_users where scim_id = ?", scim_id)


def save(
    world: World,
    directory_id: str,
    document: Json,
    *,
    scim_id: str | None = None,
    extra: Json | None = None,
) -> Row:
    """Create (`scim_id=None`) or replace the SCIM user, and let the directory user follow.

    Raises RefusedError 409 for a taken userName or e-mail address, 400 for an empty userName or
    a creation with `active: false`, 404 for an unknown `scim_id`.
    """
    document = {key: value for key, value in document.items() if key not in NEVER_KEPT}
    before = None if scim_id is None else get(world, directory_id, scim_id)
    if extra is None:
        extra = {} if before is None else json.loads(before["extra"])
    person = read(document, extra)
    _check(world, directory_id, document, person, before)
    now = world.clock.now_ms()
    with world.store.transaction():
        values = (
            document["userName"].casefold(),
            given(document.get("externalId")),
            person.active,
            json.dumps(document),
            json.dumps(extra),
            now,
        )
        if before is None:
            scim_id = world.new_id("scim_user")
            world.store.run(
                "insert into scim_users (user_name_key, external_id, active, document, extra,"
                " updated_at, id, directory_id, created_at, version)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                *values,
                scim_id,
                directory_id,
                now,
            )
        else:
            world.store.run(
                "update scim_users set user_name_key = ?, external_id = ?, active = ?,"
                " document = ?, extra = ?, updated_at = ?, version = version + 1 where id = ?",
                *values,
                scim_id,
            )
        row = get(world, directory_id, scim_id or "")
        _follow(world, row, person)
    return row


def delete(world: World, directory_id: str, scim_id: str) -> None:
    """A SCIM DELETE: `dsync.user.deleted`, and no `user_removed` for the groups."""
    row = get(world, directory_id, scim_id)
    with world.store.transaction():
        user = directory_user_of(world, row["id"])
        if user is not None:
            _remove(world, user)
        world.store.run("delete from scim_members where user_id = ?", scim_id)
        world.store.run("delete from held_users where scim_id = ?", scim_id)
        world.store.run("delete from scim_users where id = ?", scim_id)


def directory_user_of(world: World, scim_id: str) -> Row | None:
    return world.store.row("select * from directory_users where scim_id = ?", scim_id)


def _check(
    world: World, directory_id: str, document: Json, person: Person, before: Row | None
) -> None:
    own_id = before["id"] if before is not None else ""
    if not document["userName"].strip():
        raise RefusedError(400, "'userName' is required", "invalidValue")
    if world.store.exists(
        "select 1 from scim_users where directory_id = ? and user_name_key = ? and id != ?",
        directory_id,
        document["userName"].casefold(),
        own_id,
    ):
        told = f"Another user already exists with this username '{document['userName']}'"
        raise RefusedError(409, told, "uniqueness")
    if before is None and not person.active and not world.settings.retain_deactivated:
        raise RefusedError(400, "A user cannot be created with active: false.", "invalidValue")
    if (
        world.settings.unique_email
        and person.active
        and person.email is not None
        and world.store.exists(
            "select 1 from directory_users where directory_id = ? and email_key = ?"
            " and state = 'active' and scim_id != ?",
            directory_id,
            person.email.casefold(),
            own_id,
        )
    ):
        told = f"Another user already exists with this email '{person.email}'"
        raise RefusedError(409, told, "uniqueness")


def _follow(world: World, scim: Row, person: Person) -> None:
    """Bring the directory user to what the SCIM user says."""
    user = directory_user_of(world, scim["id"])
    if user is None:
        if person.without_email and world.settings.without_email is WithoutEmail.HOLD_BACK:
            world.store.run("insert or ignore into held_users values (?)", scim["id"])
        elif person.active or world.settings.retain_deactivated:
            world.store.run("delete from held_users where scim_id = ?", scim["id"])
            _announce(world, scim, person)
    elif not person.active and not world.settings.retain_deactivated:
        if user["state"] == "active":
            _remove(world, user)
    else:
        _update(world, user, person)


def _announce(world: World, scim: Row, person: Person) -> None:
    directory = directories.get(world, scim["directory_id"])
    earlier = scim["last_directory_user_id"]
    keep = earlier is not None and world.settings.same_id_on_return
    user_id = earlier if keep else world.new_id("directory_user")
    now = world.clock.now_ms()
    world.store.run(
        "insert into directory_users (id, directory_id, organization_id, scim_id, created_at,"
        " updated_at, idp_id, email, email_key, first_name, last_name, name, state,"
        " custom_attributes, roles) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        user_id,
        directory["id"],
        directory["organization_id"],
        scim["id"],
        now,
        now,
        *person.columns(),
        roles.of_new_user(world, scim["id"]),
    )
    world.store.run(
        "update scim_users set last_directory_user_id = ? where id = ?", user_id, scim["id"]
    )
    user = world.store.one("select * from directory_users where id = ?", user_id)
    events.record(
        world, "dsync.user.created", wire.directory_user(user), directory["organization_id"]
    )
    if world.settings.announce_memberships_on_return:
        groups.announce_memberships(world, user)


def _update(world: World, user: Row, person: Person) -> None:
    wanted = dict(zip(COLUMNS, person.columns(), strict=True))
    changed = [column for column in COMPARED if user[column] != wanted[column]]
    if not changed:
        return
    world.store.run(
        "update directory_users set idp_id = ?, email = ?, email_key = ?, first_name = ?,"
        " last_name = ?, name = ?, state = ?, custom_attributes = ?, updated_at = ? where id = ?",
        *person.columns(),
        world.clock.now_ms(),
        user["id"],
    )
    after = world.store.one("select * from directory_users where id = ?", user["id"])
    old = wire.directory_user(user)
    events.record(
        world,
        "dsync.user.updated",
        wire.directory_user(after)
        | {"previous_attributes": {column: old[column] for column in changed}},
        user["organization_id"],
    )


def _remove(world: World, user: Row) -> None:
    """The state in the event is what it was before, so usually still `active`."""
    world.store.run("delete from directory_users where id = ?", user["id"])
    events.record(world, "dsync.user.deleted", wire.directory_user(user), user["organization_id"])
