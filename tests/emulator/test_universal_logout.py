"""Universal Logout: Okta's signed request to end somebody's sessions, judged as its receiver."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest

from emulator.testing import (
    Directory,
    Emulator,
    OktaRefusedError,
    Organization,
    RevocationRequest,
    SubjectFormat,
    User,
    Wrong,
)

ENDPOINT = "http://localhost:3000/okta/revoke?from=okta#here"
AUDIENCE = "http://localhost:3000/okta/revoke"
REFUSED = {
    Wrong.KEY: jwt.InvalidSignatureError,
    Wrong.EXPIRED: jwt.ExpiredSignatureError,
    Wrong.AUDIENCE: jwt.InvalidAudienceError,
    Wrong.ISSUER: jwt.InvalidIssuerError,
}


class Application:
    """Whoever receives the requests, and answers each with what it is told to."""

    def __init__(self) -> None:
        self.received: list[httpx.Request] = []
        self.answer: httpx.Response | httpx.HTTPError = httpx.Response(204)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        if isinstance(self.answer, httpx.HTTPError):
            raise self.answer
        return self.answer


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
async def emulator(application: Application) -> AsyncIterator[Emulator]:
    made = Emulator(application=httpx.MockTransport(application))
    yield made
    made.close()


@pytest.fixture
def ann(emulator: Emulator, acme: Organization, directory: Directory) -> User:
    emulator.set_revocation(acme.id, ENDPOINT)
    return emulator.create_user(directory.id, email="ann@acme.example", first_name="Ann")


async def verified(
    emulator: Emulator, browser: httpx.AsyncClient, organization: str, token: str
) -> dict[str, Any]:
    """The claims, by the keys at the key address."""
    answer = await browser.get(emulator.okta_key_address(organization))
    assert answer.json() == emulator.okta_keys(organization)
    keys = jwt.PyJWKSet.from_dict(answer.json())
    claims: dict[str, Any] = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]],
        algorithms=["RS256"],
        audience=AUDIENCE,
        issuer=emulator.okta_issuer(organization),
        options={"require": ["jti", "iss", "sub", "aud", "exp", "nbf", "iat"]},
    )
    return claims


def bearer(request: RevocationRequest | httpx.Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


async def test_the_button_sends_what_okta_documents(
    emulator: Emulator,
    browser: httpx.AsyncClient,
    acme: Organization,
    ann: User,
    application: Application,
) -> None:
    page = f"/people/{ann.idp_id}"
    assert "Clear sessions and revoke tokens" in (await browser.get(page)).text
    await browser.post(f"{page}/revoke")
    (request,) = application.received
    assert (request.method, str(request.url)) == ("POST", ENDPOINT.partition("#")[0])
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {
        "sub_id": {"format": "email", "email": "ann@acme.example"}
    }
    assert jwt.get_unverified_header(bearer(request)) | {"kid": ""} == {
        "typ": "global-token-revocation+jwt", "alg": "RS256", "kid": "",
    }  # fmt: skip
    claims = await verified(emulator, browser, acme.id, bearer(request))
    assert claims["sub"] == emulator.okta_app_id(acme.id)
    assert claims["sub"].startswith("0oa")
    assert (claims["exp"] - claims["iat"], claims["iat"] - claims["nbf"]) == (300, 300)
    shown = (await browser.get(page)).text
    assert "The application answered 204." in shown
    assert bearer(request) in shown

    await browser.post(f"{page}/revoke")
    second = await verified(emulator, browser, acme.id, bearer(application.received[1]))
    assert second["jti"] != claims["jti"]


async def test_a_person_is_named_by_issuer_and_subject(
    emulator: Emulator, acme: Organization, ann: User
) -> None:
    emulator.set_revocation(acme.id, ENDPOINT, SubjectFormat.ISS_SUB)
    body = json.loads(emulator.revocation(ann).body)
    assert body["sub_id"] == {
        "format": "iss_sub", "iss": emulator.okta_issuer(acme.id), "sub": ann.idp_id,
    }  # fmt: skip


async def test_the_body_names_the_person_as_the_earlier_guide_did_too(
    emulator: Emulator, browser: httpx.AsyncClient, ann: User
) -> None:
    (company,) = emulator.records.companies()
    form = {"url": ENDPOINT, "subject_member": "subject"}
    await browser.post(f"/companies/{company['id']}/revocation", data=form)
    assert json.loads(emulator.revocation(ann).body) == {
        "subject": {"format": "email", "email": "ann@acme.example"}
    }


@pytest.mark.parametrize("wrong", REFUSED)
async def test_one_thing_is_wrong_at_a_time(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, ann: User, wrong: Wrong
) -> None:
    with pytest.raises(REFUSED[wrong]):
        await verified(emulator, browser, acme.id, bearer(emulator.revocation(ann, wrong)))
    await verified(emulator, browser, acme.id, bearer(emulator.revocation(ann)))


def test_token_type_subject_format_and_no_token(emulator: Emulator, ann: User) -> None:
    other = emulator.revocation(ann, Wrong.TYPE)
    assert jwt.get_unverified_header(bearer(other))["typ"] == "JWT"
    assert "Authorization" not in emulator.revocation(ann, Wrong.UNAUTHORIZED).headers
    unknown = json.loads(emulator.revocation(ann, Wrong.SUBJECT_FORMAT).body)
    assert unknown["sub_id"] == {"format": "opaque", "id": ann.idp_id}


@pytest.mark.parametrize(
    ("answer", "wrong", "told"),
    [
        (httpx.Response(204), "", "done"),
        (httpx.Response(404, text="Nobody"), "", "problem"),
        (httpx.Response(401), "key", "done"),
        (httpx.Response(204), "key", "problem"),
        (httpx.ConnectError("refused"), "", "problem"),
        (httpx.Response(302, headers={"Location": "/"}), "", "problem"),
    ],
)
async def test_the_answer_is_shown(
    browser: httpx.AsyncClient,
    ann: User,
    application: Application,
    answer: httpx.Response | httpx.HTTPError,
    wrong: str,
    told: str,
) -> None:
    application.answer = answer
    await browser.post(f"/people/{ann.idp_id}/revoke", data={"wrong": wrong})
    page = (await browser.get(f"/people/{ann.idp_id}")).text
    assert f'class="notice {told}"' in page
    assert len(application.received) == 1
    status = str(answer.status_code) if isinstance(answer, httpx.Response) else "did not answer"
    assert status in page.partition('role="status">')[2].partition("</p>")[0]


@pytest.mark.usefixtures("directory")
async def test_each_company_signs_with_its_own_key(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization
) -> None:
    beta = emulator.create_organization("Beta")
    emulator.create_directory(beta.id, "Beta Okta")
    assert emulator.okta_keys(acme.id) == emulator.okta_keys(acme.id)
    assert emulator.okta_keys(acme.id) != emulator.okta_keys(beta.id)
    assert emulator.okta_issuer(acme.id) != emulator.okta_issuer(beta.id)
    metadata = f"{emulator.okta_issuer(acme.id)}/.well-known/openid-configuration"
    found = (await browser.get(metadata)).json()
    assert found["issuer"] == emulator.okta_issuer(acme.id)
    assert found["jwks_uri"] == emulator.okta_key_address(acme.id)
    published = json.dumps(emulator.okta_keys(acme.id))
    assert not {"d", "p", "q", "dp", "dq", "qi"} & json.loads(published)["keys"][0].keys()
    unknown = emulator.okta_key_address(acme.id).replace("00o", "00x")
    assert (await browser.get(unknown)).status_code == 404


async def test_the_settings_form_holds_the_endpoint(
    emulator: Emulator, browser: httpx.AsyncClient, acme: Organization, directory: Directory
) -> None:
    ann = emulator.create_user(directory.id, email="ann@acme.example")
    with pytest.raises(OktaRefusedError):
        emulator.revocation(ann)
    assert "enter the application" in (await browser.get(f"/people/{ann.idp_id}")).text
    (company,) = emulator.records.companies()
    path = f"/companies/{company['id']}/revocation"
    form = {"url": f" {AUDIENCE} ", "subject_format": "iss_sub"}
    await browser.post(path, data=form)
    assert emulator.revocation(ann).url == AUDIENCE
    settings = (await browser.get("/settings")).text
    for shown in (AUDIENCE, emulator.okta_issuer(acme.id), emulator.okta_key_address(acme.id)):
        assert shown in settings
    assert emulator.okta_app_id(acme.id) in settings
    for wrong in ("no address", "ftp://localhost/", "http://", "http://[::1"):
        await browser.post(path, data=form | {"url": wrong})
        assert emulator.revocation(ann).url == AUDIENCE
    await browser.post(path, data=form | {"url": ""})
    with pytest.raises(OktaRefusedError):
        emulator.revocation(ann)
