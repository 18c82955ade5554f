"""Universal Logout: Okta asks the application to end a person's sessions and tokens.

The request is the one of Okta's guide "Build Universal Logout for your app": a JWT signed with the
company's key authorizes it, and the body says who is meant.
"""

import json
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urldefrag, urlsplit, urlunsplit

import httpx
import jwt

from emulator.okta import signing_keys
from emulator.okta.provisioning import Okta
from emulator.okta.records import OktaRefusedError
from emulator.store import Row

Json = dict[str, Any]
JWT_TYPE = "global-token-revocation+jwt"
VALID_SECONDS = 300
ANSWER_SECONDS = 10
KEPT_ANSWER = 2_000
MS = 1000


class SubjectFormat(StrEnum):
    """How the application is told who is meant; Okta offers these two."""

    EMAIL = "email"
    ISS_SUB = "iss_sub"


class SubjectMember(StrEnum):
    """What the body calls who is meant: as the draft does, or as Okta's guide did before."""

    SUB_ID = "sub_id"
    SUBJECT = "subject"


class Wrong(StrEnum):
    """What can be wrong with the request, so that the application has to refuse it."""

    NOTHING = ""
    KEY = "key"
    EXPIRED = "expired"
    AUDIENCE = "audience"
    ISSUER = "issuer"
    TYPE = "type"
    UNAUTHORIZED = "unauthorized"
    SUBJECT_FORMAT = "subject_format"


@dataclass(frozen=True)
class RevocationRequest:
    """A POST as it goes over the wire, with what its token says."""

    url: str
    headers: dict[str, str]
    body: bytes
    claims: Json


def issuer(okta: Okta, company_id: str) -> str:
    return f"{okta.base_url}/okta/{company_id}"


def key_address(okta: Okta, company_id: str) -> str:
    return f"{issuer(okta, company_id)}/oauth2/v1/keys"


def app_id(company_id: str) -> str:
    """The instance of the application in this company's Okta, which the token is about."""
    return f"0oa{company_id[3:]}"


def set_endpoint(
    okta: Okta,
    company_id: str,
    url: str,
    subject_format: SubjectFormat = SubjectFormat.EMAIL,
    subject_member: SubjectMember = SubjectMember.SUB_ID,
) -> None:
    """Where the application is asked; empty is nowhere. Raises OktaRefusedError for no address."""
    okta.records.company(company_id)
    try:
        parts = urlsplit(url)
        usable = not url or (parts.scheme in {"http", "https"} and bool(parts.hostname))
    except ValueError:
        usable = False
    if not usable:
        raise OktaRefusedError(f"{url} is no address that can be called.")
    okta.records.store.run(
        "update companies set revocation_url = ?, subject_format = ?, subject_member = ?"
        " where id = ?",
        url,
        subject_format,
        subject_member,
        company_id,
    )


def sent(okta: Okta, person_id: str, limit: int) -> list[Row]:
    """The last requests about this person, newest first."""
    return okta.records.store.rows(
        "select * from revocations where person_id = ? order by id desc limit ?", person_id, limit
    )


def request(okta: Okta, person_id: str, wrong: Wrong = Wrong.NOTHING) -> RevocationRequest:
    """Raises OktaRefusedError where no endpoint is set, or nobody has this id."""
    person = okta.records.person(person_id)
    company = okta.records.company(person["company_id"])
    url = company["revocation_url"]
    if not url:
        raise OktaRefusedError("Enter the application's revocation endpoint in the settings first.")
    kid, key = signing_keys.of_company(okta.records, company["id"])
    claims = _claims(okta, company, url, wrong)
    token = jwt.encode(
        claims,
        signing_keys.generate() if wrong is Wrong.KEY else key,
        signing_keys.ALGORITHM,
        headers={"kid": kid, "typ": "JWT" if wrong is Wrong.TYPE else JWT_TYPE},
    )
    headers = {"Content-Type": "application/json", "User-Agent": "Okta Universal Logout"}
    if wrong is not Wrong.UNAUTHORIZED:
        headers["Authorization"] = f"Bearer {token}"
    body = {company["subject_member"]: _subject(okta, company, person, wrong)}
    return RevocationRequest(urldefrag(url).url, headers, json.dumps(body).encode(), claims)


async def send(okta: Okta, person_id: str, wrong: Wrong = Wrong.NOTHING) -> Row:
    """Call the endpoint and keep what it answered. Raises OktaRefusedError as `request` does."""
    asked = request(okta, person_id, wrong)
    at, started = okta.records.clock.now_ms(), time.perf_counter()
    status, answer = None, ""
    try:
        async with httpx.AsyncClient(
            transport=okta.application, timeout=ANSWER_SECONDS, trust_env=False
        ) as http:
            response = await http.post(asked.url, content=asked.body, headers=asked.headers)
        status, answer = response.status_code, response.text[:KEPT_ANSWER]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        answer = str(error) or type(error).__name__
    store = okta.records.store
    store.run(
        "insert into revocations (company_id, person_id, at, url, token, claims, body, wrong,"
        " status, answer, ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        okta.records.person(person_id)["company_id"],
        person_id,
        at,
        asked.url,
        asked.headers.get("Authorization", ""),
        json.dumps(asked.claims),
        asked.body.decode(),
        wrong,
        status,
        answer,
        round((time.perf_counter() - started) * MS),
    )
    return store.one("select * from revocations order by id desc limit 1")


def _claims(okta: Okta, company: Row, url: str, wrong: Wrong) -> Json:
    now = okta.records.clock.now_ms() // MS
    made = now - 2 * VALID_SECONDS if wrong is Wrong.EXPIRED else now
    own = issuer(okta, company["id"])
    return {
        "jti": secrets.token_urlsafe(16),
        "iss": f"{own}-of-somebody-else" if wrong is Wrong.ISSUER else own,
        "sub": app_id(company["id"]),
        "aud": "https://elsewhere.example/revoke" if wrong is Wrong.AUDIENCE else _bare(url),
        "exp": made + VALID_SECONDS,
        "nbf": made - VALID_SECONDS,
        "iat": made,
    }


def _subject(okta: Okta, company: Row, person: Row, wrong: Wrong) -> Json:
    if wrong is Wrong.SUBJECT_FORMAT:
        return {"format": "opaque", "id": person["id"]}
    if company["subject_format"] == SubjectFormat.ISS_SUB:
        iss = issuer(okta, company["id"])
        return {"format": SubjectFormat.ISS_SUB, "iss": iss, "sub": person["id"]}
    return {"format": SubjectFormat.EMAIL, "email": person["email"]}


def _bare(url: str) -> str:
    """Without its query and its fragment, as Okta puts it into the audience."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
