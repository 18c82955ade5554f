"""A real SMTP server on loopback, which takes mails or does what it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class MailServer:
    """What it says to a recipient and to a mail is `recipient` and `data`, "" for yes."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []
        self.asked = 0
        self.sender = self.recipient = self.data = ""
        self.unknown: set[str] = set()
        self.before: Callable[[], Awaitable[None]] | None = None

    async def handle_MAIL(  # noqa: N802 (the library's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked += 1
        if self.sender:
            return self.sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 (the library's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.before is not None:
            await self.before()
        if self.recipient or address in self.unknown:
            return self.recipient or "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 (the library's name)
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.data:
            return self.data
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        self.envelopes.append(envelope)
        self.sessions.append(session)
        return "250 OK"


def knows(user: str, password: str) -> Callable[..., AuthResult]:
    def authenticate(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        wanted = LoginPassword(user.encode(), password.encode())
        return AuthResult(success=given == wanted, handled=False)

    return authenticate


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailServer]:
    """A server at 127.0.0.1.

    Args:
        tls: encrypted from the first byte; STARTTLS is the library's `tls_context`.
        options: the library's.
    """
    handler = MailServer()
    loop = asyncio.get_running_loop()

    def connected() -> SMTP:
        return SMTP(handler, hostname="mail.acme.example", loop=loop, **options)

    server = await loop.create_server(connected, "127.0.0.1", 0, ssl=tls)
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        server.close()
        await server.wait_closed()
