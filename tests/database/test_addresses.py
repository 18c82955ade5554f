"""DATABASE_URL as hosters hand it out, and poolers in between."""

import inspect
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from asyncpg import connect_utils
from sqlalchemy import text

from backend.database import Database, refuse_transaction_pooling
from backend.database.address import connect, read
from backend.settings import SettingsError
from tests.pooler import Pooler
from tests.stack import running_stack

# https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_WORDS = """
    host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout
    client_encoding options application_name fallback_application_name keepalives keepalives_idle
    keepalives_interval keepalives_count tcp_user_timeout replication gssencmode sslmode requiressl
    sslnegotiation sslcompression sslcert sslkey sslkeylogfile sslpassword sslcertmode sslrootcert
    sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version
    min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation scram_client_key
    scram_server_key service servicefile target_session_attrs load_balance_hosts
    oauth_issuer oauth_client_id oauth_client_secret oauth_scope
"""
OF_LIBPQ = _WORDS.split()
TO_THE_SERVER = {"application_name", "options"}

HANDED_OUT = {
    "Neon": "sslmode={tls}&channel_binding=prefer",
    "Neon, old": "sslmode={tls}&options=-c%20geqo%3Doff",
    "DigitalOcean": "sslmode={tls}",
    "Supabase": "sslmode={tls}&pgbouncer=true&connection_limit=1&pool_timeout=0",
    "Heroku": "",
    "with time limits": "connect_timeout=15&keepalives=1&keepalives_idle=30&tcp_user_timeout=9000",
    "with empty ones": "sslmode=&connect_timeout=&application_name=&",
    "with all that libpq knows of connecting": "gssencmode=disable&sslsni=1&sslcompression=0"
    "&require_auth=scram-sha-256&target_session_attrs=any&load_balance_hosts=disable"
    "&client_encoding=UTF8&sslcertmode=allow&max_protocol_version=3.2",
}


async def seen_by(url: str) -> dict[str, str]:
    connection = await connect(url, {"jit": "off"}, connecting=10, statement=30)
    try:
        rows = await connection.fetch("SELECT name, setting FROM pg_settings")
        return {row["name"]: row["setting"] for row in rows}
    finally:
        await connection.close()


@pytest.mark.parametrize("hoster", HANDED_OUT)
async def test_as_hosters_hand_it_out(database_url: str, hoster: str) -> None:
    query = HANDED_OUT[hoster].format(tls="prefer")
    settings = await seen_by(f"{database_url}?{query}")
    assert settings["jit"] == "off"
    assert settings["geqo"] == ("off" if "geqo" in query else "on")


@pytest.mark.parametrize("name", OF_LIBPQ)
def test_no_name_of_libpq_becomes_a_setting_of_the_server(name: str) -> None:
    """It is understood by us or by the driver, or left out; the driver sends on what it lacks."""
    address = read(f"postgresql://u:p@localhost:5432/x?{name}=1")
    assert address.settings == {}
    understood = inspect.getsource(connect_utils._parse_connect_dsn_and_args)
    drivers = set(re.findall(r"query\.pop\(\s*'(\w+)'", understood))
    left = {field.partition("=")[0] for field in urlsplit(address.url).query.split("&") if field}
    assert left <= drivers | TO_THE_SERVER


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("", None),
        ("connect_timeout=3", 3),
        ("connect_timeout=0", None),
        ("connect_timeout=-1", None),
    ],
)
def test_how_long_connecting_may_take(query: str, seconds: int | None) -> None:
    """None: as long as whoever connects says."""
    assert read(f"postgresql://u@h/x?{query}").options.get("timeout") == seconds


def test_a_time_that_is_none() -> None:
    with pytest.raises(SettingsError, match="connect_timeout must be a number of seconds"):
        read("postgresql://u@h/x?connect_timeout=soon")


def test_the_certificates_that_the_machine_trusts() -> None:
    address = read("postgresql://u@h/x?sslmode=verify-full&sslrootcert=system&options=-cx")
    context: ssl.SSLContext = address.options["ssl"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert address.url == "postgresql://u@h/x?options=-cx"
    with pytest.raises(SettingsError, match="needs sslmode=verify-full"):
        read("postgresql://u@h/x?sslmode=require&sslrootcert=system")


def test_what_nothing_is_left_out_of_stays_as_it_is() -> None:
    url = "postgresql://u%40:p%2F@h1:1,h2:2/x?sslmode=require&application_name=a%20b+c"
    assert read(url).url == url


def test_the_words_for_host_and_tls_that_the_driver_lacks() -> None:
    assert read("postgresql:///x?hostaddr=10.0.0.1").url == "postgresql:///x?host=10.0.0.1"
    assert read("postgresql://h/x?hostaddr=10.0.0.1").url == "postgresql://h/x"
    assert read("postgresql://h/x?requiressl=1").url == "postgresql://h/x?sslmode=require"
    old = read("postgresql://h/x?requiressl=1&sslmode=verify-full")
    assert old.url == "postgresql://h/x?sslmode=verify-full"


async def test_settings_of_the_server(database_url: str) -> None:
    url = f"{database_url}?statement_timeout=1234&search_path=public,%20%22it's%5C%22&jit=on"
    seen = await seen_by(url)
    assert seen["statement_timeout"] == "1234"
    assert seen["search_path"] == 'public, "it\'s\\"'
    assert seen["jit"] == "on"
    named = await seen_by(f"{database_url}?fallback_application_name=us&application_name=")
    assert named["application_name"] == "us"


async def test_a_setting_that_the_server_does_not_know_is_named(database_url: str) -> None:
    with pytest.raises(asyncpg.UndefinedObjectError, match='parameter "schema"'):
        await connect(f"{database_url}?schema=public", {}, connecting=10, statement=30)


@pytest.fixture
async def of_sessions(own_database_url: str) -> AsyncIterator[str]:
    async with Pooler(own_database_url, by_transaction=False).listening() as url:
        yield url


@pytest.fixture
async def of_transactions(own_database_url: str) -> AsyncIterator[str]:
    async with Pooler(own_database_url, by_transaction=True).listening() as url:
        yield url


class TestPooler:
    async def test_one_that_pools_sessions(self, of_sessions: str) -> None:
        database = Database(f"{of_sessions}?channel_binding=prefer&connect_timeout=5", pool_size=2)
        await refuse_transaction_pooling(database.listening)
        async with database.connect() as connection:
            shown = await connection.execute(
                text("SELECT current_setting('jit'), current_setting('plan_cache_mode')")
            )
            assert shown.one() == ("off", "force_generic_plan")
        async with database.locked("of a test") as mine, database.locked("of a test") as others:
            assert mine is not None
            assert others is None
        async with running_stack(database) as stack:
            ann = await stack.sign_in_as("Authors")
            assert (
                await ann.post("/posts", json={"title": "t", "content": "c"})
            ).status_code == 201
        await database.close()

    async def test_one_that_pools_transactions_is_refused(self, of_transactions: str) -> None:
        database = Database(of_transactions, pool_size=1)
        with pytest.raises(SettingsError, match="after each transaction"):
            await refuse_transaction_pooling(database.listening)
        await database.close()

    async def test_none_costs_one_connection(self, own_database_url: str) -> None:
        opened = []
        database = Database(own_database_url, pool_size=1)

        @asynccontextmanager
        async def counted() -> AsyncIterator[asyncpg.Connection]:
            async with database.listening() as connection:
                opened.append(connection)
                yield connection

        await refuse_transaction_pooling(counted)
        assert len(opened) == 1
        await database.close()
