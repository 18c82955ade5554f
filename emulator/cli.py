"""`rollcall-emulator`: the emulator as a program."""

from pathlib import Path
from typing import Annotated

import typer

from emulator.options import SIGNING_KEY, Options
from emulator.server import StartError, serve

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    host: Annotated[
        str, typer.Option(envvar="EMULATOR_HOST", help="Loopback unless you say otherwise.")
    ] = "127.0.0.1",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(envvar="EMULATOR_ALLOWED_HOSTS", help="Another name it is asked under."),
    ] = None,
    port: Annotated[int, typer.Option(envvar="EMULATOR_PORT", min=1, max=65535)] = 3001,
    home: Annotated[
        Path, typer.Option(envvar="EMULATOR_HOME", help="State is kept in HOME/emulator.")
    ] = Path(".rollcall"),
    scenario: Annotated[
        Path | None, typer.Option(envvar="EMULATOR_SCENARIO", help="A company, in TOML.")
    ] = None,
    people: Annotated[
        int, typer.Option(envvar="EMULATOR_PEOPLE", min=0, help="Generate a company this big.")
    ] = 0,
    webhook_url: Annotated[
        str, typer.Option(envvar="EMULATOR_WEBHOOK_URL")
    ] = "http://localhost:3000/api/directory-sync",
    webhook_secret: Annotated[str, typer.Option(envvar="EMULATOR_WEBHOOK_SECRET")] = SIGNING_KEY,
    api_key: Annotated[str, typer.Option(envvar="EMULATOR_API_KEY")] = "sk_test_emulator",
    client_id: Annotated[str, typer.Option(envvar="EMULATOR_CLIENT_ID")] = "client_emulator",
    redirect_uri: Annotated[
        str, typer.Option(envvar="EMULATOR_REDIRECT_URI")
    ] = "http://localhost:3000/auth/callback",
) -> None:
    """A local WorkOS with an Okta in front of it. It is no security product."""
    options = Options(
        host=host,
        allowed_hosts=tuple(allowed_host or ()),
        port=port,
        home=home,
        scenario=scenario,
        people=people,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        api_key=api_key,
        client_id=client_id,
        redirect_uri=redirect_uri,
    )
    try:
        serve(options, typer.echo)
    except StartError as error:
        typer.echo(f"rollcall-emulator: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
