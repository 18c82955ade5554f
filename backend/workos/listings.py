"""Whole listings of which more than one capability has need."""

from datetime import datetime

from backend.errors import WorkosFault, WorkosUnavailable
from backend.workos.answers import parse
from backend.workos.client import WorkosClient
from backend.workos.clock import snapshot_time
from backend.workos.models import DirectoryCounts
from backend.workos.paging import NotListed


async def list_directories(
    client: WorkosClient, organization_id: str | None = None
) -> tuple[list[DirectoryCounts], datetime]:
    """The directories of an organization, or all that there are, and the time of the snapshot.

    Raises:
        WorkosUnavailable: no usable answer.
    """
    try:
        return await _list(client, organization_id)
    except NotListed as error:
        if organization_id is None:
            raise WorkosUnavailable(WorkosFault.NOT_WORKOS) from error
    # WorkOS does not know the organization: without it there is a list, or no WorkOS.
    listed, as_of = await list_directories(client)
    return [each for each in listed if each.organization_id == organization_id], as_of


async def _list(
    client: WorkosClient, organization_id: str | None
) -> tuple[list[DirectoryCounts], datetime]:
    filters = {"organization_id": organization_id} if organization_id else {}
    directories: list[DirectoryCounts] = []
    as_of: datetime | None = None
    async for page in client.pages("directories", **filters):
        as_of = as_of or snapshot_time()
        for item in page.items:
            directory = parse(DirectoryCounts, item)
            if organization_id not in {None, directory.organization_id}:
                raise WorkosUnavailable(WorkosFault.FOREIGN_DIRECTORY)
            directories.append(directory)
    return directories, as_of or snapshot_time()
