"""The `parley` command: everything that whoever runs Parley needs at a terminal."""

from typing import Any

import click
import psycopg

from cli import doctor, documents, ingest, keys, migrate, mirror, serve, worker
from db.engine import EngineError
from db.migrate import MigrationError
from settings import SettingsError


class Parley(click.Group):
    """Says in one line what went wrong, where a traceback would help nobody."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except psycopg.errors.UndefinedTable as error:
            raise click.ClickException("The database has no tables yet. Run: parley migrate") from error
        except (SettingsError, EngineError, MigrationError, psycopg.OperationalError) as error:
            raise click.ClickException(str(error).strip()) from error


@click.command(cls=Parley)
def main() -> None:
    """Parley: conflict-diplomacy data over HTTP. Settings come from the environment; see docs/settings.md."""


for command in (
    serve.serve,
    worker.worker,
    ingest.ingest,
    mirror.mirror,
    migrate.migrate,
    keys.keys,
    doctor.doctor,
    migrate.rebuild,
    documents.openapi,
    documents.schema,
):
    main.add_command(command)
