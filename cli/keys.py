"""`parley keys`: who may write, and as whom."""

from datetime import UTC, datetime

import click

import settings
from cli.installation import connect, database, say
from db import keys as store


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.option("--name", required=True, help="What this key is called in lists and logs.")
@click.option("--provider", required=True, help="The ingestion client it belongs to; every revision names it.")
@click.option("--scope", type=click.Choice(store.SCOPES), default="write", show_default=True)
@click.option("--expires", type=click.DateTime(), help="When it ends, in UTC; without, when it is revoked.")
def create(name: str, provider: str, scope: str, expires: datetime | None) -> None:
    """Make a key and print it alone on standard output; it cannot be shown again."""
    ends = expires and expires.replace(tzinfo=UTC)
    if ends and ends <= datetime.now(UTC):
        raise click.BadParameter("this moment has passed.", param_hint="--expires")
    with database(settings.load()) as url, connect(url) as conn:
        try:
            click.echo(store.create(conn, name=name, provider=provider, scope=scope, expires_at=ends))
        except store.NameTaken as error:
            raise click.ClickException(str(error)) from error


@keys.command("list")
def list_keys() -> None:
    """List all keys ever made; secrets are not kept."""
    now = datetime.now(UTC)
    with database(settings.load()) as url, connect(url) as conn:
        for key in store.list_keys(conn):
            expired = key["expires_at"] and key["expires_at"] <= now
            state = "revoked" if key["revoked_at"] else "expired" if expired else "valid"
            click.echo("\t".join([str(key["id"]), key["name"], key["provider"], key["scopes"][-1], state]))


@keys.command()
@click.argument("key", metavar="NAME|ID")
def revoke(key: str) -> None:
    """End a key at once."""
    with database(settings.load()) as url, connect(url) as conn:
        ended = store.revoke(conn, key)
    if not ended:
        raise click.ClickException(f"No valid key has the name or id {key}.")
    say(f"Revoked {ended['name']}.")
