"""`parley mirror`: keep a copy of a Parley, and prove that it is one."""

import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.ingest import EVERY, tell

if TYPE_CHECKING:
    from ingest.mirror import Watch


@click.command()
@click.argument("url")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["sqlite", "parquet"]), default="sqlite", show_default=True,
              help="DIR/parley.sqlite, a table for each collection; or DIR/<collection>.parquet.")  # fmt: skip
@click.option("--types", help="Only records of these types, for instance pledge,transaction. Without it: all.")
@click.option("--follow", is_flag=True, help="Do not end: write down each change as it happens.")
@click.option("--verify", is_flag=True, help="At the end, compare counts and checksums with those of the server.")
@click.option("--key", help="A key, or @FILE that holds it, where the server asks readers for one.")
def mirror(url: str, folder: Path, form: str, types: str | None, follow: bool, verify: bool, key: str | None) -> None:
    """Copy the Parley at URL into DIR, or bring the copy there up to date (see docs/mirror.md).

    It begins with whole exports and goes on with the feed of changes: updates, deletions, merges and erasures arrive in
    the copy. Killed at any moment, it leaves a copy that can be used; the same command goes on from there.

    Ends with 0 if the copy is up to date, 3 if --verify found that it differs, 1 if it failed.
    """
    import httpx  # here, so that the other commands start faster
    from stamina import instrumentation

    from ingest.client import PATIENCE, Client, Refused
    from ingest.mirror import WAIT, Database, MirrorError
    from ingest.mirror_files import Files

    if follow and verify:
        raise click.UsageError("--verify compares once: run it without --follow.")
    instrumentation.set_on_retry_hooks([tell])
    if follow:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a service manager sends is as good as Ctrl-C
    secret = Path(key[1:]).read_text().strip() if key and key.startswith("@") else key
    make: type[Database] | type[Files] = Database if form == "sqlite" else Files
    try:
        with (
            Client(url, secret, patience=None if follow else PATIENCE) as client,
            closing(make(client, folder, types.split(",") if types else None)) as copy,
            watching() as watch,
        ):
            copy.update(watch)
            while follow:
                copy.update(watch, wait=WAIT)
            found = copy.verify(watch) if verify else []
    except KeyboardInterrupt:
        raise SystemExit(0) from None  # the only way in which following ends well
    except (Refused, MirrorError, sqlite3.Error, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"{str(error) or type(error).__name__}") from error
    for difference in found:
        click.echo(f"differs: {difference}", err=True)
    if found:
        raise SystemExit(3)
    click.echo(f"{folder} is {'equal to' if verify else 'up to date with'} {url}")


@contextmanager
def watching() -> "Iterator[Watch]":
    """Shows how far it is: bars on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield plainly()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], total=total, completed=done)

        yield watch


def plainly() -> "Watch":
    said = time.monotonic()

    def watch(what: str, done: int, total: int | None) -> None:
        nonlocal said
        if time.monotonic() - said >= EVERY:
            said = time.monotonic()
            click.echo(f"{what}: {done:,}" + (f" of {total:,}" if total else ""), err=True)

    return watch
