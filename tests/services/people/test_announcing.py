"""Break-glass is announced to the admins by mail, sent by the worker to a real SMTP server."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from backend.cli import break_glass
from backend.database import Database
from tests.directory_api import ask
from tests.events_api import one
from tests.mail_server import mail_server
from tests.services.invitations.test_mailing import Post, posting
from tests.stack import Stack


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried again at once."""
    monkeypatch.setattr("backend.jobs._MAIL_PAUSE", timedelta(0))
    monkeypatch.setattr("backend.jobs._LONGEST_SLEEP", timedelta(seconds=0.2))


@pytest.fixture
async def post(own_database_url: str) -> AsyncIterator[Post]:
    own = Database(own_database_url, pool_size=2)
    async with (
        mail_server() as server,
        posting(own, server, f"smtp://127.0.0.1:{server.port}") as post,
    ):
        yield post
    await own.close()


async def let_in(stack: Stack, adam: httpx.AsyncClient) -> str:
    """Nora, whom Adam has named; her name."""
    nora = await stack.me(await stack.sign_in_as(None, "Nora"))
    named = await adam.put("/organization/break-glass", json={"user_id": nora["id"]})
    assert named.status_code == 204
    await break_glass.let_in(
        stack.app.state.settings,
        stack.database,
        stack.organization.id,
        why="Okta is down.",
        hours=2,
    )
    name: str = nora["name"]
    return name


async def test_each_admin_is_told_and_nobody_else(
    post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    adam, eve = await post.adam(), await post.stack.sign_in_as("Admins", "Eve")
    await post.stack.sign_in_as("Authors", "Ann")
    program = {"name": "Reports", "role": "admin", "reason": "a test"}
    assert (await adam.post("/service-accounts", json=program)).status_code == 201
    nora = await let_in(post.stack, adam)
    assert "told by mail" in capsys.readouterr().out
    await post.working()
    admins = [(await post.stack.me(browser))["email"] for browser in (adam, eve)]
    assert sorted(mail["To"] for mail in post.server.mails) == sorted(admins)
    mail = post.server.mails[0]
    subject = mail["Subject"].strip()  # a long one may begin on a line of its own
    assert subject == f"{nora} was let into Rollcall at Acme as an admin, in an emergency"
    for part in mail.iter_parts():
        content = " ".join(part.get_content().split())
        assert "Okta is down." in content
        assert nora in content
        assert "UTC, until 2" in content
        assert "http://localhost:3000/dashboard/audit" in content
    assert post.server.mails[0]["Message-ID"] != post.server.mails[1]["Message-ID"]
    assert (await ask(adam, "/audit", action="break_glass.mail_failed"))["items"] == []


async def test_what_is_not_sent_in_the_end_is_in_the_audit_log(post: Post) -> None:
    adam, eve = await post.adam(), await post.stack.sign_in_as("Admins", "Eve")
    me = await post.stack.me(eve)
    post.server.unknown.add(me["email"])
    await let_in(post.stack, adam)
    await post.working()
    assert len(post.server.mails) == 1
    (entry,) = (await ask(adam, "/audit", action="break_glass.mail_failed"))["items"]
    assert entry["subject"]["user_id"] == me["id"]
    assert entry["sentence"] == (
        f"The mail that was to tell {me['name']} of an emergency was not sent: refused."
    )


async def test_one_that_is_refused_for_now_is_sent_later(post: Post) -> None:
    adam = await post.adam()
    tries = []

    async def refuse_at_first() -> None:
        tries.append(1)
        post.server.recipient = "451 4.7.1 Later" if len(tries) < 3 else ""

    post.server.before = refuse_at_first
    await let_in(post.stack, adam)
    await post.working()
    assert (len(tries), len(post.server.mails)) == (3, 1)


async def test_without_a_mail_server_none_is_asked_for(
    own_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    adam = await own_stack.sign_in_as("Admins", "Adam")
    await let_in(own_stack, adam)
    assert "told by mail" not in capsys.readouterr().out
    assert await one(own_stack, "SELECT count(*) FROM pgqueuer") == {"count": 0}
