"""`rollcall grant-admin`: the way back for an organization that has lost its admins."""

import typer

from backend.database import Database
from backend.services.roles import grants


async def grant_admin(database: Database, organization_id: str, who: str, why: str) -> None:
    """Raises NotOnePerson."""
    async with database.transaction() as session:
        granted = await grants.make_admin(session, organization_id, who, why)
    typer.echo(f"{granted.name} ({granted.user_id}) is an admin from now on.")
    if not granted.active:
        typer.echo(
            "They may not enter at all, so that this is of no use to them yet: see that they are "
            "active in the directory, and not blocked."
        )
