"""What a customer's IT administrators set up in WorkOS's Admin Portal: from events to facts."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from backend.services.mirror.rows import (
    ACTIVE,
    CertificateRow,
    ConnectionRow,
    DirectoryTokenRow,
    DomainRow,
    Facts,
    Version,
    organization_row,
    versioned,
)
from backend.workos.models import (
    CertificateChange,
    Connection,
    DirectoryToken,
    ListedConnection,
    Organization,
    OrganizationDomain,
)

INACTIVE = "inactive"
DELETED = "deleted"
VERIFIED = "verified"


def organization_facts(organization: Organization, version: Version) -> Facts:
    """With its domains, where it says which it has."""
    facts = Facts(organizations=[organization_row(organization, version)])
    if organization.domains is not None:
        facts["domain_listings"] = [{"organization_id": organization.id, **versioned(version)}]
        facts["domains"] = [
            domain_row(
                OrganizationDomain(organization_id=organization.id, **domain.model_dump()), version
            )
            for domain in organization.domains
        ]
    return facts


def domain_row(domain: OrganizationDomain, version: Version, state: str | None = None) -> DomainRow:
    return {
        "organization_id": domain.organization_id,
        "id": domain.id,
        "domain": domain.domain,
        "state": state or domain.state,
        **versioned(version),
    }


def connection_row(connection: Connection, state: str, version: Version) -> ConnectionRow:
    return {
        "organization_id": connection.organization_id,
        "id": connection.id,
        "name": connection.name,
        "state": state,
        **versioned(version),
    }


def connection_facts(
    organization_id: str,
    listed: Sequence[ListedConnection],
    known: Collection[str],
    version: Version,
) -> Facts:
    """Of a whole listing of an organization's connections: those it lacks are deleted.

    One that is still being set up is told of when it is switched on.

    Args:
        organization_id: whose.
        listed: as WorkOS lists them.
        known: the ids of those that the mirror has.
        version: of the listing.
    """
    rows = [
        connection_row(one, one.state, version)
        for one in listed
        if one.state in {ACTIVE, INACTIVE} and one.organization_id == organization_id
    ]
    gone = sorted(set(known).difference(one.id for one in listed))
    rows += [
        connection_row(Connection(id=each, organization_id=organization_id), DELETED, version)
        for each in gone
    ]
    return Facts(connections=rows) if rows else Facts()


def certificate_row(change: CertificateChange, version: Version, *, due: bool) -> CertificateRow:
    expires_at = change.certificate.expiry_date
    return {
        "organization_id": change.connection.organization_id,
        "connection_id": change.connection.id,
        "due": due,
        "expires_at": None if expires_at is None else expires_at.isoformat(),
        **versioned(version),
    }


def directory_token_row(
    token: DirectoryToken, version: Version, *, revoked: bool
) -> DirectoryTokenRow:
    return {
        "organization_id": token.organization_id,
        "id": token.id,
        "directory_id": token.directory_id,
        "revoked": revoked,
        **versioned(version),
    }


def upsert_domain(data: dict[str, Any], version: Version) -> Facts:
    # One whose verification failed is in a field of its own.
    domain = OrganizationDomain.model_validate(data.get("organization_domain", data))
    return Facts(domains=[domain_row(domain, version)])


def remove_domain(data: dict[str, Any], version: Version) -> Facts:
    domain = OrganizationDomain.model_validate(data)
    return Facts(domains=[domain_row(domain, version, DELETED)])


def activate_connection(data: dict[str, Any], version: Version) -> Facts:
    return Facts(connections=[connection_row(Connection.model_validate(data), ACTIVE, version)])


def deactivate_connection(data: dict[str, Any], version: Version) -> Facts:
    return Facts(connections=[connection_row(Connection.model_validate(data), INACTIVE, version)])


def remove_connection(data: dict[str, Any], version: Version) -> Facts:
    return Facts(connections=[connection_row(Connection.model_validate(data), DELETED, version)])


def warn_of_certificate(data: dict[str, Any], version: Version) -> Facts:
    change = CertificateChange.model_validate(data)
    return Facts(certificates=[certificate_row(change, version, due=True)])


def renew_certificate(data: dict[str, Any], version: Version) -> Facts:
    change = CertificateChange.model_validate(data)
    return Facts(certificates=[certificate_row(change, version, due=False)])


def add_directory_token(data: dict[str, Any], version: Version) -> Facts:
    token = DirectoryToken.model_validate(data)
    return Facts(directory_tokens=[directory_token_row(token, version, revoked=False)])


def revoke_directory_token(data: dict[str, Any], version: Version) -> Facts:
    token = DirectoryToken.model_validate(data)
    return Facts(directory_tokens=[directory_token_row(token, version, revoked=True)])


HANDLERS: dict[str, Callable[[dict[str, Any], Version], Facts]] = {
    "organization_domain.created": upsert_domain,
    "organization_domain.updated": upsert_domain,
    "organization_domain.verified": upsert_domain,
    "organization_domain.verification_failed": upsert_domain,
    "organization_domain.deleted": remove_domain,
    "connection.activated": activate_connection,
    "connection.deactivated": deactivate_connection,
    "connection.deleted": remove_connection,
    "connection.saml_certificate_renewal_required": warn_of_certificate,
    "connection.saml_certificate_renewed": renew_certificate,
    "dsync.token.created": add_directory_token,
    "dsync.token.revoked": revoke_directory_token,
}
