"""Okta's Universal Logout: whoever is meant is out, and nobody but their Okta can have it done."""

import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from backend.okta.keys import KeySets
from backend.services import live
from backend.services.rate_limits import LOGOUTS_REFUSED
from emulator.testing import RevocationRequest, SubjectFormat, User, Wrong
from tests.directory_api import ask, user_id_of
from tests.http.test_rate_limits import assert_too_many, use
from tests.okta.answering import Answering
from tests.routers.test_live import opened
from tests.routers.test_organization import change, noted
from tests.serving import serving
from tests.stack import Stack
from tests.working import execute

REFUSED = {
    Wrong.KEY: (401, "signature"),
    Wrong.EXPIRED: (401, "expired"),
    Wrong.AUDIENCE: (401, "audience"),
    Wrong.ISSUER: (401, "issuer"),
    Wrong.TYPE: (401, "type"),
    Wrong.UNAUTHORIZED: (401, "unauthorized"),
    # The emulator's says an id of Okta's, where one of ours belongs.
    Wrong.SUBJECT_FORMAT: (404, None),
}

Held = tuple[httpx.AsyncClient, dict[str, str]]


@pytest.fixture
async def adam(stack: Stack) -> httpx.AsyncClient:
    """An admin, who has set it up on both sides."""
    adam = await stack.sign_in_as("Admins", "Adam")
    emulator, of = stack.emulator, stack.organization.id
    set_up = await change(
        adam,
        logout_issuer=emulator.okta_issuer(of),
        logout_jwks_url=emulator.okta_key_address(of),
    )
    assert set_up.status_code == 200, set_up.text
    emulator.set_revocation(of, set_up.json()["logout_endpoint"])
    return adam


@pytest.fixture
async def ann(stack: Stack, adam: httpx.AsyncClient) -> User:
    del adam
    ann = stack.person("Ann")
    await stack.deliver()
    return ann


async def held_by(stack: Stack, person: User) -> Held:
    browser = await stack.sign_in(person)
    made = await browser.post("/tokens", json={"name": "t", "scopes": ["read"]})
    return browser, {"Authorization": f"Bearer {made.json()['secret']}"}


async def is_in(stack: Stack, held: Held) -> set[bool]:
    browser, token = held
    answers = [await browser.get("/me"), await stack.browser().get("/me", headers=token)]
    return {answer.status_code == 200 for answer in answers}


async def post(stack: Stack, request: RevocationRequest, **more: Any) -> httpx.Response:
    path = urlsplit(request.url).path
    sent = {"content": request.body, "headers": request.headers} | more
    return await stack.browser().post(path, **sent)


async def test_the_button_in_okta_ends_sessions_and_tokens(
    stack: Stack, adam: httpx.AsyncClient, ann: User
) -> None:
    """Those of nobody else, at once and for good; who is still let in may sign in anew."""
    first, second = await held_by(stack, ann), await held_by(stack, ann)
    kim = stack.person("Kim")
    await stack.deliver()
    other = await held_by(stack, kim)
    stack.emulator.parts.app.state.okta.application = stack.transport
    console = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=stack.emulator.app), base_url="http://emulator"
    )
    await console.post(f"/people/{ann.idp_id}/revoke")
    assert "The application answered 204." in (await console.get(f"/people/{ann.idp_id}")).text
    assert await is_in(stack, first) == await is_in(stack, second) == {False}
    assert await is_in(stack, other) == {True}
    assert (await ask(adam, "/me"))["name"].startswith("Adam")
    (shown,) = (await ask(adam, "/audit", action="universal_logout"))["items"]
    assert shown["sentence"].startswith("Okta signed Ann ")
    (entry,) = await noted(stack, "universal_logout")
    assert entry == {"source": "email", "sessions": 2, "tokens": 2}
    assert await is_in(stack, await held_by(stack, ann)) == {True}
    assert await is_in(stack, first) == {False}


