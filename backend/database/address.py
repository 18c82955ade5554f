"""DATABASE_URL, as hosters hand it out: libpq's, of which the driver understands a part."""

import ssl
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlsplit

import asyncpg

from backend.settings import SettingsError

# What the driver reads from the address by itself.
_DRIVERS = frozenset(
    {
        *("host", "port", "user", "password", "dbname", "database", "passfile", "service"),
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword"),
        *("sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("target_session_attrs", "krbsrvname", "gsslib"),
    }
)
# What goes to the server when the connection begins; poolers know these, too.
_AT_THE_BEGINNING = frozenset({"application_name", "options"})
# Names of libpq's that the driver takes for settings of the server, which does not know them. They
# are about how a connection is made. The driver has no channel binding: what that protects from, a
# certificate that is checked (`sslmode=verify-full`) does, too.
_LEFT_OUT = frozenset(
    {
        *("channel_binding", "require_auth", "requirepeer", "sslcompression", "sslcertmode"),
        *("sslsni", "sslcrldir", "sslkeylogfile", "gssencmode", "gssdelegation"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout", "load_balance_hosts", "replication", "client_encoding"),
        *("min_protocol_version", "max_protocol_version", "servicefile"),
        *("scram_client_key", "scram_server_key", "requiressl", "hostaddr"),
        *("oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"),
        # Not libpq's: hosters add them for other drivers.
        *("pgbouncer", "connection_limit", "pool_timeout", "uselibpqcompat", "supa"),
    }
)


class Address(NamedTuple):
    """What the driver needs to connect.

    Attributes:
        url: with what the driver understands by itself.
        options: for its `connect`.
        settings: of the session, which it must set when it is connected: of those that are
            sent with the first message a pooler takes only a few.
    """

    url: str
    options: dict[str, Any]
    settings: dict[str, str]


def read(url: str) -> Address:
    """What an address says.

    Raises:
        SettingsError: with what cannot be meant.
    """
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))  # without those that are empty, as libpq has it
    options: dict[str, Any] = {}
    passed_on = _DRIVERS | _AT_THE_BEGINNING
    if "connect_timeout" in given and (seconds := _seconds(given["connect_timeout"])) > 0:
        options["timeout"] = seconds  # else ours: we do not wait for ever
    if given.get("sslrootcert") == "system":
        # libpq's word for the certificates that the machine trusts; nothing less is checked then.
        if given.get("sslmode", "verify-full") != "verify-full":
            raise SettingsError("DATABASE_URL: sslrootcert=system needs sslmode=verify-full.")
        options["ssl"] = ssl.create_default_context()
        passed_on -= {"sslmode", "sslrootcert"}
    if "fallback_application_name" in given and "application_name" not in given:
        options["server_settings"] = {"application_name": given["fallback_application_name"]}
    understood = passed_on | _LEFT_OUT | {"connect_timeout", "fallback_application_name"}
    understood |= {"sslmode", "sslrootcert"}
    kept = [
        field
        for field in parts.query.split("&")
        if unquote_plus(field.partition("=")[0]) in passed_on & given.keys()
    ]
    if "hostaddr" in given and "host" not in given and not parts.hostname:
        kept.append(f"host={quote_plus(given['hostaddr'])}")
    if given.get("requiressl") == "1" and "sslmode" not in given:
        kept.append("sslmode=require")
    before, _, after = url.partition(f"?{parts.query}") if parts.query else (url, "", "")
    return Address(
        f"{before}?{'&'.join(kept)}{after}" if kept else before + after,
        options,
        {name: value for name, value in given.items() if name not in understood},
    )


def _seconds(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise SettingsError("DATABASE_URL: connect_timeout must be a number of seconds.") from error


async def connect(
    url: str, settings: dict[str, str], *, connecting: float, statement: float | None
) -> asyncpg.Connection:
    """A connection of the driver, with these settings for as long as it lasts.

    What the address itself sets wins.

    Args:
        url: DATABASE_URL.
        settings: of the session.
        connecting: seconds that it may take.
        statement: seconds that a statement may take.
    """
    address = read(url)
    usual = {"timeout": connecting, "command_timeout": statement}
    connection = await asyncpg.connect(address.url, **usual | address.options)
    try:
        await connection.execute(_set(settings | address.settings))
    except BaseException:
        connection.terminate()
        raise
    return connection


def _set(settings: dict[str, str]) -> str:
    calls = (f"set_config({_quoted(k)}, {_quoted(v)}, false)" for k, v in settings.items())
    return f"SELECT {', '.join(calls)}"


def _quoted(text: str) -> str:
    """A literal: the simple protocol, which needs one round trip alone, has no parameters."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"E'{escaped}'"
