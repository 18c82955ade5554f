"""Which organization an e-mail address is of: that one which has its domain verified at WorkOS."""

import re

from sqlalchemy import bindparam, literal_column, select, tuple_

from backend.database import Database, Query
from backend.models import Organization, OrganizationDomain
from backend.services.mirror.portal import VERIFIED
from backend.workos.client import WorkosClient

_LONGEST = 253
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")

# In the index are those alone that are verified.
_FOUND = Query(
    select(OrganizationDomain.organization_id)
    .outerjoin(Organization, Organization.workos_id == OrganizationDomain.organization_id)
    .where(
        OrganizationDomain.domain == bindparam("domain"),
        OrganizationDomain.state == literal_column(f"'{VERIFIED}'"),
        Organization.deleted.is_not(True),
        (
            tuple_(OrganizationDomain.occurred_at, OrganizationDomain.event_id)
            >= tuple_(Organization.domains_as_of, Organization.domains_id)
        ).is_not(False),
    )
    .distinct()
    .limit(2)
)


def domain_of(email: str) -> str | None:
    """As it is written in the DNS; None where there can be none such."""
    _, at, name = email.strip().rpartition("@")
    try:
        domain = name.encode("idna").decode().lower()
    except UnicodeError:
        return None
    return domain if at and len(domain) <= _LONGEST and _DOMAIN.fullmatch(domain) else None


async def find_organization(database: Database, client: WorkosClient, email: str) -> str | None:
    """None where it is nobody's, or several have it; WorkOS is asked where the mirror knows none.

    Raises:
        WorkosUnavailable: WorkOS had to be asked and did not answer.
        TooManyExchanges: so many wait for WorkOS that another one is not to.
    """
    domain = domain_of(email)
    if domain is None:
        return None
    known: list[str] = [
        row["organization_id"] for row in await database.fetch(_FOUND, domain=domain)
    ]
    if not known:
        known = [
            organization.id
            for organization in await client.organizations_with(domain)
            if any(
                each.domain == domain and each.state == VERIFIED
                for each in organization.domains or ()
            )
        ]
    return known[0] if len(known) == 1 else None
