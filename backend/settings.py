"""Everything the environment decides."""

import io
import re
import secrets
from contextlib import suppress
from email.headerregistry import Address
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import find_dotenv
from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.logs import LogFormat
from backend.loopback import is_loopback
from backend.mail.address import SmtpServer, parse_mailbox, parse_server


class SettingsError(Exception):
    """The environment cannot be used; the text is one sentence that says what to change."""


def _web_address(value: str) -> str:
    if not _is_web_address(value):
        raise ValueError("must be an http:// or https:// address")
    return value


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port, or of brackets
        return False


def _https_unless_loopback(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            "must begin with https://: http:// is for this machine alone, such as localhost, "
            "for whoever is in between could read and change what is sent"
        )
    return value


class _AtLeast:
    """A secret that is empty, or has so many characters."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __call__(self, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and len(text.strip()) < self._length:
            raise ValueError(
                f"must have {self._length} characters or more, so that nobody guesses it"
            )
        return value


def _postgresql_address(value: str) -> str:
    if value and not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("must begin with postgresql://")
    return value


def _folder(value: object) -> object:
    if value == "":  # which would be the folder we are in
        raise ValueError("must name a folder")
    return value


def _names(value: str) -> list[str]:
    return [name.strip().lower() for name in value.split(",") if name.strip()]


def _host_names(value: str) -> str:
    for name in _names(value):
        if urlsplit(f"//{name}").hostname != name:
            raise ValueError("must be names without scheme and port, separated by commas")
    return value


def _networks(value: str) -> str:
    for name in _names(value):
        try:
            ip_network(name)
        except ValueError as error:
            raise ValueError(
                "must be addresses, or networks such as 10.0.0.0/8, separated by commas"
            ) from error
    return value


def _smtp_address(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        parse_server(value.get_secret_value())
    return value


def _mailbox(value: str) -> str:
    if value:
        parse_mailbox(value)
    return value


_SHORTEST_KEY = 32

WebAddress = Annotated[str, AfterValidator(_web_address), AfterValidator(_https_unless_loopback)]
SigningKey = Annotated[SecretStr, AfterValidator(_AtLeast(_SHORTEST_KEY))]
WebhookSecret = Annotated[SecretStr, AfterValidator(_AtLeast(16))]
HostNames = Annotated[str, AfterValidator(_host_names)]
Networks = Annotated[str, AfterValidator(_networks)]
PostgresqlAddress = Annotated[str, AfterValidator(_postgresql_address)]
SmtpAddress = Annotated[SecretStr, AfterValidator(_smtp_address)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
Folder = Annotated[Path, BeforeValidator(_folder)]

# Seconds, hours or days: more is a slip of the finger, and than the calendar goes back.
_MOST = 1_000_000


class Settings(BaseSettings):
    """The settings, in the order of `.env.example`; the environment wins over the file."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    workos_api_key: SecretStr = SecretStr("")
    workos_client_id: str = ""
    workos_redirect_uri: WebAddress = "http://localhost:3000/auth/callback"
    workos_org_id: str = ""
    workos_directory_id: str = ""
    workos_webhook_secret: WebhookSecret = SecretStr("")
    session_secret: SigningKey = SecretStr("")
    workos_base_url: WebAddress = "https://api.workos.com"
    database_url: PostgresqlAddress = ""
    migration_database_url: PostgresqlAddress = ""
    rollcall_home: Folder = Path(".rollcall")
    events_poll_seconds: int = Field(default=0, ge=0, le=_MOST)
    reconcile_hours: int = Field(default=0, ge=0, le=_MOST)
    smtp_url: SmtpAddress = SecretStr("")
    mail_from: Mailbox = ""
    event_body_days: int = Field(default=90, ge=0, le=_MOST)
    allowed_hosts: HostNames = ""
    trusted_proxies: Networks = "127.0.0.1,::1"
    rate_limits: Literal["on", "off"] = "on"
    log_format: LogFormat = LogFormat.AUTO

    @property
    def secure_cookies(self) -> bool:
        return urlsplit(self.workos_redirect_uri).scheme == "https"

    @property
    def is_local(self) -> bool:
        """Whether only browsers of this machine are expected."""
        return is_loopback(urlsplit(self.workos_redirect_uri).hostname or "")

    @property
    def public_origin(self) -> str:
        """Scheme, host and port under which browsers reach the application."""
        parts = urlsplit(self.workos_redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def known_hosts(self) -> frozenset[str]:
        """The names that a request may be addressed to; empty on a developer's machine: any."""
        public = urlsplit(self.workos_redirect_uri).hostname or ""
        if self.is_local:
            return frozenset()
        return frozenset({public, *_names(self.allowed_hosts)})

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks of those whose word on who the client is we take."""
        return _names(self.trusted_proxies)

    @property
    def sign_in_configured(self) -> bool:
        return bool(self.workos_api_key.get_secret_value() and self.workos_client_id)

    @property
    def mail_server(self) -> SmtpServer | None:
        """Where mail is handed in; None: there is no mail."""
        url = self.smtp_url.get_secret_value()
        return parse_server(url) if url else None

    @property
    def mail_sender(self) -> Address:
        """MAIL_FROM; else who logs in at the server, else Rollcall where browsers reach it."""
        server = self.mail_server
        host = urlsplit(self.workos_redirect_uri).hostname or ""
        if re.search(r"[a-z]", host) is None or ":" in host:  # a number
            host = "localhost"
        for mailbox in (self.mail_from, (server and server.username) or ""):
            with suppress(ValueError):
                sender = parse_mailbox(mailbox)
                return Address(sender.display_name or "Rollcall", sender.username, sender.domain)
        return Address("Rollcall", "rollcall", host)

    def signing_key(self) -> str:
        """SESSION_SECRET, or a key made once and kept under ROLLCALL_HOME.

        Raises:
            SettingsError: the key can be neither read nor written.
        """
        given = self.session_secret.get_secret_value()
        if given:
            return given
        path = self.rollcall_home / "session_secret"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = _read_or_make(path)
        except OSError as error:
            raise SettingsError(
                f"SESSION_SECRET is empty and {path} cannot be used ({error.strerror}); "
                "set SESSION_SECRET or make the folder writable."
            ) from error
        if not kept:
            raise SettingsError(f"{path} is empty; delete it, and a new key is made.")
        if len(kept.strip()) < _SHORTEST_KEY:
            raise SettingsError(
                f"{path} is shorter than {_SHORTEST_KEY} characters; "
                "delete it, and a new key is made."
            )
        return kept


def _read_or_make(path: Path) -> str:
    # Linking a finished file is atomic: of several workers that start at once, one wins.
    if not path.exists():
        mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(mine)
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return path.read_text()


@lru_cache
def get_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: a value cannot be used.
    """
    path = _dotenv()
    try:
        if path:
            _check_lines(path)
        return Settings(_env_file=path or None)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"{name} in the environment or .env: {reason}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(".env is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error


def _dotenv() -> str:
    """The path of this folder's `.env`, empty where there is none."""
    path = find_dotenv(usecwd=True)
    if path and Path(path).parent != Path.cwd():
        # It may be another program's, or anybody's who can write there.
        raise SettingsError(
            f"There is no .env in this folder, and {path} above it is not read: run Rollcall in "
            "that folder, or make a .env here, which may be empty."
        )
    return path


def _check_lines(path: str) -> None:
    # The library only warns of such a line, and goes on without it.
    for binding in parse_stream(io.StringIO(Path(path).read_text(encoding="utf-8"))):
        if binding.error:
            raise SettingsError(
                f"Line {binding.original.line} of {path} is not of the form NAME=value."
            )
