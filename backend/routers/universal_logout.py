"""`POST /okta/universal-logout/{organization_id}`: a customer's Okta signs somebody out."""

from fastapi import APIRouter, status

from backend.http.guards import SessionDep
from backend.http.logouts import LogoutRoute, SignedLogout
from backend.http.problems import problems
from backend.okta.subjects import LogoutRequest
from backend.services import universal_logout

router = APIRouter(
    route_class=LogoutRoute,
    tags=["sign-in"],
    responses=problems(
        429,
        503,
        _400="The body does not say who is meant.",
        _401="The JWT is missing, or does not prove that the organization's Okta sent this.",
        _403="Universal Logout is not set up for the organization.",
        _404="Nobody of the organization is meant.",
        _422="Okta's keys cannot be read, so nobody was signed out.",
    ),
)


@router.post(
    f"{universal_logout.PATH}/{{organization_id}}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End all sessions and tokens of a person",
    description="For a customer's Okta alone: its Universal Logout, by the draft Global Token "
    "Revocation. All of whoever is meant has ended once it is answered 204; they may sign in "
    "again, if their directory lets them.",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{LogoutRequest.__name__}"},
                    "example": {"sub_id": {"format": "email", "email": "ann@example.com"}},
                }
            },
        }
    },
)
async def sign_out_by_okta(logout: SignedLogout, session: SessionDep) -> None:
    await universal_logout.sign_out(session, logout.organization_id, logout.subject)
