"""`parley migrate` and `parley rebuild`: bring the database to this version, and make its projections anew."""

import click

import settings
from cli.installation import bring_up, connect, database, say


@click.command()
def migrate() -> None:
    """Bring the database to this version of Parley."""
    with database(settings.load()) as url:
        bring_up(url)
        say("The database is up to date.")


@click.command()
def rebuild() -> None:
    """Make everything that is served anew from the log."""
    from api import create_app  # here, so that the other commands start faster
    from db import records

    create_app(DATABASE_URL=None)  # it knows all types of records

    with database(settings.load()) as url, connect(url) as conn, conn.transaction():
        say(f"Rebuilt {records.rebuild(conn)} records.")
