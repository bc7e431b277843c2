"""`parley openapi` and `parley schema`: print what is generated and committed."""

import json
import tempfile
from pathlib import Path

import click

from db import engine
from db.migrate import migrate


@click.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from api import create_app  # here, so that the other commands start faster

    app = create_app()
    document = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    click.echo(json.dumps(document, indent=1, ensure_ascii=False))


@click.command()
def schema() -> None:
    """Print the database schema that all migrations make together."""
    with tempfile.TemporaryDirectory(prefix="parley-schema-") as folder:
        running = engine.start(Path(folder))
        try:
            migrate(running.url)
            click.echo(dump(running.url), nl=False)
        finally:
            engine.stop(running)


def dump(url: str) -> str:
    """Our schema as SQL, without what changes from server to server: settings, owners, remarks."""
    ours = ("--schema-only", "--no-owner", "--no-privileges", "--exclude-schema", "procrastinate")
    told = engine.run("pg_dump", *ours, "--dbname", url)
    noise = ("--", "SET ", "SELECT pg_catalog.", "COMMENT ON EXTENSION", "\\")
    lines = [line for line in told.splitlines() if not line.startswith(noise)]
    blocks = [block.strip("\n") for block in "\n".join(lines).split("\n\n") if block.strip()]
    return "\n\n".join(blocks) + "\n"
