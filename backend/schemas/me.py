"""The signed-in person on the wire."""

from uuid import UUID

from pydantic import BaseModel

from backend.schemas.access import Permission, Role


class Organization(BaseModel):
    id: str
    name: str


class Me(BaseModel):
    id: UUID
    name: str
    email: str | None
    organization: Organization
    roles: list[Role]
    permissions: list[Permission]
