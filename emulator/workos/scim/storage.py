"""Where scim2-server reads and writes: one directory of the world."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from scim2_models import (
    InvalidSyntaxException,
    InvalidValueException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimFilter,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import ScimStorage, SearchPage
from scim2_server.utils import parametrize

from emulator.store import Row
from emulator.workos import groups, users
from emulator.workos.scim import documents
from emulator.workos.scim.narrowing import narrow
from emulator.workos.world import NotFoundError, RefusedError, World

# Nobody who is held back is there for a client.
USERS = (
    "select * from scim_users where directory_id = ? and id not in (select scim_id from held_users)"
)
GROUPS = "select * from scim_groups where directory_id = ?"
ALL = {"User": USERS, "Group": GROUPS}
COUNTS = {name: select.replace("*", "count(*)", 1) for name, select in ALL.items()}
EVERYTHING = -1


@contextmanager
def scim_errors() -> Iterator[None]:
    """What the world refuses, as scim2-server's own exceptions."""
    try:
        yield
    except RefusedError as refused:
        match refused.status:
            case 404:
                raise NotFoundException(detail=refused.detail) from refused
            case 409:
                raise UniquenessException(detail=refused.detail) from refused
            case _ if refused.scim_type == "invalidSyntax":
                raise InvalidSyntaxException(detail=refused.detail) from refused
            case _:
                raise InvalidValueException(detail=refused.detail) from refused


class DirectoryStorage(ScimStorage):
    """The people and groups of one directory."""

    def __init__(self, world: World, directory_id: str, provider: ScimProvider) -> None:
        self.world = world
        self.directory_id = directory_id
        self.provider = provider

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        with_members = response_parameters is None or not _leaves_out_members(response_parameters)
        return self._resource(resource_type, self._row(resource_type, resource_id), with_members)

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: object = None,
    ) -> SearchPage:
        with_members = not _leaves_out_members(search_request)
        plain = search_request.filter is None and search_request.sort_by is None
        if plain and len(resource_types) == 1:
            return self._page(resource_types[0], search_request, with_members)
        found = InMemoryStorage()
        found.resources = [
            resource
            for resource_type in resource_types
            for resource in self._matching(resource_type, search_request, with_members)
        ]
        all_of_them = search_request.model_copy(update={"filter": None})
        return found.search(resource_types, all_of_them, position=position)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        document = resource.model_dump()
        with scim_errors():
            if resource_type.name == "User":
                row = users.receive(self.world, self.directory_id, document)
            else:
                row = groups.create(self.world, self.directory_id, document, _members(document))
        return self._resource(resource_type, row)

    def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        scim_id = cast("str", resource.id)
        document = resource.model_dump()
        self._expect(resource_type, scim_id, expected_version)
        with scim_errors(), self.world.store.transaction():
            if resource_type.name == "User":
                users.replace(self.world, self.directory_id, document, scim_id)
            else:
                groups.rename(self.world, self.directory_id, scim_id, document)
                groups.set_members(self.world, self.directory_id, scim_id, _members(document))
        return self._resource(resource_type, self._row(resource_type, scim_id))

    def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        self._expect(resource_type, resource_id, expected_version)
        with scim_errors():
            if resource_type.name == "User":
                users.delete(self.world, self.directory_id, resource_id)
            else:
                groups.delete(self.world, self.directory_id, resource_id)

    def _row(self, resource_type: ResourceType, resource_id: str) -> Row:
        with scim_errors():
            if resource_type.name == "User":
                if users.is_held(self.world, resource_id):
                    raise NotFoundError("User", resource_id)
                return users.get(self.world, self.directory_id, resource_id)
            return groups.get(self.world, self.directory_id, resource_id)

    def _expect(self, resource_type: ResourceType, scim_id: str, version: str | None) -> None:
        row = self._row(resource_type, scim_id)
        if version is not None and documents.version(row) != version:
            raise PreconditionFailedException

    def _resource(
        self, resource_type: ResourceType, row: Row, with_members: bool = True
    ) -> Resource[Any]:
        if resource_type.name == "User":
            document = documents.user(self.world, row)
        else:
            document = documents.group(self.world, row, with_members=with_members)
        model = cast("type[Resource[Any]]", self.provider.model_for(resource_type))
        return model.model_validate(document)

    def _page(
        self, resource_type: ResourceType, search: SearchRequest[Any], with_members: bool
    ) -> SearchPage:
        name = resource_type.name or ""
        rows = self.world.store.rows(
            f"{ALL[name]} order by id limit ? offset ?",
            self.directory_id,
            EVERYTHING if search.count is None else search.count,
            search.start_index_0 or 0,
        )
        return SearchPage(
            self.world.store.number(COUNTS[name], self.directory_id),
            [self._resource(resource_type, row, with_members) for row in rows],
        )

    def _matching(
        self, resource_type: ResourceType, search: SearchRequest[Any], with_members: bool
    ) -> Iterator[Resource[Any]]:
        asked = search.filter
        model = cast("type[Resource[Any]]", self.provider.model_for(resource_type))
        if asked is not None and not asked.models:
            asked = parametrize(ScimFilter, model)(str(asked))
        for row in self._candidates(resource_type, search):
            resource = self._resource(resource_type, row, with_members or asked is not None)
            if asked is None or asked.match(resource):
                yield resource
            # Thousands of these follow one another, and the event loop waits for the lock, too.
            time.sleep(0)

    def _candidates(self, resource_type: ResourceType, search: SearchRequest[Any]) -> list[Row]:
        name = resource_type.name or ""
        condition = None if search.filter is None else narrow(name, search.filter.ast)
        if condition is None:
            return self.world.store.rows(ALL[name], self.directory_id)
        return self.world.store.rows(
            f"{ALL[name]} and {condition.sql}", self.directory_id, *condition.values
        )


def _members(document: dict[str, Any]) -> groups.Members:
    listed = document.get("members") or []
    return {each["value"]: each.get("display") for each in listed if each.get("value")}


def _leaves_out_members(parameters: ResponseParameters[Any]) -> bool:
    excluded = {str(path).casefold() for path in parameters.excluded_attributes or []}
    wanted = {str(path).casefold() for path in parameters.attributes or []}
    return "members" in excluded or (
        bool(wanted) and not any(path.startswith("members") for path in wanted)
    )