async def test_open_pages_are_closed_at_once(
    stack: Stack, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that look by the clock alone would be within five seconds."""
    monkeypatch.setattr(live, "_LOOK_SECONDS", 60)
    browser = await stack.sign_in(ann)
    async with serving(stack.app) as url, opened(url, browser) as page:
        assert (await post(stack, stack.emulator.revocation(ann))).status_code == 204
        await page.until("ended")
        assert await page.is_over()


@pytest.mark.parametrize("wrong", [wrong for wrong in Wrong if wrong])
async def test_whatever_is_wrong_with_it_signs_nobody_out(
    stack: Stack, ann: User, wrong: Wrong
) -> None:
    held = await held_by(stack, ann)
    status, reason = REFUSED[wrong]
    answer = await post(stack, stack.emulator.revocation(ann, wrong))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await is_in(stack, held) == {True}
    assert await noted(stack, "universal_logout") == []
    refused = await noted(stack, "universal_logout.refused")
    assert [entry["reason"] for entry in refused] == ([f"logout_{reason}"] if reason else [])
    assert (await post(stack, stack.emulator.revocation(ann))).status_code == 204
    assert await is_in(stack, held) == {False}


@pytest.mark.parametrize("member", ["sub_id", "subject"])
@pytest.mark.parametrize("by", ["email", "EMAIL", "iss_sub", "name identifier", "opaque"])
async def test_whoever_is_meant(
    stack: Stack, adam: httpx.AsyncClient, ann: User, by: str, member: str
) -> None:
    held = await held_by(stack, ann)
    email = ann.email or ""
    subject = {
        "email": {"format": "email", "email": email},
        "EMAIL": {"format": "email", "email": email.upper()},
        "iss_sub": {"format": "iss_sub", "iss": "https://acme.okta.example", "sub": ann.idp_id},
        "name identifier": {"format": "iss_sub", "iss": "http://www.okta.com/exk1", "sub": email},
        "opaque": {"format": "opaque", "id": await user_id_of(adam, ann)},
    }[by]
    request = stack.emulator.revocation(ann)
    answer = await post(stack, request, content=json.dumps({member: subject}))
    assert (answer.status_code, answer.content) == (204, b"")
    assert await is_in(stack, held) == {False}


async def test_the_emulated_okta_says_who_by_issuer_and_subject(stack: Stack, ann: User) -> None:
    held = await held_by(stack, ann)
    endpoint = stack.emulator.revocation(ann).url
    stack.emulator.set_revocation(stack.organization.id, endpoint, SubjectFormat.ISS_SUB)
    assert (await post(stack, stack.emulator.revocation(ann))).status_code == 204
    assert await is_in(stack, held) == {False}


async def test_all_who_have_the_address_are_signed_out(stack: Stack, ann: User) -> None:
    """Who is meant cannot be known: one too many signs in again."""
    held = await held_by(stack, ann)
    other = stack.person("Anna")
    await stack.deliver()
    others = await held_by(stack, other)
    await execute(
        stack,
        f"UPDATE users SET email = upper('{ann.email}') WHERE organization_id = "
        f"'{stack.organization.id}' AND key = '{other.idp_id}'",
    )
    assert (await post(stack, stack.emulator.revocation(ann))).status_code == 204
    assert await is_in(stack, held) == await is_in(stack, others) == {False}
    assert len(await noted(stack, "universal_logout")) == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"sub_id": {"format": "email", "email": "nobody@acme.example"}}', 404),
        ('{"sub_id": {"format": "email", "email": "%"}}', 404),
        ('{"sub_id": {"format": "email", "email": "@acme.example"}}', 404),
        ('{"sub_id": {"format": "iss_sub", "iss": "https://acme.example", "sub": "00u"}}', 404),
        ('{"sub_id": {"format": "opaque", "id": "00u1"}}', 404),
        ('{"sub_id": {"format": "email", "email": "a\\u0000@acme.example"}}', 404),
        ('{"sub_id": {"format": "phone_number", "phone_number": "+1"}}', 400),
        ('{"sub_id": {"format": "email", "email": ""}}', 400),
        ('{"sub_id": {"format": "iss_sub", "sub": "00u1"}}', 400),
        ('{"sub_id": "ann@acme.example"}', 400),
        ('{"sub_id": null}', 400),
        ("{}", 400),
        ("[]", 400),
        ("sub_id=ann", 400),
        ("\xff", 400),
        ("", 400),
        ("[" * 100_000, 400),
    ],
)
async def test_who_is_nobody_and_what_says_nobody(
    stack: Stack, ann: User, body: str, status: int
) -> None:
    held = await held_by(stack, ann)
    answer = await post(stack, stack.emulator.revocation(ann), content=body.encode("latin-1"))
    assert answer.status_code == status, answer.text
    code = "not_found" if status == 404 else "logout_subject_invalid"
    assert answer.json()["code"] == code
    assert await is_in(stack, held) == {True}


async def test_invariant_9_one_organizations_okta_signs_nobody_of_another_out(
    stack: Stack, ann: User
) -> None:
    other = Stack(stack.app, stack.emulator, stack.clock)
    await other.deliver()
    eve = await other.sign_in_as("Admins", "Eve")
    await change(
        eve,
        logout_issuer=other.emulator.okta_issuer(other.organization.id),
        logout_jwks_url=other.emulator.okta_key_address(other.organization.id),
    )
    mallory = other.person("Mallory", email=ann.email)
    await other.deliver()
    held, hers = await held_by(stack, ann), await held_by(other, mallory)
    endpoint = (await ask(eve, "/organization"))["logout_endpoint"]
    other.emulator.set_revocation(other.organization.id, endpoint)
    request = other.emulator.revocation(mallory)
    # To the other endpoint: their audience and issuer are not this one's.
    theirs = stack.emulator.revocation(ann)
    assert (await post(stack, request, headers=theirs.headers)).status_code == 401
    path = urlsplit(theirs.url).path
    answer = await stack.browser().post(path, content=request.body, headers=request.headers)
    assert answer.status_code == 401
    assert await is_in(stack, held) == await is_in(other, hers) == {True}
    assert (await post(other, request)).status_code == 204
    assert await is_in(other, hers) == {False}
    assert await is_in(stack, held) == {True}


async def test_where_it_is_not_set_up_and_where_there_is_nobody(
    stack: Stack, adam: httpx.AsyncClient, ann: User
) -> None:
    request = stack.emulator.revocation(ann)
    for organization_id in ("org_unknown", "%00", "a" * 5000):
        path = f"/okta/universal-logout/{organization_id}"
        answer = await stack.browser().post(path, content=request.body, headers=request.headers)
        assert answer.status_code == (404 if len(organization_id) > 255 else 403)
    await change(adam, logout_issuer=None, logout_jwks_url=None)
    answer = await post(stack, request)
    assert (answer.status_code, answer.json()["code"]) == (403, "logout_not_set_up")


async def test_refusals_are_noted_once_an_hour_and_client(
    stack: Stack, adam: httpx.AsyncClient, ann: User
) -> None:
    wrong = stack.emulator.revocation(ann, Wrong.KEY)
    path = urlsplit(wrong.url).path
    for address in (None, None, "203.0.113.7", "203.0.113.7", "2001:db8::1", "2001:db8::2"):
        browser = stack.browser(address)
        answer = await browser.post(path, content=wrong.body, headers=wrong.headers)
        assert answer.status_code == 401
    refused = await noted(stack, "universal_logout.refused")
    assert refused == [{"reason": "logout_signature"}] * 3
    (newest, *_) = (await ask(adam, "/audit", action="universal_logout.refused"))["items"]
    assert newest["subject"]["kind"] == "client"
    assert newest["count"] == 2
    assert newest["sentence"] == (
        "A Universal Logout that is not proved to be Okta's came from 2001:db8::/64: "
        "logout signature."
    )


async def test_only_what_is_not_proved_is_limited(stack: Stack, ann: User) -> None:
    wrong = stack.emulator.revocation(ann, Wrong.KEY)
    for _ in range(3):
        assert (await post(stack, stack.emulator.revocation(ann))).status_code == 204
    await use(stack, LOGOUTS_REFUSED, left=1)
    assert (await post(stack, wrong)).status_code == 401
    assert_too_many(await post(stack, wrong), LOGOUTS_REFUSED)
    # It costs no more than to say so; at another address Okta is heard.
    assert_too_many(await post(stack, stack.emulator.revocation(ann)), LOGOUTS_REFUSED)
    right = stack.emulator.revocation(ann)
    elsewhere = stack.browser("203.0.113.9")
    path = urlsplit(right.url).path
    answer = await elsewhere.post(path, content=right.body, headers=right.headers)
    assert answer.status_code == 204


async def test_open_invitations_stay(stack: Stack, adam: httpx.AsyncClient, ann: User) -> None:
    """It is about what somebody has, who may come back."""
    path = f"/team/{await user_id_of(adam, ann)}/invitation"
    assert (await adam.post(path)).status_code == 201
    assert (await post(stack, stack.emulator.revocation(ann))).status_code == 204
    (row,) = (await ask(adam, "/team", q=ann.email))["items"]
    assert row["status"] == "invited"


class TestForgeries:
    """Of a key that the attacker has, and of what a JWT can be made to say."""

    @pytest.fixture
    def claims(self, stack: Stack, ann: User) -> dict[str, Any]:
        return stack.emulator.revocation(ann).claims

    @pytest.mark.parametrize(
        ("header", "reason"),
        [
            ({"alg": "none"}, "algorithm"),
            ({"alg": "HS256"}, "algorithm"),
            ({"alg": "RS512"}, "algorithm"),
            ({"kid": None}, "unknown_key"),
            ({"kid": "k" * 300}, "unknown_key"),
            ({"kid": "another"}, "unknown_key"),
            ({"typ": None}, "type"),
            ({"typ": "at+jwt"}, "type"),
        ],
    )
    async def test_headers(
        self, stack: Stack, ann: User, header: dict[str, Any], reason: str
    ) -> None:
        right = stack.emulator.revocation(ann)
        token = right.headers["Authorization"].removeprefix("Bearer ")
        told = jwt.get_unverified_header(token) | header
        named = {name: value for name, value in told.items() if value is not None}
        parts = [jwt.utils.base64url_encode(json.dumps(named).encode()).decode()]
        forged = ".".join([*parts, *token.split(".")[1:]])
        answer = await post(stack, right, headers={"Authorization": f"Bearer {forged}"})
        assert answer.status_code == 401
        (entry,) = await noted(stack, "universal_logout.refused")
        assert entry["reason"] == f"logout_{reason}"

    @pytest.mark.parametrize(
        "credentials",
        ["", "Bearer", "Bearer  ", "Bearer a.b.c", "Bearer .", "Basic YTpi", "Bearer e30.e30."],
    )
    async def test_what_is_no_jwt(self, stack: Stack, ann: User, credentials: str) -> None:
        right = stack.emulator.revocation(ann)
        answer = await post(stack, right, headers={"Authorization": credentials})
        assert (answer.status_code, answer.json()["code"]) == (401, "logout_refused")

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"exp": None}, "claims"),
            ({"iat": None}, "claims"),
            ({"nbf": None}, "claims"),
            ({"aud": None}, "claims"),
            ({"nbf": 600}, "too_early"),
            ({"iat": 600}, "too_early"),
            ({"exp": -90}, "expired"),
            ({"aud": ["both"]}, "audience"),
        ],
    )
    async def test_claims_that_okta_has_signed(
        self,
        stack: Stack,
        ann: User,
        claims: dict[str, Any],
        change: dict[str, Any],
        reason: str,
    ) -> None:
        """With a key of the organization's, so that each claim is refused for itself."""
        key = rsa.generate_private_key(65537, 2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        answer = httpx2.Response(200, json={"keys": [public | {"kid": "own", "use": "sig"}]})
        usual = stack.app.state.okta_keys
        stack.app.state.okta_keys = KeySets(inner=True, transport=Answering(answer))
        now = int(time.time())
        made = {
            name: now + value if isinstance(value, int) else value for name, value in change.items()
        }
        if made.get("aud") == ["both"]:
            made["aud"] = [claims["aud"], "https://elsewhere.example"]
        told = {name: value for name, value in (claims | made).items() if value is not None}
        headers = {"kid": "own", "typ": "global-token-revocation+jwt"}
        right = stack.emulator.revocation(ann)
        for said, status in ((told, 401), (claims, 204)):
            token = jwt.encode(said, key, "RS256", headers=headers)
            answered = await post(stack, right, headers={"Authorization": f"Bearer {token}"})
            assert answered.status_code == status, answered.text
        stack.app.state.okta_keys = usual
        (entry,) = await noted(stack, "universal_logout.refused")
        assert entry["reason"] == f"logout_{reason}"


async def test_keys_that_cannot_be_read(stack: Stack, adam: httpx.AsyncClient, ann: User) -> None:
    """Nobody is signed out, and the admin can see why."""
    held = await held_by(stack, ann)
    address = stack.emulator.okta_key_address(stack.organization.id)
    await change(adam, logout_jwks_url=f"{address}-of-nobody")
    answer = await post(stack, stack.emulator.revocation(ann))
    assert (answer.status_code, answer.json()["code"]) == (422, "logout_keys_unavailable")
    assert await is_in(stack, held) == {True}
    (entry,) = await noted(stack, "universal_logout.refused")
    assert entry["reason"] == "logout_keys_unavailable"
