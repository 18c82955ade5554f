"""The mail of an invitation, asked for through HTTP, sent by the worker to a real SMTP server."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from pydantic import SecretStr
from sqlalchemy import text

from backend.database import Database
from emulator.testing import User
from tests.directory_api import ask, user_id_of
from tests.events_api import one
from tests.mail_server import MailServer, knows, mail_server
from tests.stack import ORIGIN, Stack, running_stack
from tests.working import execute, until, working


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried again at once."""
    monkeypatch.setattr("backend.jobs._MAIL_PAUSE", timedelta(0))
    monkeypatch.setattr("backend.jobs._LONGEST_SLEEP", timedelta(seconds=0.2))


@pytest.fixture
async def own(own_database_url: str) -> AsyncIterator[Database]:
    own = Database(own_database_url, pool_size=2)
    yield own
    await own.close()


class Post:
    """A stack that sends its mail to a server of the test's own."""

    def __init__(self, stack: Stack, server: MailServer | None, url: str) -> None:
        self.stack = stack
        self._server = server
        self.url = SecretStr(url)

    @property
    def server(self) -> MailServer:
        assert self._server is not None
        return self._server

    async def adam(self) -> httpx.AsyncClient:
        return await self.stack.sign_in_as("Admins", "Adam")

    async def working(self, **overrides: Any) -> None:
        """Until nothing waits any more."""

        async def is_done() -> bool:
            waiting = await one(self.stack, "SELECT count(*) FROM pgqueuer")
            return waiting == {"count": 0}

        async with working(self.stack, events_poll_seconds=0, smtp_url=self.url, **overrides):
            await until(is_done)


@asynccontextmanager
async def posting(
    database: Database, server: MailServer | None, url: str, **overrides: Any
) -> AsyncIterator[Post]:
    async with running_stack(database, smtp_url=SecretStr(url), **overrides) as stack:
        yield Post(stack, server, url)


@pytest.fixture
async def post(own: Database) -> AsyncIterator[Post]:
    async with (
        mail_server() as server,
        posting(own, server, f"smtp://127.0.0.1:{server.port}") as post,
    ):
        yield post


async def invite(browser: httpx.AsyncClient, person: User) -> dict[str, Any]:
    answer = await browser.post(f"/team/{await user_id_of(browser, person)}/invitation")
    assert answer.status_code == 201, answer.text
    link: dict[str, Any] = answer.json()
    return link


async def newest(browser: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await ask(browser, "/team/invitations", limit=1))["items"][0]
    return found


