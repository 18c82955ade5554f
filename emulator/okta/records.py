"""What Okta knows of its companies, before anything is sent anywhere."""

from dataclasses import dataclass
from enum import StrEnum

from emulator.clock import Clock
from emulator.ids import okta_id
from emulator.store import Row, Store


class Status(StrEnum):
    """A person's state in Okta. Suspending sends nothing to any application."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DEACTIVATED = "DEACTIVATED"


class OktaRefusedError(Exception):
    """What was asked for cannot be; the sentence is for the person who asked."""


@dataclass(frozen=True)
class Profile:
    """What a person's form holds."""

    first_name: str
    last_name: str
    email: str
    department: str | None = None
    job_title: str | None = None


@dataclass
class Records:
    """The companies, people and groups in the store."""

    store: Store
    clock: Clock

    def companies(self) -> list[Row]:
        return self.store.rows("select * from companies order by name, id")

    def company(self, company_id: str) -> Row:
        return self._found("select * from companies where id = ?", company_id, "company")

    def company_of_connection(self, connection_id: str) -> Row:
        statement = "select * from companies where connection_id = ?"
        return self._found(statement, connection_id, "company")

    def company_of_directory(self, directory_id: str) -> Row | None:
        return self.store.row("select * from companies where directory_id = ?", directory_id)

    def person(self, person_id: str) -> Row:
        return self._found("select * from people where id = ?", person_id, "person")

    def group(self, group_id: str) -> Row:
        return self._found("select * from groups where id = ?", group_id, "group")

    def add_company(
        self,
        *,
        name: str,
        organization_id: str,
        directory_id: str,
        connection_id: str,
        scim_path: str,
        scim_token: str,
    ) -> Row:
        company_id = okta_id("00o")
        self.store.run(
            "insert into companies (id, name, organization_id, directory_id, connection_id,"
            " scim_path, scim_token) values (?, ?, ?, ?, ?, ?, ?)",
            company_id,
            name,
            organization_id,
            directory_id,
            connection_id,
            scim_path,
            scim_token,
        )
        return self.company(company_id)

    def remove_company(self, company_id: str) -> None:
        with self.store.transaction():
            for statement in (
                "delete from members where group_id in (select id from groups where company_id=?)",
                "delete from groups where company_id = ?",
                "delete from revocations where company_id = ?",
                "delete from signing_keys where company_id = ?",
                "delete from people where company_id = ?",
                "delete from companies where id = ?",
            ):
                self.store.run(statement, company_id)

    def add_person(
        self,
        company_id: str,
        profile: Profile,
        *,
        person_id: str | None = None,
        scim_id: str | None = None,
        assigned: bool = True,
    ) -> Row:
        """Raises OktaRefusedError when the address is taken."""
        self._check_address(company_id, profile.email, "")
        person_id = person_id or okta_id("00u")
        self.store.run(
            "insert into people (id, company_id, first_name, last_name, email, email_key,"
            " department, job_title, assigned, scim_id, created_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            person_id,
            company_id,
            profile.first_name,
            profile.last_name,
            profile.email,
            profile.email.casefold(),
            profile.department,
            profile.job_title,
            assigned,
            scim_id,
            self.clock.now_ms(),
        )
        return self.person(person_id)

    def change_person(self, person_id: str, profile: Profile) -> Row:
        """Raises OktaRefusedError when the address is taken."""
        person = self.person(person_id)
        self._check_address(person["company_id"], profile.email, person_id)
        self.store.run(
            "update people set first_name = ?, last_name = ?, email = ?, email_key = ?,"
            " department = ?, job_title = ? where id = ?",
            profile.first_name,
            profile.last_name,
            profile.email,
            profile.email.casefold(),
            profile.department,
            profile.job_title,
            person_id,
        )
        return self.person(person_id)

    def set_status(self, person_id: str, status: Status) -> None:
        self.store.run("update people set status = ? where id = ?", status, person_id)

    def set_assigned(self, person_id: str, assigned: bool) -> None:
        self.store.run("update people set assigned = ? where id = ?", assigned, person_id)

    def link_person(self, person_id: str, scim_id: str | None, problem: str = "") -> None:
        self.store.run(
            "update people set scim_id = ?, problem = ? where id = ?", scim_id, problem, person_id
        )

    def remove_person(self, person_id: str) -> None:
        with self.store.transaction():
            self.store.run("delete from members where person_id = ?", person_id)
            self.store.run("delete from revocations where person_id = ?", person_id)
            self.store.run("delete from people where id = ?", person_id)

    def add_group(self, company_id: str, name: str, *, scim_id: str | None = None) -> Row:
        """Raises OktaRefusedError when the name is empty or taken."""
        self._check_name(company_id, name, "")
        group_id = okta_id("00g")
        self.store.run(
            "insert into groups (id, company_id, name, scim_id, created_at) values (?, ?, ?, ?, ?)",
            group_id,
            company_id,
            name,
            scim_id,
            self.clock.now_ms(),
        )
        return self.group(group_id)

    def rename_group(self, group_id: str, name: str) -> None:
        """Raises OktaRefusedError when the name is empty or taken."""
        self._check_name(self.group(group_id)["company_id"], name, group_id)
        self.store.run("update groups set name = ? where id = ?", name, group_id)

    def link_group(self, group_id: str, scim_id: str | None, problem: str = "") -> None:
        self.store.run(
            "update groups set scim_id = ?, problem = ? where id = ?", scim_id, problem, group_id
        )

    def remove_group(self, group_id: str) -> None:
        with self.store.transaction():
            self.store.run("delete from members where group_id = ?", group_id)
            self.store.run("delete from groups where id = ?", group_id)

    def add_member(self, group_id: str, person_id: str) -> None:
        self.store.run("insert or ignore into members values (?, ?)", group_id, person_id)

    def remove_member(self, group_id: str, person_id: str) -> None:
        self.store.run(
            "delete from members where group_id = ? and person_id = ?", group_id, person_id
        )

    def _check_address(self, company_id: str, email: str, own_id: str) -> None:
        if self.store.exists(
            "select 1 from people where company_id = ? and email_key = ? and id != ?",
            company_id,
            email.casefold(),
            own_id,
        ):
            raise OktaRefusedError(f"Somebody has the e-mail address {email} already.")

    def _check_name(self, company_id: str, name: str, own_id: str) -> None:
        if not name.strip():
            raise OktaRefusedError("A group needs a name.")
        if self.store.exists(
            "select 1 from groups where company_id = ? and name = ? and id != ?",
            company_id,
            name,
            own_id,
        ):
            raise OktaRefusedError(f"There is a group {name} already.")

    def _found(self, statement: str, object_id: str, kind: str) -> Row:
        row = self.store.row(statement, object_id)
        if row is None:
            raise OktaRefusedError(f"There is no such {kind}.")
        return row
