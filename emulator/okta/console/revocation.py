"""Universal Logout: its settings, the keys it is signed with, and the button on a person."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from emulator.okta import revocation, signing_keys
from emulator.okta.console.guards import OktaDep
from emulator.okta.revocation import SubjectFormat, SubjectMember, Wrong
from emulator.web.pages import back_to

Json = dict[str, Any]
router = APIRouter(include_in_schema=False)
NO_CONTENT = 204


@router.get("/okta/{company_id}/oauth2/v1/keys")
async def keys(okta: OktaDep, company_id: str) -> Json:
    return await run_in_threadpool(signing_keys.published, okta.records, company_id)


@router.get("/okta/{company_id}/.well-known/openid-configuration")
async def metadata(okta: OktaDep, company_id: str) -> Json:
    """No OpenID provider; what an application needs of one to check the signature."""
    okta.records.company(company_id)
    return {
        "issuer": revocation.issuer(okta, company_id),
        "jwks_uri": revocation.key_address(okta, company_id),
        "id_token_signing_alg_values_supported": [signing_keys.ALGORITHM],
    }


@router.post("/companies/{company_id}/revocation")
async def change_revocation(
    okta: OktaDep,
    company_id: str,
    subject_format: Annotated[SubjectFormat, Form()] = SubjectFormat.EMAIL,
    subject_member: Annotated[SubjectMember, Form()] = SubjectMember.SUB_ID,
    url: Annotated[str, Form(max_length=1024)] = "",
) -> RedirectResponse:
    revocation.set_endpoint(okta, company_id, url.strip(), subject_format, subject_member)
    return back_to("/settings", "Okta's Universal Logout is saved.")


@router.post("/people/{person_id}/revoke")
async def revoke(
    okta: OktaDep, person_id: str, wrong: Annotated[Wrong, Form()] = Wrong.NOTHING
) -> RedirectResponse:
    """Sent as it should be, which is to be answered 204, or with one thing wrong."""
    row = await revocation.send(okta, person_id, wrong)
    page = f"/people/{person_id}"
    if row["status"] is None:
        return back_to(page, f"The application did not answer. {row['answer']}", "problem")
    told = f"The application answered {row['status']}. {row['answer']}".strip()
    as_due = (row["status"] == NO_CONTENT) is (wrong is Wrong.NOTHING)
    return back_to(page, told, "done" if as_due else "problem")
