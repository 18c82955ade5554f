"""`rollcall identities`: who signed in as whom, and the way back for those who cannot any more."""

from uuid import UUID

import typer

from backend.database import Database
from backend.services.sign_in import identities


async def show_list(
    database: Database, organization_id: str, *, user: UUID | None, connection: str | None
) -> None:
    async with database.connect() as session:
        found = await identities.find(
            session, organization_id, user_id=user, connection_id=connection
        )
    for row in found:
        by = row.matched_by if row.email is None else f"{row.matched_by} {row.email}"
        typer.echo(
            f"{row.user_id}  {row.name}  {row.connection_id}  {row.subject}  "
            f"by {by}{'' if row.holds else ', which does not hold any more'}, "
            f"last {row.last_used_at:%Y-%m-%d}"
        )
    if not found:
        typer.echo("No identities.")


async def forget(
    database: Database, organization_id: str, *, user: UUID | None, connection: str | None
) -> None:
    async with database.transaction() as session:
        forgotten = await identities.forget(
            session, organization_id, user_id=user, connection_id=connection
        )
    typer.echo(f"{forgotten} forgotten; the next sign-in of each is again the first.")


async def allow(database: Database, organization_id: str, user: UUID, connection: str) -> None:
    """Raises NotFound."""
    async with database.transaction() as session:
        subject = await identities.allow(session, organization_id, user, connection)
    typer.echo(f"{user} may sign in by {connection} as {subject}.")


async def join(database: Database, organization_id: str, earlier: UUID, user: UUID) -> None:
    """Raises NotFound, NotJoinable."""
    async with database.transaction() as session:
        posts, grants = await identities.join(session, organization_id, earlier, user)
    typer.echo(f"{user} has {posts} posts of {earlier}, whose identities are forgotten.")
    if grants:
        typer.echo(f"{grants} roles that were granted to {earlier} by hand are left with them.")
