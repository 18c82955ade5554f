"""`rollcall audit`: sealing the audit log, verifying it, erasing names, removing what is over."""

from uuid import UUID

import typer

from backend.database import Database
from backend.schemas.audit_log import AuditErasureCreate
from backend.services.audit_log import erasures, retention, seals, verification
from backend.services.audit_log.verification import KnownSeal, Report

INTACT, BROKEN = 0, 1

# What is of no organization: forged webhooks.
_NOBODYS = "(no organization)"


def known_seal(text: str) -> KnownSeal:
    """Of a text such as `17:ab…`.

    Raises:
        BadParameter: it is none.
    """
    number, _, digits = text.partition(":")
    try:
        return KnownSeal(int(number), bytes.fromhex(digits))
    except ValueError as error:
        said = "--known: give a seal as it was printed, such as 17:ab…"
        raise typer.BadParameter(said) from error


async def seal(database: Database) -> None:
    done = await seals.seal_all(database)
    typer.echo(f"{done.entries} entries sealed, by {done.seals} seals.")


async def verify(database: Database, organization: str | None, known: list[KnownSeal]) -> int:
    """Say of each organization whether its log is as it was sealed; the exit code."""
    async with database.connect() as connection:
        there = [one async for one in seals.organizations(connection)]
    chosen = there if organization is None else [organization]
    code = INTACT
    for organization_id in chosen:
        report = await verification.verify(database, organization_id, known)
        typer.echo(_told(report))
        if report.trouble is not None:
            code = BROKEN
    if not chosen:
        typer.echo("There are no entries.")
    return code


def _told(report: Report) -> str:
    name = report.organization_id or _NOBODYS
    if report.trouble is not None:
        return f"{name}: BROKEN. {report.trouble}"
    waiting = f"{report.unsealed} not sealed yet"
    if report.last is None:
        return f"{name}: nothing is sealed yet, {waiting}."
    sealed = f"seals {report.first} to {report.last.number}, {report.entries} entries"
    return f"{name}: intact. {sealed}, {waiting}. {report.last.number}:{report.last.hash.hex()}"


async def erase(
    database: Database, organization: str, *, user: UUID | None, email: str | None
) -> None:
    """Raises NotFound."""
    wanted = AuditErasureCreate(user_id=user, email=email)
    async with database.transaction() as session:
        done = await erasures.erase(session, organization, wanted)
    typer.echo(f"Names and addresses were erased from {done.entries} entries ({done.id}).")


async def prune(database: Database) -> None:
    removed = await retention.prune_all(database)
    typer.echo(f"{removed} entries removed.")
