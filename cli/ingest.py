"""`parley ingest`: pour files of a known format into a Parley, here or elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest.formats import FORMATS, ROWS

if TYPE_CHECKING:
    from stamina.instrumentation import RetryDetails

    from ingest.run import Report, Watch

EVERY = 10.0  # seconds between two lines, where there is no terminal to draw on
A_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("format", type=click.Choice(sorted(FORMATS)))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", required=True, help="Where the Parley is, for instance http://127.0.0.1:8000")
@click.option("--key", required=True, help="A key with the scope write, or @FILE that holds it.")
@click.option("--state", type=A_FILE, help="Remember what is done there: to go on after a kill, to tell what vanished.")
@click.option("--map", "mapping", type=A_FILE, help="CSV of names and the identifiers of the actors that they mean.")
@click.option("--rejects", type=A_FILE, help="Write there, as NDJSON, each row that was refused, and why.")
@click.option("--dry-run", is_flag=True, help="Check everything and keep nothing.")
@click.option("--chunk", type=click.IntRange(1, 50_000), default=ROWS, show_default=True, help="Rows in one batch.")
def ingest(
    format: str,
    files: tuple[Path, ...],
    url: str,
    key: str,
    state: Path | None,
    mapping: Path | None,
    rejects: Path | None,
    dry_run: bool,
    chunk: int,
) -> None:
    """Load FILES of a FORMAT (see docs/feeding.md).

    Ends with 0 if all went in, 3 if some rows were refused, 1 if it failed or a file could not be read.
    """
    import httpx  # here, so that the other commands start faster
    from stamina import instrumentation

    from ingest.client import Client, MappingError, Refused, settled
    from ingest.run import load
    from ingest.state import StateError
    from ingest.tables import Unreadable

    instrumentation.set_on_retry_hooks([tell])
    try:
        secret = Path(key[1:]).read_text().strip() if key.startswith("@") else key
        with Client(url, secret) as client, watching() as watch:
            report = load(
                client,
                format,
                list(files),
                state=state,
                settled=settled(mapping),
                rejects=rejects,
                dry_run=dry_run,
                rows=chunk,
                watch=watch,
            )
    except (Refused, StateError, Unreadable, MappingError, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        hint = " What was acknowledged stays; the same command goes on from there." if state else ""
        raise click.ClickException(f"{str(error) or type(error).__name__}{hint}") from error
    click.echo(str(report))
    click.echo(f"{report.read:,} rows in {report.seconds:,.1f} s", err=True)
    if report.refused:
        listed = f"see {rejects}" if rejects else "--rejects FILE lists them"
        click.echo(f"{report.refused:,} rows were refused; {listed}", err=True)
    if report.unread:
        raise click.ClickException(f"{report.unread} of {len(files)} files could not be read as {format}")
    if report.refused:
        raise SystemExit(3)


def tell(details: "RetryDetails") -> None:
    click.echo(f"Trying again in {details.wait_for:.1f} s: {details.caused_by}", err=True)


@contextmanager
def watching() -> "Iterator[Watch]":
    """Shows how far the load is: a bar with rate and remaining time on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield plainly(time.monotonic())
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("reading", total=None)
        started = time.monotonic()

        def watch(report: "Report", done: float | None) -> None:
            said = f"{report.read:,} rows, {report.refused:,} refused, {rate(report, started):,.0f}/s"
            progress.update(task, description=said, total=None if done is None else 1, completed=done or 0)

        yield watch


def plainly(started: float) -> "Watch":
    said = started

    def watch(report: "Report", done: float | None) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < EVERY:
            return
        said = now
        left = f", {done:.0%}, {(now - started) * (1 - done) / done:,.0f} s left" if done else ""
        click.echo(f"{report.read:,} rows, {report.refused:,} refused, {rate(report, started):,.0f}/s{left}", err=True)

    return watch


def rate(report: "Report", started: float) -> float:
    return report.read / max(time.monotonic() - started, 0.001)
