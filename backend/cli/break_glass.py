"""`rollcall break-glass`: the named owner is let in in an emergency."""

import typer

from backend import jobs
from backend.database import Database
from backend.services.explanation.sentences import utc_text
from backend.services.people import break_glass
from backend.settings import Settings


async def let_in(
    settings: Settings, database: Database, organization_id: str, *, why: str, hours: int
) -> None:
    """Raises NotFound."""
    enqueue = None if settings.mail_server is None else jobs.enqueue
    async with database.transaction() as session:
        opened = await break_glass.let_in(
            session, organization_id, why=why, hours=hours, enqueue=enqueue
        )
    told = "told by mail, and shown" if enqueue else "shown"
    typer.echo(
        f"{opened.name} ({opened.email or 'no address'}, {opened.user_id}) is an admin of "
        f"{organization_id} until {utc_text(opened.until)}, and signs in by SSO. "
        f"It is in the audit trail, and its admins are {told} it under Directory."
    )
