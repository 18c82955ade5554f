"""People: a SCIM user document in, a directory user and its events out."""

import json
from dataclasses import dataclass
from typing import Any

from emulator.store import Row
from emulator.workos import directories, events, groups, wire
from emulator.workos.settings import WithoutEmail
from emulator.workos.world import NotFoundError, RefusedError, World

Json = dict[str, Any]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
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
    emails = document.get("emails") or []
    primary = next((each for each in emails if each.get("primary")), None)
    chosen = primary or (emails[0] if emails else {})
    enterprise = document.get(ENTERPRISE) or {}
    mapped = {
        "department": enterprise.get("department"),
        "job_title": document.get("title"),
        "division": enterprise.get("division"),
        "employee_number": enterprise.get("employeeNumber"),
    }
    custom = {key: value for key, value in mapped.items() if value is not None} | extra
    first, last = name.get("givenName"), name.get("familyName")
    full = " ".join(part for part in (first, last) if part) or document.get("displayName")
    return Person(
        idp_id=document.get("externalId") or document["userName"],
        email=chosen.get("value") or None,
        first_name=first,
        last_name=last,
        name=full,
        active=document.get("active", True) is not False,
        custom_attributes=json.dumps(custom),
    )


def get(world: World, directory_id: str, scim_id: str) -> Row:
    row = world.store.row(
        "select * from scim_users where id = ? and directory_id = ?", scim_id, directory_id
    )
    if row is None:
        raise NotFoundError("User", scim_id)
    return row


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
            document.get("externalId"),
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
        world.store.run("delete from scim_users where id = ?", scim_id)


def directory_user_of(world: World, scim_id: str) -> Row | None:
    return world.store.row("select * from directory_users where scim_id = ?", scim_id)


def _check(
    world: World, directory_id: str, document: Json, person: Person, before: Row | None
) -> None:
    own_id = before["id"] if before is not None else ""
    if not document["userName"].strip():
        raise RefusedError(400, "A user needs a userName that is not empty.", "invalidValue")
    if world.store.exists(
        "select 1 from scim_users where directory_id = ? and user_name_key = ? and id != ?",
        directory_id,
        document["userName"].casefold(),
        own_id,
    ):
        raise RefusedError(409, f"userName '{document['userName']}' is taken.", "uniqueness")
    if before is None and not person.active and world.settings.refuse_inactive_creation:
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
        raise RefusedError(409, f"An active user has the email '{person.email}'.", "uniqueness")


def _follow(world: World, scim: Row, person: Person) -> None:
    """Bring the directory user to what the SCIM user says."""
    user = directory_user_of(world, scim["id"])
    if user is None:
        hold = person.email is None and world.settings.without_email is WithoutEmail.HOLD_BACK
        if person.active and not hold:
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
        " custom_attributes) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        user_id,
        directory["id"],
        directory["organization_id"],
        scim["id"],
        now,
        now,
        *person.columns(),
    )
    world.store.run(
        "update scim_users set last_directory_user_id = ? where id = ?", user_id, scim["id"]
    )
    user = world.store.one("select * from directory_users where id = ?", user_id)
    events.record(
        world, "dsync.user.created", wire.directory_user(user), directory["organization_id"]
    )
    # Somebody held back until now was never in a group as far as the application knows.
    if earlier is None or world.settings.announce_memberships_on_return:
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
