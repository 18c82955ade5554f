"""Settings: what a person gets wrong is answered with one sentence that helps."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.settings import Settings, SettingsError, get_settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder and none of our variables."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def lines_of_the_example() -> dict[str, str]:
    text = EXAMPLE.read_text()
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, flags=re.MULTILINE))


def test_the_example_lists_every_setting_in_order() -> None:
    assert list(lines_of_the_example()) == [name.upper() for name in Settings.model_fields]


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    nothing = get_settings()
    get_settings.cache_clear()
    (tmp_path / ".env").write_text(EXAMPLE.read_text())
    assert get_settings() == nothing


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("WORKOS_ORG_ID=org_file\nWORKOS_CLIENT_ID=client_file\nX=y\n")
    monkeypatch.setenv("WORKOS_ORG_ID", "org_environment")
    found = get_settings()
    assert (found.workos_org_id, found.workos_client_id) == ("org_environment", "client_file")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("WORKOS_REDIRECT_URI", "localhost:3000/auth/callback", "http://"),
        ("WORKOS_REDIRECT_URI", "", "http://"),
        ("WORKOS_REDIRECT_URI", "ftp://x", "http://"),
        ("WORKOS_REDIRECT_URI", "http://", "http://"),
        ("WORKOS_REDIRECT_URI", "http://[", "http://"),
        ("WORKOS_REDIRECT_URI", "http://localhost:port/", "http://"),
        ("WORKOS_BASE_URL", "api.workos.com", "http://"),
        ("WORKOS_REDIRECT_URI", "http://rollcall.example/auth/callback", "https://"),
        ("WORKOS_REDIRECT_URI", "http://10.0.0.1:3000/auth/callback", "https://"),
        ("WORKOS_REDIRECT_URI", "http://0.0.0.0:3000/auth/callback", "https://"),
        ("WORKOS_REDIRECT_URI", "http://localhost.example/auth/callback", "https://"),
        ("WORKOS_REDIRECT_URI", "http://localhost@rollcall.example/", "https://"),
        ("WORKOS_BASE_URL", "http://api.workos.com", "https://"),
        ("WORKOS_BASE_URL", "HTTP://API.WORKOS.COM", "https://"),
        ("SESSION_SECRET", "s" * 31, "32 characters"),
        ("SESSION_SECRET", "s" * 31 + " ", "32 characters"),
        ("SESSION_SECRET", " " * 40, "32 characters"),
        ("WORKOS_WEBHOOK_SECRET", "s" * 15, "16 characters"),
        ("WORKOS_WEBHOOK_SECRET", " " * 40, "16 characters"),
        ("DATABASE_URL", "mysql://localhost/x", "postgresql://"),
        ("DATABASE_URL", "localhost", "postgresql://"),
        ("EVENTS_POLL_SECONDS", "often", "integer"),
        ("EVENTS_POLL_SECONDS", "-1", "0"),
        ("RECONCILE_HOURS", "1.5", "integer"),
        ("RECONCILE_HOURS", "", "integer"),
        ("EVENTS_POLL_SECONDS", "9" * 12, "less"),
        ("RECONCILE_HOURS", "9" * 12, "less"),
        ("EVENT_BODY_DAYS", "9" * 12, "less"),
        ("ROLLCALL_HOME", "", "folder"),
        ("TRUSTED_PROXIES", "*", "10.0.0.0/8"),
        ("TRUSTED_PROXIES", "proxy.internal", "10.0.0.0/8"),
        ("TRUSTED_PROXIES", "127.0.0.1,10.0.0.1/8", "10.0.0.0/8"),
        ("RATE_LIMITS", "some", "'off'"),
        ("SMTP_URL", "mail.acme.example:587", "smtp://"),
        ("SMTP_URL", "https://mail.acme.example", "smtps://"),
        ("SMTP_URL", "smtp://", "smtp://user:password@host:587"),
        ("SMTP_URL", "smtp://mail.acme.example:port", "smtp://user:password@host:587"),
        ("SMTP_URL", "smtp://mail.acme.example:0", "smtp://user:password@host:587"),
        ("SMTP_URL", "smtp://user:sss/sss@mail.acme.example", "%2F"),
        ("SMTP_URL", "smtp://user:sss#sss@mail.acme.example", "%23"),
        ("SMTP_URL", "smtp://user@mail.acme.example", "a user and a password"),
        ("SMTP_URL", "smtp://user:sss@mail.acme.example?starttls=off", "without TLS"),
        ("SMTP_URL", "smtp://mail.acme.example?starttls=maybe", "?starttls=on"),
        ("SMTP_URL", "smtp://mail.acme.example?tls=on", "?starttls=on"),
        ("SMTP_URL", "smtps://mail.acme.example?starttls=on", "?starttls=on"),
        ("MAIL_FROM", "Rollcall", "rollcall@acme.example"),
        ("MAIL_FROM", "a@acme.example, b@acme.example", "rollcall@acme.example"),
        ("MAIL_FROM", "a@acme.example\nBcc: b@acme.example", "rollcall@acme.example"),
    ],
)
def test_a_bad_value_is_one_helpful_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, hint: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        get_settings()
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} ")
    assert hint in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert "sss" not in sentence + str(refused.value.__cause__)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSION_SECRET", "s" * 32),
        ("WORKOS_WEBHOOK_SECRET", "s" * 16),
        ("WORKOS_BASE_URL", "http://localhost:3001"),
        ("WORKOS_BASE_URL", "http://127.0.0.2:3001"),
        ("WORKOS_REDIRECT_URI", "http://[::1]:3000/auth/callback"),
        ("WORKOS_REDIRECT_URI", "http://acme.localhost:3000/auth/callback"),
        ("WORKOS_REDIRECT_URI", "https://rollcall.example/auth/callback"),
        ("TRUSTED_PROXIES", ""),
        ("TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1"),
        ("RATE_LIMITS", "off"),
        ("SMTP_URL", "smtp://mail.acme.example"),
        ("SMTP_URL", "smtp://mail.internal:25?starttls=off"),
        ("SMTP_URL", "smtp://user:sss@localhost:1025"),
        ("MAIL_FROM", "Rollcall <rollcall@acme.example>"),
    ],
)
def test_what_is_just_strong_enough(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    found = getattr(get_settings(), name.lower())
    assert value == (found.get_secret_value() if isinstance(found, SecretStr) else found)


def test_a_file_in_a_folder_above_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("WORKOS_ORG_ID=org_of_somebody\n")
    (tmp_path / "deep" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "here")
    with pytest.raises(SettingsError) as refused:
        get_settings()
    assert str(refused.value) == (
        f"There is no .env in this folder, and {tmp_path}/.env above it is not read: run Rollcall "
        "in that folder, or make a .env here, which may be empty."
    )
    Path(".env").touch()
    assert get_settings().workos_org_id == ""


def test_the_example_checks_the_certificate_of_the_database() -> None:
    modes = re.findall(r"sslmode=([a-z-]+)", EXAMPLE.read_text())
    assert modes == ["verify-full"]


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"WORKOS_ORG_ID=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"^\.env is not UTF-8 text; save it as UTF-8\.$"):
        get_settings()


@pytest.mark.parametrize("content", ["A=1\nWORKOS ORG ID: x\n", 'A=1\nSESSION_SECRET="x\n'])
def test_a_line_that_is_no_setting(tmp_path: Path, content: str) -> None:
    (tmp_path / ".env").write_text(content)
    with pytest.raises(SettingsError, match=r"^Line 2 of .*\.env is not of the form NAME=value\.$"):
        get_settings()


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").touch()

    def refuse(*_: object, **_more: object) -> str:  # root may read whatever there is
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SettingsError, match=r"\.env cannot be read: Permission denied\.$"):
        get_settings()


def test_secrets_are_not_shown() -> None:
    shown = repr(
        Settings(
            workos_api_key=SecretStr("hunter2"),
            workos_webhook_secret=SecretStr("hunter2" * 5),
            session_secret=SecretStr("hunter2" * 5),
        )
    )
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("smtp://mail.acme.example", ("mail.acme.example", 587, None, None, False, True)),
        ("smtps://mail.acme.example/", ("mail.acme.example", 465, None, None, True, False)),
        ("smtp://localhost:1025", ("localhost", 1025, None, None, False, False)),
        ("smtp://[::1]:1025?starttls=on", ("::1", 1025, None, None, False, True)),
        ("smtp://a%40b:p%2F%25@h.example:25", ("h.example", 25, "a@b", "p/%", False, True)),
    ],
)
def test_where_mail_is_handed_in(url: str, reached: tuple[object, ...]) -> None:
    server = Settings(smtp_url=SecretStr(url)).mail_server
    assert server is not None
    host, port, username, password, use_tls, start_tls = server
    known = password.get_secret_value() if password else None
    assert (host, port, username, known, use_tls, start_tls) == reached


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ({}, "Rollcall <rollcall@localhost>"),
        ({"mail_from": "team@acme.example"}, "Rollcall <team@acme.example>"),
        ({"mail_from": "Acme <team@acme.example>"}, "Acme <team@acme.example>"),
        ({"smtp_url": "smtp://me%40acme.example:p@h"}, "Rollcall <me@acme.example>"),
        ({"smtp_url": "smtp://apikey:p@h"}, "Rollcall <rollcall@localhost>"),
        (
            {"workos_redirect_uri": "https://notes.acme.example/auth/callback"},
            "Rollcall <rollcall@notes.acme.example>",
        ),
        ({"workos_redirect_uri": "http://127.0.0.1:3000/x"}, "Rollcall <rollcall@localhost>"),
    ],
)
def test_who_mail_is_from(given: dict[str, str], sender: str) -> None:
    assert str(Settings.model_validate(given).mail_sender) == sender


class TestSigningKey:
    def test_a_given_one_is_used(self, tmp_path: Path) -> None:
        given = "given" * 7
        assert Settings(session_secret=SecretStr(given)).signing_key() == given
        assert list(tmp_path.iterdir()) == []

    def test_made_once_and_private(self, tmp_path: Path) -> None:
        home = tmp_path / "deep" / "home"
        key = Settings(rollcall_home=home).signing_key()
        assert len(key) >= 48
        assert Settings(rollcall_home=home).signing_key() == key
        (kept,) = home.iterdir()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    def test_private_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            Settings(rollcall_home=tmp_path / "home").signing_key()
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "home" / "session_secret").stat().st_mode) == 0o600

    def test_workers_that_start_at_once_agree(self, tmp_path: Path) -> None:
        for attempt in range(20):
            settings = Settings(rollcall_home=tmp_path / str(attempt))
            with ThreadPoolExecutor(8) as pool:
                keys = set(pool.map(lambda _: settings.signing_key(), range(8)))  # noqa: B023 (used at once)
            assert len(keys) == 1
            assert len(list((tmp_path / str(attempt)).iterdir())) == 1

    def test_an_empty_file_is_no_key(self, tmp_path: Path) -> None:
        (tmp_path / "session_secret").touch()
        with pytest.raises(SettingsError, match="is empty; delete it"):
            Settings(rollcall_home=tmp_path).signing_key()

    @pytest.mark.parametrize("kept", ["k" * 31, "k" * 31 + "\n", " " * 40])
    def test_a_short_one_is_no_key(self, tmp_path: Path, kept: str) -> None:
        (tmp_path / "session_secret").write_text(kept)
        with pytest.raises(SettingsError, match="is shorter than 32 characters; delete it"):
            Settings(rollcall_home=tmp_path).signing_key()

    def test_a_home_that_cannot_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(SettingsError) as refused:
            Settings(rollcall_home=tmp_path / "file" / "home").signing_key()
        assert "set SESSION_SECRET or make the folder writable" in str(refused.value)
