"""Handing a mail to the server."""

import asyncio
import ssl
from email.message import EmailMessage

import aiosmtplib

from backend.mail.address import SmtpServer
from backend.mail.faults import MailFault, MailNotSent

_SECONDS = 20  # for one answer of the server
_SECONDS_IN_ALL = 60
_LONGEST_ANSWER = 300
_FOR_GOOD = 500

_FAULTS: dict[type[aiosmtplib.SMTPException], MailFault] = {
    aiosmtplib.SMTPAuthenticationError: MailFault.LOGIN_REFUSED,
    aiosmtplib.SMTPConnectResponseError: MailFault.REFUSED_FOR_NOW,
    aiosmtplib.SMTPHeloError: MailFault.REFUSED_FOR_NOW,
    aiosmtplib.SMTPNotSupported: MailFault.NOT_SUPPORTED,
}


async def send(server: SmtpServer, message: EmailMessage) -> None:
    """Hand a mail to the server, which answers for it from then on.

    Raises:
        MailNotSent: it did not take it.
    """
    try:
        async with asyncio.timeout(_SECONDS_IN_ALL):
            await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password.get_secret_value() if server.password else None,
                use_tls=server.use_tls,
                start_tls=server.start_tls,
                # Else the name of this machine is looked up, and everything waits for it.
                local_hostname=message["From"].addresses[0].domain,
                timeout=_SECONDS,
            )
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _not_sent(error) from error


def _not_sent(error: Exception) -> MailNotSent:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    fault = _fault(error)
    return MailNotSent(fault, _answer(error), for_good=fault is MailFault.REFUSED)


def _fault(error: Exception) -> MailFault:
    """Only what is about this mail is for good; the rest can be mended, here or there."""
    for kind, fault in _FAULTS.items():
        if isinstance(error, kind):
            return fault
    if isinstance(error, aiosmtplib.SMTPResponseException):
        if error.code < _FOR_GOOD:
            return MailFault.REFUSED_FOR_NOW
        of_sender = isinstance(error, aiosmtplib.SMTPSenderRefused)
        return MailFault.SENDER_REFUSED if of_sender else MailFault.REFUSED
    if _is_about_tls(error):
        return MailFault.TLS_FAILED
    # Without a code it is about the connection, or about what the server cannot do.
    return MailFault.UNREACHABLE if isinstance(error, OSError) else MailFault.NOT_SUPPORTED


def _is_about_tls(error: BaseException | None) -> bool:
    if error is None:
        return False
    return (
        isinstance(error, ssl.SSLError)
        or "STARTTLS" in str(error)
        or _is_about_tls(error.__cause__ or error.__context__)
    )


def _answer(error: Exception) -> str:
    """On one line, and not longer than a person reads."""
    code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    said = getattr(error, "message", None) or str(error) or type(error).__name__
    return " ".join(f"{code}{said}".replace("\0", "").split())[:_LONGEST_ANSWER]
