"""Who is meant by a Universal Logout, in the subject identifiers of RFC 9493 that Okta sends."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator

from backend.errors import LogoutSubjectInvalid
from backend.schemas.text import load_storable

_Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class ByEmail(BaseModel):
    format: Literal["email"]
    email: _Text


class ByIssuerAndSubject(BaseModel):
    format: Literal["iss_sub"]
    iss: _Text
    sub: _Text


class ById(BaseModel):
    """By the id that somebody has here."""

    format: Literal["opaque"]
    id: _Text


Subject = Annotated[ByEmail | ByIssuerAndSubject | ById, Field(discriminator="format")]


class LogoutRequest(BaseModel):
    """The draft calls the member `sub_id`; as Okta's guide did before, `subject` is taken, too."""

    sub_id: Subject | None = None
    subject: Subject | None = None

    @model_validator(mode="after")
    def _one(self) -> "LogoutRequest":
        if (self.sub_id is None) == (self.subject is None):
            raise ValueError("one of sub_id and subject is needed")
        return self


def read(body: bytes) -> ByEmail | ByIssuerAndSubject | ById:
    """Raises LogoutSubjectInvalid."""
    try:
        request = LogoutRequest.model_validate(load_storable(body))
    except (ValidationError, ValueError, RecursionError) as error:
        raise LogoutSubjectInvalid from error
    found = request.sub_id or request.subject
    assert found is not None
    return found
