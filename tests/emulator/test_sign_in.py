"""Sign-in page, errors on the redirect, and sign-in begun at Okta."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from emulator.okta.console.sign_in import ERRORS
from emulator.okta.records import Status
from emulator.testing import Directory, Emulator, Organization

CALLBACK = "http://localhost:3000/auth/callback"


def authorize(acme: Organization, **changes: str | None) -> httpx.URL:
    query = {
        "client_id": "client_emulator",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "organization": acme.id,
        "state": "s",
    } | changes
    given = {name: value for name, value in query.items() if value is not None}
    return httpx.URL("/sso/authorize", params=given)


def landed(answer: httpx.Response) -> dict[str, str]:
    """What arrived at the callback."""
    location = answer.headers["Location"]
    assert location.startswith(f"{CALLBACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def form_of(page: str, button: str) -> dict[str, str]:
    """The hidden fields beside a button."""
    (form,) = [each for each in re.findall(r"<form.*?</form>", page, re.DOTALL) if button in each]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


async def picked(
    browser: httpx.AsyncClient, url: httpx.URL, button: str, **typed: str
) -> dict[str, str]:
    page = await browser.get(url, follow_redirects=True)
    assert page.status_code == 200
    return landed(await browser.post("/sso/acs", data=form_of(page.text, button) | typed))


async def test_the_page_shows_who_may_sign_in(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann", last_name="L<e")
    gone = emulator.create_user(directory.id, email="bob@acme.example", first_name="Bob")
    emulator.deactivate_user(gone)
    page = (await browser.get(authorize(acme), follow_redirects=True)).text
    assert "Ann L&lt;e" in page
    assert "Deactivated in Okta" in page
    assert set(await picked(browser, authorize(acme), "Ann L&lt;e")) == {"code", "state"}
    anyway = await picked(browser, authorize(acme), "Sign in anyway as Bob")
    assert set(anyway) == {"code", "state"}
    refused = await picked(browser, authorize(acme), "Be refused as Bob")
    assert (refused["error"], refused["state"]) == ("access_denied", "s")


async def test_login_hint_is_offered_first(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    hinted = authorize(acme, login_hint="ANN@acme.example")
    assert set(await picked(browser, hinted, "Continue as Ann")) == {"code", "state"}
    page = await browser.get(authorize(acme, login_hint="no@x.example"), follow_redirects=True)
    assert "whom this company does not have" in page.text


@pytest.mark.parametrize("code", ERRORS)
@pytest.mark.usefixtures("directory")
async def test_each_error_can_be_provoked(
    browser: httpx.AsyncClient, acme: Organization, code: str
) -> None:
    answer = await picked(browser, authorize(acme), "Send error", error=code)
    assert answer["error"] == code
    assert answer["error_description"]
    assert answer["state"] == "s"


async def test_requests_that_come_back_as_errors(
    browser: httpx.AsyncClient, emulator: Emulator, acme: Organization
) -> None:
    async def error(**changes: str | None) -> str:
        return landed(await browser.get(authorize(acme, **changes)))["error"]

    assert await error(organization="org_unknown") == "organization_invalid"
    assert await error(organization=None) == "invalid_request"
    assert await error(connection=acme.connection_id) == "invalid_request"
    assert await error(organization=None, connection="conn_unknown") == "connection_invalid"
    assert await error(response_type="token") == "unsupported_response_type"
    emulator.world.store.run("delete from connections")
    assert await error() == "connection_unlinked"


async def test_nothing_is_sent_to_an_address_that_is_not_configured(
    browser: httpx.AsyncClient, acme: Organization
) -> None:
    for changes in ({"redirect_uri": "http://evil.example/"}, {"client_id": "client_other"}):
        answer = await browser.get(authorize(acme, **changes))
        assert answer.status_code == 400
        assert "Location" not in answer.headers


async def test_the_tile_begins_without_state(
    emulator: Emulator, browser: httpx.AsyncClient, directory: Directory
) -> None:
    emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    suspended = emulator.create_user(directory.id, email="sue@acme.example", first_name="Sue")
    emulator.records.set_status(suspended.idp_id, Status.SUSPENDED)
    page = (await browser.get("/tile")).text
    assert "as Sue" not in page
    fields = form_of(page, "Open Rollcall as Ann")
    assert set(landed(await browser.post("/sso/acs", data=fields))) == {"code"}


async def test_a_sign_in_is_used_once(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    page = (await browser.get(authorize(acme), follow_redirects=True)).text
    fields = form_of(page, "<b>Ann ")
    assert "code" in landed(await browser.post("/sso/acs", data=fields))
    again = landed(await browser.post("/sso/acs", data=fields))
    assert again["error"] == "invalid_request"


async def test_without_the_saml_statement_the_id_is_the_address(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")
    (company,) = emulator.records.companies()
    saved = {"app": "custom", "saml_id": "email"}
    await browser.post(f"/companies/{company['id']}", data=saved)
    code = (await picked(browser, authorize(acme), "<b>Ann "))["code"]
    form = {
        "client_id": "client_emulator",
        "client_secret": "sk_test_emulator",
        "grant_type": "authorization_code",
        "code": code,
    }
    wrong = await browser.post("/sso/token", data=form | {"client_secret": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    profile = (await browser.post("/sso/token", data=form)).json()["profile"]
    assert profile["idp_id"] == profile["email"] == "ann@acme.example"