async def test_the_link_arrives_in_plain_text_and_in_html(post: Post) -> None:
    ian = post.stack.person("Ian", last_name="Smith", email="ian@acme.example")
    adam = await post.adam()
    link = await invite(adam, ian)
    assert (link["replaces"], link["mail"]["status"]) == (False, "queued")
    assert (await newest(adam))["mail"]["status"] == "queued"
    await post.working()
    (mail,), (envelope,) = post.server.mails, post.server.envelopes
    assert envelope.rcpt_tos == ["ian@acme.example"]
    assert envelope.mail_from == "rollcall@localhost"
    me = await post.stack.me(adam)
    assert mail["Subject"].strip() == f"{me['name']} invites you to Rollcall at Acme"
    assert mail["From"] == "Rollcall <rollcall@localhost>"
    assert mail["To"] == "ian@acme.example"
    assert mail["Reply-To"] == me["email"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    for part in (plain, html):
        content = part.get_content()
        assert "Hello Ian Smith," in content
        assert me["name"] in content
        assert "Acme" in content
        assert link["url"] in content
        assert "UTC" in content
        assert "replaces" not in content
    for loads in ("<img", "<link", "<script", "<style", "src=", "url("):
        assert loads not in html.get_content()
    sent = (await newest(adam))["mail"]
    assert (sent["status"], sent["reason"], sent["detail"]) == ("sent", None, None)
    # It is the link that was shown, and works.
    location = (await post.stack.browser().get(link["url"])).headers["location"]
    assert "login_hint=ian%40acme.example" in location


async def test_a_new_link_says_that_it_replaces_the_old_one(post: Post) -> None:
    ian = post.stack.person("Ian")
    adam = await post.adam()
    first = await invite(adam, ian)
    await post.working()
    second = await invite(adam, ian)
    assert (first["replaces"], second["replaces"]) == (False, True)
    await post.working()
    mail = post.server.mails[-1]
    for part in mail.iter_parts():
        content = part.get_content()
        assert second["url"] in content
        assert first["url"] not in content
        assert "It replaces the link" in " ".join(content.split())
    assert mail["Message-ID"] != post.server.mails[0]["Message-ID"]


async def test_what_is_stored_does_not_open_the_door(post: Post) -> None:
    """The token is in no table: not with the invitation, not in the queue, not in its log."""
    ian = post.stack.person("Ian")
    adam = await post.adam()
    secret = (await invite(adam, ian))["url"].rsplit(".", 1)[1]
    tables = ("invitations", "pgqueuer", "pgqueuer_log", "audit_events")

    async def look() -> None:
        async with post.stack.database.connect() as connection:
            for table in tables:
                rows = (await connection.execute(text(f"SELECT t::text FROM {table} AS t"))).all()
                assert secret not in repr(rows)

    await look()
    post.server.recipient = "550 5.1.1 No such user"
    await post.working()
    await look()


async def test_names_are_text_in_both_parts_and_end_no_header(post: Post) -> None:
    odd = "Ian\r\nBcc: eve@evil.example\r\n\r\n<img src=x> {{ url }} &amp;"
    ian = post.stack.person(odd, last_name="", email="ian@acme.example")
    adam = await post.adam()
    await invite(adam, ian)
    await post.working()
    (mail,), (envelope,) = post.server.mails, post.server.envelopes
    assert envelope.rcpt_tos == ["ian@acme.example"]
    assert mail["Bcc"] is None
    plain, html = (part.get_content() for part in mail.iter_parts())
    shown = "Ian Bcc: eve@evil.example <img src=x> {{ url }} &amp;"
    assert f"Hello {shown}," in plain
    assert "<img" not in html
    assert "&lt;img src=x&gt; {{ url }} &amp;amp;" in html


@pytest.mark.parametrize(
    "bad",
    ["a@acme.example, b@acme.example", "no address", "a@acme.example\nRCPT TO:<b@x>", "a@b@c"],
)
async def test_an_address_is_of_one_person(post: Post, bad: str) -> None:
    ian = post.stack.person("Ian")
    adam = await post.adam()
    user_id = await user_id_of(adam, ian)
    await execute(post.stack, f"UPDATE users SET email = '{bad}' WHERE id = '{user_id}'")
    assert (await adam.post(f"/team/{user_id}/invitation")).status_code == 201
    await post.working()
    mail = (await newest(adam))["mail"]
    assert (mail["status"], mail["reason"]) == ("failed", "bad_address")
    assert post.server.asked == 0


async def test_without_an_address_there_is_the_link(post: Post) -> None:
    ian = post.stack.person("Ian")
    adam = await post.adam()
    user_id = await user_id_of(adam, ian)
    await execute(post.stack, f"UPDATE users SET email = NULL WHERE id = '{user_id}'")
    link = (await adam.post(f"/team/{user_id}/invitation")).json()
    assert link["url"].startswith(f"{ORIGIN}/invitations/")
    assert (link["mail"]["status"], link["mail"]["reason"]) == ("failed", "no_address")
    assert await one(post.stack, "SELECT id FROM pgqueuer") is None


async def test_without_a_server_there_is_a_link_to_copy(own_stack: Stack) -> None:
    ian = own_stack.person("Ian")
    adam = await own_stack.sign_in_as("Admins", "Adam")
    assert (await invite(adam, ian))["mail"] is None
    assert (await newest(adam))["mail"] is None
    assert await one(own_stack, "SELECT id FROM pgqueuer") is None


@pytest.mark.parametrize("said", ["recipient", "data"])
async def test_refused_for_good_is_shown_and_not_tried_again(post: Post, said: str) -> None:
    setattr(post.server, said, "550 5.1.1 No such user here")
    ian = post.stack.person("Ian")
    adam = await post.adam()
    link = await invite(adam, ian)
    await post.working()
    mail = (await newest(adam))["mail"]
    assert (mail["status"], mail["reason"]) == ("failed", "refused")
    assert mail["detail"].endswith("The server said: 550 5.1.1 No such user here")
    assert post.server.asked == 1
    # The link works all the same.
    assert "login_hint" in (await post.stack.browser().get(link["url"])).headers["location"]


@pytest.mark.parametrize("said", ["recipient", "data"])
async def test_refused_for_a_while_is_tried_again(post: Post, said: str) -> None:
    setattr(post.server, said, "451 4.7.1 Greylisted, come back later")
    ian = post.stack.person("Ian")
    adam = await post.adam()
    await invite(adam, ian)
    seen = []

    async def until_the_third() -> None:
        seen.append((await newest(adam))["mail"])
        if post.server.asked == 3:
            setattr(post.server, said, "")

    post.server.before = until_the_third
    await post.working()
    assert [mail["status"] for mail in seen] == ["queued"] * 3
    assert seen[1]["reason"] == "refused_for_now"
    assert seen[1]["detail"] == (
        "The mail server does not take the mail at the moment. It is tried again. "
        "The server said: 451 4.7.1 Greylisted, come back later"
    )
    assert (await newest(adam))["mail"]["status"] == "sent"
    assert len(post.server.mails) == 1


async def test_a_server_that_is_away_is_asked_again_and_given_up(
    own: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("backend.jobs._MAIL_ATTEMPTS", 3)
    async with mail_server() as server:
        url = f"smtp://127.0.0.1:{server.port}"
    async with posting(own, None, url) as post:
        ian = post.stack.person("Ian")
        adam = await post.adam()
        await invite(adam, ian)
        with caplog.at_level(logging.WARNING, "backend"):
            await post.working()
        mail = (await newest(adam))["mail"]
    assert (mail["status"], mail["reason"]) == ("failed", "unreachable")
    assert mail["detail"].startswith("The mail server does not answer. The server said: ")
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3


async def test_a_server_that_goes_silent_holds_nobody_up(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.mail.sending._SECONDS", 0.3)
    ian = post.stack.person("Ian")
    adam = await post.adam()
    await invite(adam, ian)

    async def say_nothing_once() -> None:
        if post.server.asked == 1:
            await asyncio.sleep(2)

    post.server.before = say_nothing_once
    await post.working()
    assert (await newest(adam))["mail"]["status"] == "sent"


async def test_one_bad_mail_holds_up_no_other(post: Post) -> None:
    people = [post.stack.person("Ian") for _ in range(3)]
    adam = await post.adam()

    post.server.unknown = {str(people[0].email)}
    for person in people:
        await invite(adam, person)
    await post.working()
    items = (await ask(adam, "/team/invitations"))["items"]
    assert sorted(item["mail"]["status"] for item in items) == ["failed", "sent", "sent"]


async def test_what_ended_before_it_was_sent_is_not_sent(post: Post) -> None:
    ian, kim = post.stack.person("Ian"), post.stack.person("Kim")
    adam = await post.adam()
    await invite(adam, ian)
    await invite(adam, ian)
    await invite(adam, kim)
    answer = await adam.delete(f"/team/{await user_id_of(adam, kim)}/invitation")
    assert answer.status_code == 204
    await post.working()
    items = (await ask(adam, "/team/invitations"))["items"]
    assert [(item["status"], item["mail"]["status"], item["mail"]["reason"]) for item in items] == [
        ("withdrawn", "failed", "invitation_ended"),
        ("open", "sent", None),
        ("replaced", "failed", "invitation_ended"),
    ]
    assert len(post.server.mails) == 1


async def test_the_mail_goes_out_once_a_withdrawal_is_taken_back(post: Post) -> None:
    """Whether its turn came before that or not."""
    ian, kim = post.stack.person("Ian"), post.stack.person("Kim")
    adam = await post.adam()
    for person, meanwhile in ((ian, True), (kim, False)):
        await invite(adam, person)
        path = f"/team/{await user_id_of(adam, person)}/invitation"
        assert (await adam.delete(path)).status_code == 204
        if meanwhile:
            await post.working()
        assert (await adam.post(f"{path}/restore")).status_code == 204
        await post.working()
        assert (await newest(adam))["mail"]["status"] == "sent"
    assert [mail["To"] for mail in post.server.mails] == [ian.email, kim.email]


async def test_a_request_that_fails_sends_nothing(post: Post) -> None:
    """The job is asked for in the transaction of the invitation."""
    ian = post.stack.person("Ian")
    adam = await post.adam()
    user_id = await user_id_of(adam, ian)
    await execute(
        post.stack,
        """ALTER TABLE audit_events
        ADD CONSTRAINT c CHECK (action <> 'invitation.created') NOT VALID""",
    )
    assert (await adam.post(f"/team/{user_id}/invitation")).status_code == 500
    assert await one(post.stack, "SELECT id FROM pgqueuer") is None
    assert await one(post.stack, "SELECT id FROM invitations") is None


async def test_a_worker_with_another_secret_says_so(post: Post) -> None:
    ian = post.stack.person("Ian")
    adam = await post.adam()
    await invite(adam, ian)
    await post.working(session_secret=SecretStr("another secret, and as long as it must be"))
    mail = (await newest(adam))["mail"]
    assert (mail["status"], mail["reason"]) == ("failed", "key_changed")
    assert "SESSION_SECRET" in mail["detail"]
    assert post.server.asked == 0


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Whose certificates this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def certified(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


USER, PASSWORD = "rollcall@acme.example", "p@ss/w:rd#%"
LOGIN = "rollcall%40acme.example:p%40ss%2Fw%3Ard%23%25"


async def outcome(own: Database, server: MailServer, url: str) -> tuple[str, str | None]:
    async with posting(own, server, url.format(port=server.port)) as post:
        ian = post.stack.person("Ian")
        adam = await post.adam()
        await invite(adam, ian)
        await post.working()
        mail = (await newest(adam))["mail"]
    return mail["status"], mail["reason"]


class TestTls:
    @pytest.fixture(autouse=True)
    def _once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("backend.jobs._MAIL_ATTEMPTS", 1)

    async def test_starttls_with_a_login(self, own: Database, authority: trustme.CA) -> None:
        options: dict[str, Any] = {"tls_context": certified(authority), "require_starttls": True}
        login: dict[str, Any] = {"authenticator": knows(USER, PASSWORD), "auth_required": True}
        async with mail_server(**options, **login) as server:
            url = f"smtp://{LOGIN}@localhost:{{port}}?starttls=on"
            assert await outcome(own, server, url) == ("sent", None)
        assert server.sessions[0].ssl is not None
        assert server.envelopes[0].mail_from == USER

    async def test_smtps(self, own: Database, authority: trustme.CA) -> None:
        async with mail_server(tls=certified(authority)) as server:
            assert await outcome(own, server, "smtps://localhost:{port}") == ("sent", None)

    @pytest.mark.parametrize(
        "url", ["smtps://localhost:{port}", "smtp://localhost:{port}?starttls=on"]
    )
    async def test_a_certificate_for_another_name(
        self, own: Database, authority: trustme.CA, url: str
    ) -> None:
        context = certified(authority, "elsewhere.example")
        tls = {"tls": context} if url.startswith("smtps") else {"tls_context": context}
        async with mail_server(**tls) as server:
            assert await outcome(own, server, url) == ("failed", "tls_failed")
        assert server.mails == []

    async def test_nothing_is_said_in_clear_where_starttls_is_wanted(self, own: Database) -> None:
        """Somebody in between may have taken the offer out."""
        async with mail_server() as server:
            url = "smtp://localhost:{port}?starttls=on"
            assert await outcome(own, server, url) == ("failed", "tls_failed")
        assert server.asked == 0

    async def test_a_login_that_is_refused(self, own: Database, authority: trustme.CA) -> None:
        login: dict[str, Any] = {"authenticator": knows(USER, "another"), "auth_required": True}
        async with mail_server(**login, tls_context=certified(authority)) as server:
            url = f"smtp://{LOGIN}@localhost:{{port}}?starttls=on"
            assert await outcome(own, server, url) == ("failed", "login_refused")
            assert server.asked == 0

    async def test_a_server_without_logins(self, own: Database) -> None:
        async with mail_server() as server:
            url = f"smtp://{LOGIN}@localhost:{{port}}"
            assert (await outcome(own, server, url))[0] == "failed"
        assert server.asked == 0

    async def test_a_sender_that_is_refused(self, own: Database) -> None:
        async with mail_server() as server:
            server.sender = "553 5.7.1 Sender address rejected"
            url = "smtp://localhost:{port}"
            assert await outcome(own, server, url) == ("failed", "sender_refused")
