"""Operations on both halves at once, without HTTP: for scenarios, for load and for tests.

They end in the same functions that a SCIM request ends in, so the events are the same.
"""

import json
from dataclasses import dataclass
from typing import Any

from emulator.app import Parts
from emulator.documents import emails, group_document, mapped, unmapped, user_document
from emulator.ids import okta_id
from emulator.okta.records import Profile, Status
from emulator.store import Row
from emulator.workos import directories, groups, organizations, users
from emulator.workos.domains import DomainState
from emulator.workos.scim.routes import ROOT
from emulator.workos.world import NotFoundError

Json = dict[str, Any]


@dataclass(frozen=True)
class Organization:
    """An organization and its SSO connection."""

    id: str
    name: str
    connection_id: str


@dataclass(frozen=True)
class Directory:
    """A directory; `token` and `scim_path` are for a SCIM client."""

    id: str
    organization_id: str
    name: str
    token: str
    scim_path: str


@dataclass(frozen=True)
class User:
    """A person as they are now. `id` is empty while there is no directory user."""

    id: str
    idp_id: str
    scim_id: str
    directory_id: str
    email: str | None


@dataclass(frozen=True)
class Group:
    """A group of one directory."""

    id: str
    scim_id: str
    directory_id: str
    name: str


class Direct:
    """Everything an administrator of WorkOS and of Okta does, as synchronous calls.

    A user is named by the User, or by the directory user id, the idp_id or the SCIM id; a group
    by the Group, or by the directory group id or the SCIM id. Unknown ones raise NotFoundError, and
    what WorkOS refuses raises RefusedError.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.world = parts.world
        self.records = parts.records

    def create_organization(
        self, name: str, organization_id: str | None = None, domains: tuple[str, ...] = ()
    ) -> Organization:
        """With an Okta SAML connection; `organization.created`."""
        verified = dict.fromkeys(domains, DomainState.VERIFIED)
        with self.world.store.transaction():
            row = organizations.create(
                self.world, name, organization_id=organization_id, domains=verified
            )
            connection = organizations.create_connection(self.world, row["id"], f"{name} Okta")
        return Organization(row["id"], row["name"], connection["id"])

    def update_organization(self, organization_id: str, name: str) -> None:
        organizations.update(self.world, organization_id, name=name)

    def delete_organization(self, organization_id: str) -> None:
        for row in self.world.store.rows(
            "select id from directories where organization_id = ?", organization_id
        ):
            self._forget_company(row["id"])
        organizations.delete(self.world, organization_id)

    def create_directory(
        self, organization_id: str, name: str, directory_id: str | None = None
    ) -> Directory:
        """An Okta directory; `dsync.activated`."""
        row = directories.create(self.world, organization_id, name, directory_id=directory_id)
        connection = organizations.connection_of(self.world, organization_id)
        scim_path = f"{ROOT}/{row['id']}"
        organization = organizations.get(self.world, organization_id)
        self.records.add_company(
            name=organization["name"],
            organization_id=organization_id,
            directory_id=row["id"],
            connection_id="" if connection is None else connection["id"],
            scim_path=scim_path,
            scim_token=row["token"],
        )
        return Directory(row["id"], organization_id, row["name"], row["token"], scim_path)

    def delete_directory(self, directory_id: str) -> None:
        """One `dsync.deleted`."""
        directories.delete(self.world, directory_id)
        self._forget_company(directory_id)

    def create_user(
        self,
        directory_id: str,
        *,
        email: str | None,
        first_name: str | None = None,
        last_name: str | None = None,
        idp_id: str | None = None,
        custom_attributes: Json | None = None,
    ) -> User:
        """`dsync.user.created`, unless somebody without an address is held back."""
        idp_id = idp_id or okta_id("00u")
        custom_attributes = custom_attributes or {}
        document = user_document(idp_id, email, first_name, last_name, custom_attributes)
        extra = unmapped(custom_attributes)
        row = users.save(self.world, directory_id, document, extra=extra)
        self._mirror_user(directory_id, row["id"], document)
        return self.user(row["id"])

    def update_user(
        self,
        user: User | str,
        *,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        custom_attributes: Json | None = None,
        without_email: bool = False,
    ) -> User:
        """Change what is given; `dsync.user.updated`. `without_email` leaves one of no use."""
        row = self._user_row(user)
        document = json.loads(row["document"])
        named = {"givenName": first_name, "familyName": last_name}
        given = {key: value for key, value in named.items() if value is not None}
        document["name"] = (document.get("name") or {}) | given
        if email is not None:
            document |= {"userName": email, "emails": emails(email)}
        if without_email:
            document["emails"] = [{"value": document["userName"], "type": "other"}]
        extra = json.loads(row["extra"])
        if custom_attributes is not None:
            document |= mapped(custom_attributes)
            extra = unmapped(custom_attributes)
        users.save(self.world, row["directory_id"], document, scim_id=row["id"], extra=extra)
        self._mirror_user(row["directory_id"], row["id"], document)
        return self.user(row["id"])

    def deactivate_user(self, user: User | str) -> User:
        """`dsync.user.deleted`, or with retention `dsync.user.updated`."""
        return self._set_active(user, active=False)

    def reactivate_user(self, user: User | str) -> User:
        return self._set_active(user, active=True)

    def delete_user(self, user: User | str) -> None:
        """As a SCIM DELETE: `dsync.user.deleted`."""
        row = self._user_row(user)
        users.delete(self.world, row["directory_id"], row["id"])
        for person in self._people(row["id"]):
            self.records.remove_person(person["id"])

    def create_group(self, directory_id: str, name: str) -> Group:
        row = groups.create(self.world, directory_id, group_document(name))
        if company := self.records.company_of_directory(directory_id):
            self.records.add_group(company["id"], name, scim_id=row["id"])
        return self.group(row["id"])

    def rename_group(self, group: Group | str, name: str) -> Group:
        """`dsync.group.updated`; the idp_id stays the first name."""
        row = self._group_row(group)
        document = json.loads(row["document"]) | {"displayName": name}
        groups.rename(self.world, row["directory_id"], row["id"], document)
        self.records.store.run("update groups set name = ? where scim_id = ?", name, row["id"])
        return self.group(row["id"])

    def delete_group(self, group: Group | str) -> None:
        row = self._group_row(group)
        groups.delete(self.world, row["directory_id"], row["id"])
        for found in self._pushed(row["id"]):
            self.records.remove_group(found["id"])

    def add_member(self, group: Group | str, user: User | str) -> None:
        self._change_member(group, user, member=True)

    def remove_member(self, group: Group | str, user: User | str) -> None:
        self._change_member(group, user, member=False)

    def user(self, user: User | str) -> User:
        """The person as they are now."""
        row = self._user_row(user)
        found = users.directory_user_of(self.world, row["id"])
        person = users.read(json.loads(row["document"]), {})
        return User(
            id="" if found is None else found["id"],
            idp_id=person.idp_id,
            scim_id=row["id"],
            directory_id=row["directory_id"],
            email=person.email,
        )

    def group(self, group: Group | str) -> Group:
        row = self._group_row(group)
        found = groups.directory_group_of(self.world, row["id"])
        return Group(found["id"], row["id"], row["directory_id"], found["name"])

    def _set_active(self, user: User | str, *, active: bool) -> User:
        row = self._user_row(user)
        document = json.loads(row["document"]) | {"active": active}
        users.save(self.world, row["directory_id"], document, scim_id=row["id"])
        for person in self._people(row["id"]):
            status = Status.ACTIVE if active else Status.DEACTIVATED
            self.records.set_status(person["id"], status)
        return self.user(row["id"])

    def _change_member(self, group: Group | str, user: User | str, *, member: bool) -> None:
        group_row, user_row = self._group_row(group), self._user_row(user)
        groups.change_members(
            self.world,
            group_row["directory_id"],
            group_row["id"],
            add={user_row["id"]: None} if member else {},
            remove=() if member else (user_row["id"],),
        )
        for pushed in self._pushed(group_row["id"]):
            for person in self._people(user_row["id"]):
                change = self.records.add_member if member else self.records.remove_member
                change(pushed["id"], person["id"])

    def _user_row(self, user: User | str) -> Row:
        wanted = user.scim_id if isinstance(user, User) else user
        row = self.world.store.row(
            "select * from scim_users where id = ?1"
            " union all select * from scim_users where last_directory_user_id = ?1"
            " union all select * from scim_users where external_id = ?1",
            wanted,
        )
        if row is None:
            raise NotFoundError("User", wanted)
        return row

    def _group_row(self, group: Group | str) -> Row:
        wanted = group.scim_id if isinstance(group, Group) else group
        row = self.world.store.row(
            "select * from scim_groups where id = ?1 union all select s.* from scim_groups s"
            " join directory_groups d on d.scim_id = s.id where d.id = ?1",
            wanted,
        )
        if row is None:
            raise NotFoundError("Group", wanted)
        return row

    def _people(self, scim_id: str) -> list[Row]:
        return self.records.store.rows("select * from people where scim_id = ?", scim_id)

    def _pushed(self, scim_id: str) -> list[Row]:
        return self.records.store.rows("select * from groups where scim_id = ?", scim_id)

    def _mirror_user(self, directory_id: str, scim_id: str, document: Json) -> None:
        """Let Okta know the person it would have sent, so that they can sign in."""
        company = self.records.company_of_directory(directory_id)
        if company is None:
            return
        attributes = json.loads(users.read(document, {}).custom_attributes)
        profile = Profile(
            document["name"].get("givenName") or "",
            document["name"].get("familyName") or "",
            document["userName"],
            attributes.get("department"),
            attributes.get("job_title"),
        )
        known = self._people(scim_id)
        if known:
            self.records.change_person(known[0]["id"], profile)
        else:
            self.records.add_person(
                company["id"], profile, person_id=document["externalId"], scim_id=scim_id
            )

    def _forget_company(self, directory_id: str) -> None:
        if company := self.records.company_of_directory(directory_id):
            self.records.remove_company(company["id"])
