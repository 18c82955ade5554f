"""One request in, one answer out, for the directory whose token it carries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    ETag,
    Filter,
    Patch,
    Resource,
    ResponseParameters,
    SCIMException,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    UnauthorizedException,
)
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import SCIM_MEDIA_TYPE, ScimResponse
from scim2_server.routing import Operation
from scim2_server.service import ScimService
from scim2_server.utils import load_default_resource_types, load_default_schemas

from emulator.workos import directories, groups, tokens
from emulator.workos.scim import dialect, documents, memberships, requirements
from emulator.workos.scim.storage import DirectoryStorage, scim_errors
from emulator.workos.world import NotFoundError, World

Json = dict[str, Any]
LARGEST_PAGE = 200
HEADERS = {"Content-Type": f"{SCIM_MEDIA_TYPE}; charset=utf-8", "Cache-Control": "no-cache"}
CONFIG = ServiceProviderConfig(
    documentation_uri=None,
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=LARGEST_PAGE),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="The token of the directory, shown on the settings page",
        )
    ],
)


@dataclass(frozen=True)
class Answer:
    """What goes over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Service(ScimService):
    """scim2-server, answering PATCH with the resource as every other write is answered."""

    def patch_response(
        self,
        base_url: str,
        resource: Resource[Any],
        response_parameters: ResponseParameters[Any],
    ) -> ScimResponse:
        return self.resource_response(
            self.publish(base_url, resource),
            Context.RESOURCE_REPLACEMENT_RESPONSE,
            response_parameters,
        )


class ScimServer:
    """The SCIM endpoints of every directory of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        provider = ScimProvider.from_discovery(
            load_default_schemas().values(), load_default_resource_types().values(), config=CONFIG
        )
        self.service = Service(provider)

    def serve(
        self,
        *,
        method: str,
        base_url: str,
        directory_id: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        """`base_url` is the root of this directory's endpoints, as the client sees it."""
        request = ScimRequest(
            method=method,
            base_url=base_url,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=body,
        )
        try:
            self._authenticate(request, directory_id)
            answer = self._membership_change(request, directory_id)
            if answer is not None:
                return answer
            self._standardise(request, directory_id)
            response = self._handler(directory_id).handle(request)
        except SCIMException as exception:
            response = self.service.error_response(exception)
        body = b"" if response.body is None else json.dumps(response.body).encode()
        return Answer(int(response.status), response.headers | HEADERS, body)

    def _handler(self, directory_id: str) -> ScimHandler:
        provider = self.service.provider
        return ScimHandler(self.service, DirectoryStorage(self.world, directory_id, provider))

    def _authenticate(self, request: ScimRequest, directory_id: str) -> None:
        target = self.service.match(request)
        if target.operation is Operation.service_provider_config:
            return
        try:
            directories.get(self.world, directory_id)
        except NotFoundError as missing:
            raise UnauthorizedException(detail="Unknown directory.") from missing
        scheme, _, given = (request.header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not tokens.opens(self.world, directory_id, given):
            raise UnauthorizedException(detail="The bearer token is not this directory's.")

    def _standardise(self, request: ScimRequest, directory_id: str) -> None:
        """Make the body what the RFC has, whoever sent it, or refuse what WorkOS refuses.

        A PATCH of nothing that is known is answered as a GET. A body that cannot be read so is left
        for the server to refuse.
        """
        target = self.service.match(request)
        kind = self.service.get_resource_type_by_endpoint(target.endpoint or "")
        if kind is None or request.method not in {"POST", "PUT", "PATCH"}:
            return
        model = self.service.get_model(kind)
        try:
            with scim_errors():
                body = json.loads(request.body)
                if target.operation is Operation.patch:
                    body = self._patch(model, body, target.resource_id, directory_id)
                    request.method = request.method if body["Operations"] else "GET"
                elif target.operation in {Operation.create, Operation.replace}:
                    body = requirements.readable(model, body)
                    if kind.name == "User":
                        requirements.check_user(self.world, request.method, body)
                    else:
                        requirements.check_group(body)
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        request.body = json.dumps(body).encode()

    def _patch(
        self, model: requirements.Model, patch: Json, resource_id: str | None, directory_id: str
    ) -> Json:
        operations = requirements.readable_patch(model, patch["Operations"])
        patch = patch | {"Operations": operations}
        requirements.check_group_patch(patch)
        user = self.world.store.text(
            "select document from scim_users where id = ? and directory_id = ?",
            resource_id,
            directory_id,
        )
        return dialect.standard_patch(patch, json.loads(user or "{}"))

    def _membership_change(self, request: ScimRequest, directory_id: str) -> Answer | None:
        """The answer to a membership PATCH in one of the common forms; None for anything else."""
        target = self.service.match(request)
        conditional = request.header("If-Match") or request.header("If-None-Match")
        if (
            target.operation is not Operation.patch
            or target.endpoint != "Groups"
            or target.resource_id is None
            or request.query
            or conditional
        ):
            return None
        self.service.ensure_json(request.header("Content-Type"))
        group_id = target.resource_id
        change = memberships.read(request.body, group_id)
        if change is None:
            return None
        with scim_errors(), self.world.store.transaction():
            row = groups.get(self.world, directory_id, group_id)
            if change.name is not None:
                document = json.loads(row["document"]) | {"displayName": change.name}
                groups.rename(self.world, directory_id, group_id, document)
            groups.change_members(
                self.world,
                directory_id,
                group_id,
                add=change.add,
                remove=change.remove,
            )
            row = groups.get(self.world, directory_id, group_id)
        root = f"{request.base_url}/"
        headers = {
            "Content-Location": f"{root}Groups/{group_id}",
            "ETag": documents.version(row),
        }
        return Answer(
            int(HTTPStatus.OK), HEADERS | headers, documents.published_group(self.world, row, root)
        )
