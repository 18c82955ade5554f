"""SMTP_URL and MAIL_FROM, as an operator writes them."""

from email.headerregistry import Address
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import SecretStr

from backend.loopback import is_loopback

_EXAMPLE = "smtp://user:password@host:587"
_FORM = (
    f"must be of the form {_EXAMPLE}; in user and password write @ as %40, / as %2F, # as %23, "
    "? as %3F and % as %25"
)
_PORTS = {"smtp": 587, "smtps": 465}


class SmtpServer(NamedTuple):
    """Where mail is handed in, and how."""

    host: str
    port: int
    username: str | None
    password: SecretStr | None
    use_tls: bool
    start_tls: bool


def parse_server(url: str) -> SmtpServer:
    """Raises ValueError, with what is wrong, for what cannot be used."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # of the port, or of brackets; it may have the password in it
        raise ValueError(_FORM) from None
    if parts.scheme not in _PORTS:
        raise ValueError(f"must begin with smtp:// or smtps://, as in {_EXAMPLE}")
    # A password with a / or a # in it ends the host too early.
    if not parts.hostname or port == 0 or parts.path not in {"", "/"} or parts.fragment:
        raise ValueError(_FORM)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(username) != bool(password):
        raise ValueError(f"must have a user and a password, or neither, as in {_EXAMPLE}")
    use_tls = parts.scheme == "smtps"
    start_tls = _starts_tls(parts)
    if password and not (use_tls or start_tls or is_loopback(parts.hostname)):
        raise ValueError(
            "must not send a password without TLS: leave starttls=off out, or the password"
        )
    return SmtpServer(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        username=username or None,
        password=SecretStr(password) if password else None,
        use_tls=use_tls,
        start_tls=start_tls,
    )


def _starts_tls(parts: SplitResult) -> bool:
    match parse_qsl(parts.query, keep_blank_values=True):
        case []:
            return parts.scheme == "smtp" and not is_loopback(parts.hostname or "")
        case [("starttls", "on" | "off" as wanted)] if parts.scheme == "smtp":
            return wanted == "on"
        case _:
            raise ValueError(
                "may end with ?starttls=on or ?starttls=off, after smtp://, and with nothing else"
            )


def parse_mailbox(text: str) -> Address:
    """An address, with a name or without.

    Raises:
        ValueError: it is none that mail could go to.
    """
    try:
        found = validate_email(
            text, allow_display_name=True, check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise ValueError(
            "must be an e-mail address, as in Rollcall <rollcall@acme.example>"
        ) from error
    # Without ASCII before the @ the server must know SMTPUTF8; a domain has a form that all know.
    address = found.ascii_email or found.normalized
    local_part, _, domain = address.rpartition("@")
    return Address(found.display_name or "", local_part, domain)
