"""WorkOS away, slow, limiting, wrong or talking nonsense: a sign-in ends with a reason."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest
import workos._base_client
from sqlalchemy import text

from backend.errors import WorkosUnavailable
from backend.services.mirror.snapshots import read_person
from backend.workos.client import WorkosClient
from emulator.testing import User
from tests.stack import Stack


class Faulty(httpx2.AsyncBaseTransport):
    """The emulator, but for the paths that begin with `path`."""

    def __init__(self, stack: Stack, path: str, answer: httpx2.Response | Exception) -> None:
        self.path = path
        self.answer = answer
        self.asked = 0
        self.emulator = httpx2.ASGITransport(app=stack.emulator.app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.startswith(self.path):
            return await self.emulator.handle_async_request(request)
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return httpx2.Response(
            self.answer.status_code, headers=self.answer.headers, content=self.answer.content
        )


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workos._base_client, "INITIAL_RETRY_DELAY", 0)
    monkeypatch.setattr(workos._base_client, "MAX_RETRY_AFTER", 0.01)


@pytest.fixture
async def ann(stack: Stack) -> AsyncIterator[User]:
    """Somebody of whom no event has come yet, so that WorkOS must be asked."""
    person = stack.person("Ann")
    stack.group("Authors", person)
    stack.skip()
    stack.clock.advance(15)
    usual = stack.app.state.workos
    yield person
    stack.app.state.workos = usual


async def sign_in(stack: Stack, ann: User, path: str, answer: httpx2.Response | Exception) -> str:
    transport = Faulty(stack, path, answer)
    client = WorkosClient(stack.app.state.settings, transport=transport)
    stack.app.state.workos = client
    browser, location = await stack.try_sign_in(ann)
    await client.close()
    assert transport.asked > 0
    if location != "/dashboard":
        assert (await browser.get("/me")).status_code == 401
    return location


async def sessions_and_users(stack: Stack) -> int:
    async with stack.database.connect() as session:
        query = """SELECT (SELECT count(*) FROM sessions WHERE organization_id = :id)
            + (SELECT count(*) FROM sso_identities WHERE organization_id = :id)
            + (SELECT count(*) FROM users WHERE organization_id = :id AND joined_at IS NOT NULL)"""
        found = await session.scalar(text(query), {"id": stack.organization.id})
    return int(found or 0)


ASKED = ["/sso/token", "/organizations/", "/directories", "/directory_users", "/directory_groups"]


def answer(status: int, body: object = None, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.Response(
        status, content=content, headers={"Content-Type": "application/json", **headers}
    )


FAULTS: dict[str, httpx2.Response | Exception] = {
    "refused": httpx2.ConnectError("refused"),
    "timeout": httpx2.ReadTimeout("too slow"),
    "cut off": httpx2.RemoteProtocolError("cut off"),
    "401": answer(401, {"message": "Unauthorized"}),
    "403": answer(403, {"message": "Forbidden"}),
    "422": answer(422, {"message": "Unprocessable"}),
    "429": answer(429, {"message": "Too many"}, **{"Retry-After": "1"}),
    "500": answer(500, b"<html>oops</html>"),
    "503": answer(503, b""),
    "redirect": answer(302, b"", Location="https://evil.example/"),
    "html": answer(200, b"<html>"),
    "nothing": answer(200, b""),
    "null": answer(200, None),
    "list": answer(200, []),
    "text": answer(200, "text"),
    "empty object": answer(200, {}),
    "null data": answer(200, {"data": None, "profile": None}),
    "nulls": answer(200, {"data": [None], "profile": [], "id": None}),
    "half": answer(200, {"data": [{"id": "x"}], "profile": {"id": "x"}, "id": "x"}),
    "bad date": answer(200, {"data": [{}]}, Date="yesterday"),
}


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_usable_answer(stack: Stack, ann: User, path: str, fault: str) -> None:
    location = await sign_in(stack, ann, path, FAULTS[fault])
    assert location == "/?error=directory_unavailable"
    assert await sessions_and_users(stack) == 0
    # Nothing stays in the way of the next attempt.
    client = WorkosClient(
        stack.app.state.settings, transport=httpx2.ASGITransport(app=stack.emulator.app)
    )
    stack.app.state.workos = client
    await stack.sign_in(ann)
    await client.close()


@pytest.mark.parametrize("path", ASKED[1:])
async def test_bad_request(stack: Stack, ann: User, path: str) -> None:
    location = await sign_in(stack, ann, path, answer(400, {"message": "Bad request"}))
    assert location == "/?error=directory_unavailable"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/sso/token", "directory_unavailable"),
        ("/organizations/", "organization_unknown"),
        ("/directory_users", "not_in_directory"),
    ],
)
async def test_not_found(stack: Stack, ann: User, path: str, error: str) -> None:
    not_found = answer(404, {"message": "Not found"}, Date="Tue, 24 Nov 2026 09:00:00 GMT")
    location = await sign_in(stack, ann, path, not_found)
    assert location == f"/?error={error}"
    assert await sessions_and_users(stack) == 0


async def test_a_code_that_is_not_accepted(stack: Stack, ann: User) -> None:
    body = {"error": "invalid_grant", "error_description": "The code has expired."}
    assert await sign_in(stack, ann, "/sso/token", answer(400, body)) == "/?error=code_rejected"


async def test_a_code_is_never_sent_twice(stack: Stack, ann: User) -> None:
    transport = Faulty(stack, "/sso/token", answer(503, b""))
    client = WorkosClient(stack.app.state.settings, transport=transport)
    stack.app.state.workos = client
    await stack.try_sign_in(ann)
    await client.close()
    assert transport.asked == 1


BROKEN_OFF: dict[str, httpx2.Response] = {
    "a page that names itself as the next": answer(
        200, {"data": [], "list_metadata": {"after": "directory_group_1"}}
    ),
    "no word of what follows": answer(200, {"data": []}),
    "null for what follows": answer(200, {"data": [], "list_metadata": None}),
    "a number for what follows": answer(200, {"data": [], "list_metadata": {"after": 3}}),
    "404 for somebody who exists": answer(404, {"message": "Not found"}),
}


@pytest.mark.parametrize("case", BROKEN_OFF)
async def test_a_list_that_breaks_off_takes_no_role(stack: Stack, case: str) -> None:
    person = stack.person("Bob")
    stack.group("Authors", person)
    await stack.deliver()
    browser = await stack.sign_in(person)
    stack.clock.advance(60)
    transport = Faulty(stack, "/directory_groups", BROKEN_OFF[case])
    client = WorkosClient(stack.app.state.settings, transport=transport)
    with pytest.raises(WorkosUnavailable):
        await read_person(stack.database, client, person.id)
    await client.close()
    assert await stack.roles(browser) == ["member", "author"]


async def test_pages_in_a_cycle_end(stack: Stack) -> None:
    class Cycle(Faulty):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            assert self.asked < 10
            following = "directory_2" if request.url.params.get("after") != "directory_2" else "d"
            self.answer = answer(200, {"data": [], "list_metadata": {"after": following}})
            return await super().handle_async_request(request)

    client = WorkosClient(
        stack.app.state.settings, transport=Cycle(stack, "/directories", answer(200))
    )
    with pytest.raises(WorkosUnavailable):
        await client.directories(stack.organization.id)
    await client.close()


async def test_directories_that_cannot_be_found_let_nobody_in(stack: Stack, ann: User) -> None:
    """As in an organization without a directory, where whoever signs in is a member."""
    not_found = answer(404, {"message": "Not found"}, Date="Tue, 24 Nov 2026 09:00:00 GMT")
    location = await sign_in(stack, ann, "/directories", not_found)
    assert location == "/?error=directory_unavailable"
    assert await sessions_and_users(stack) == 0


async def test_all_pages_are_read(stack: Stack) -> None:
    for number in range(103):
        stack.emulator.create_directory(stack.organization.id, f"Directory {number}")
    client: WorkosClient = stack.app.state.workos
    assert len(await client.directories(stack.organization.id)) == 104


async def test_someone_known_enters_while_workos_cannot_list(stack: Stack) -> None:
    """Only the code must be exchanged: the mirror knows the rest."""
    person = stack.person("Bob")
    await stack.deliver()
    location = await sign_in(stack, person, "/sso/token", httpx2.ConnectError("refused"))
    assert location == "/?error=directory_unavailable"
    transport = Faulty(stack, "/director", httpx2.ConnectError("refused"))
    usual = stack.app.state.workos
    client = WorkosClient(stack.app.state.settings, transport=transport)
    stack.app.state.workos = client
    await stack.sign_in(person)
    await client.close()
    stack.app.state.workos = usual
    assert transport.asked == 0


async def test_someone_who_returned_enters_and_their_groups_follow(stack: Stack) -> None:
    """The mirror knows them as active; the snapshot of them is due until it is done."""
    person = stack.person("Bob")
    stack.group("Authors", person)
    stack.emulator.deactivate_user(person)
    person = stack.emulator.reactivate_user(person)
    await stack.deliver()
    stack.clock.advance(15)
    usual = stack.app.state.workos
    transport = Faulty(stack, "/directory_users", httpx2.ConnectError("refused"))
    client = WorkosClient(stack.app.state.settings, transport=transport)
    stack.app.state.workos = client
    browser = await stack.sign_in(person)
    assert transport.asked > 0
    assert await stack.roles(browser) == ["member"]
    await client.close()
    stack.app.state.workos = usual
    await stack.sign_in(person)
    assert await stack.roles(browser) == ["member", "author"]
