"""What a customer's IT administrators set up in WorkOS's Admin Portal, as events tell of it.

Each row is a register: the newest version wins, and what was deleted stays with that state. As no
row is about another one, they may arrive in any order.
"""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, WorkosId, WorkosKey


class Told:
    """The version: of what told of it last."""

    occurred_at: Mapped[datetime]
    event_id: Mapped[WorkosId]


class OrganizationDomain(Told, Base):
    """One that a newer listing of all of the organization's domains lacks is none any more."""

    __tablename__ = "organization_domains"

    organization_id: Mapped[WorkosKey]
    id: Mapped[WorkosKey]
    domain: Mapped[str]
    state: Mapped[str]

    # Who signs in says a domain, and not yet an organization.
    __table_args__ = (
        Index(
            "ix_organization_domains_verified",
            "domain",
            postgresql_where=text("state = 'verified'"),
        ),
    )


class Connection(Told, Base):
    """An SSO connection."""

    __tablename__ = "connections"

    organization_id: Mapped[WorkosKey]
    id: Mapped[WorkosKey]
    name: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str]


class ConnectionCertificate(Told, Base):
    """The certificate by which a connection proves who signs in: `due` is to be renewed."""

    __tablename__ = "connection_certificates"

    organization_id: Mapped[WorkosKey]
    connection_id: Mapped[WorkosKey]
    due: Mapped[bool]
    expires_at: Mapped[datetime | None]


class DirectoryToken(Told, Base):
    """By which an identity provider sends its people to a directory."""

    __tablename__ = "directory_tokens"

    organization_id: Mapped[WorkosKey]
    id: Mapped[WorkosKey]
    directory_id: Mapped[WorkosId]
    revoked: Mapped[bool]
