"""Which organizations there are to reconcile, also for a mirror that is empty."""

from sqlalchemy import not_, select

from backend import models
from backend.database import Database
from backend.services.mirror.apply import merge
from backend.services.mirror.rows import Facts
from backend.workos.client import WorkosClient
from backend.workos.listings import list_directories


async def find(database: Database, client: WorkosClient, organization_id: str | None) -> list[str]:
    """The organizations that the mirror or WorkOS knows a directory of.

    Args:
        database: the mirror; it learns which organizations are directory-managed.
        client: where directories are listed; only organizations of its scope.
        organization_id: only this one, if given.

    Raises:
        WorkosUnavailable: WorkOS does not list its directories.
    """
    listed, _ = await list_directories(client, organization_id)
    managed = sorted({each.organization_id for each in listed if client.scope.includes(each.id)})
    organization = models.Organization
    known = select(organization.workos_id).where(
        organization.directory_managed, not_(organization.deleted)
    )
    if organization_id is not None:
        known = known.where(organization.workos_id == organization_id)
    if client.scope.only is not None:
        known = known.where(
            organization.workos_id.in_(
                select(models.Directory.organization_id).where(
                    models.Directory.id == client.scope.only
                )
            )
        )
    async with database.connect() as connection:
        if managed:
            await merge(connection, Facts(managed=managed))
        return list(await connection.scalars(known.order_by(organization.workos_id)))
