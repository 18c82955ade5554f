"""The scenario language: companies, and a timeline of changes."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DEFAULT = Path(__file__).parent.parent / "scenarios" / "acme.toml"
Text = Annotated[str, Field(min_length=1, max_length=200)]
PERSON_STEPS = frozenset(
    {"change_person", "deactivate", "reactivate", "suspend", "unsuspend", "delete_person"}
)


class ScenarioError(Exception):
    """The file cannot be used; the sentence says where and why."""


class Strict(BaseModel):
    """No unknown keys: a misspelt one is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(Strict):
    """Somebody in the company's Okta. `status` is Okta's; `assigned` is to the application."""

    first_name: Text
    last_name: Text
    email: Text
    department: Text | None = None
    job_title: Text | None = None
    groups: list[Text] = []
    status: Literal["active", "suspended", "deactivated"] = "active"
    assigned: bool = True


class Company(Strict):
    """An organization in WorkOS with one Okta directory and one SAML connection.

    Without `connected` there is no directory yet: people are in Okta, and nobody is assigned.
    """

    name: Text
    organization_id: Text | None = None
    directory_id: Text | None = None
    directory: Text = "Okta"
    connected: bool = True
    domains: list[Text] = []
    groups: list[Text] = []
    people: list[Person] = []

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _refuse_repeated("two people have the e-mail address", (p.email for p in self.people))
        if not self.connected and any((self.groups, *(p.groups for p in self.people))):
            raise ValueError("a company that is not connected has no groups yet")
        return self


class Step(Strict):
    """One change, `after` so many seconds since the step before."""

    after: Annotated[float, Field(ge=0, le=86_400)] = 0
    do: Literal[
        "create_person",
        "change_person",
        "deactivate",
        "reactivate",
        "suspend",
        "unsuspend",
        "delete_person",
        "create_group",
        "rename_group",
        "delete_group",
        "add_member",
        "remove_member",
    ]
    company: Text | None = None
    person: Text | None = None
    """An e-mail address."""
    group: Text | None = None
    name: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    email: Text | None = None
    department: Text | None = None
    job_title: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "create_person": ("first_name", "last_name", "email"),
            "create_group": ("name",),
            "rename_group": ("group", "name"),
            "delete_group": ("group",),
            "add_member": ("person", "group"),
            "remove_member": ("person", "group"),
        } | dict.fromkeys(PERSON_STEPS, ("person",))
        missing = [name for name in needed[self.do] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{self.do} needs {' and '.join(missing)}")
        return self


class Scenario(Strict):
    """A whole file."""

    companies: Annotated[list[Company], Field(min_length=1)]
    timeline: list[Step] = []

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for field in ("name", "organization_id", "directory_id"):
            given = (getattr(company, field) for company in self.companies)
            _refuse_repeated(f"two companies have the {field}", given)
        return self


def _refuse_repeated(told: str, values: Iterable[str | None]) -> None:
    seen: set[str] = set()
    for value in values:
        if value is not None and value.casefold() in seen:
            raise ValueError(f"{told} {value}")
        seen.add((value or "").casefold())


def load(path: Path) -> Scenario:
    """Raises ScenarioError, which names the place: lists are counted from 1, as steps are later."""
    try:
        return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(at + 1 if isinstance(at, int) else at) for at in first["loc"])
        told = first["msg"].removeprefix("Value error, ")
        raise ScenarioError(f"{path}: {where}: {told}" if where else f"{path}: {told}") from error
    except ValueError as error:
        raise ScenarioError(f"{path}: {error}") from error
