"""`parley serve`: database, migrations, development key, HTTP server and sample data, in this order."""

import fcntl
import gc
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import click

import settings
from cli.installation import bring_up, connect, database, say
from cli.worker import follow
from db import engine, keys
from settings import Settings


@click.command()
@click.option("--host", help="The address to listen on, instead of PARLEY_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on, instead of PARLEY_PORT.")
@click.option("--workers", type=click.IntRange(1, 128), help="Server processes, instead of PARLEY_WORKERS.")
@click.option("--no-sample", is_flag=True, help="Start empty instead of loading the sample data.")
@click.option("--no-worker", is_flag=True, help="Start no `parley worker` beside the server.")
def serve(no_sample: bool, no_worker: bool, **given: Any) -> None:
    """Serve the API. Without PARLEY_DATABASE_URL it brings its own PostgreSQL, a key, and sample data."""
    signal.signal(signal.SIGTERM, leave)
    chosen = replace(settings.load(), **{name: value for name, value in given.items() if value is not None})
    wait_for_port(chosen.host, chosen.port)
    with database(chosen) as url, run_folder() as run:
        key = None
        if chosen.database_url:
            bring_up(url)
        else:
            key = development_key(url, chosen.data_dir)
        os.environ |= {
            "PARLEY_DATABASE_URL": url,
            "PARLEY_RATE_LIMIT_FILE": f"{run}/limits",
            "PROMETHEUS_MULTIPROC_DIR": f"{run}/metrics",
        }
        Path(run, "metrics").mkdir()
        greeter = multiprocessing.Process(target=greet, args=(chosen, key, not no_sample), daemon=True)
        greeter.start()
        with nullcontext() if no_worker else working():
            answer_requests(chosen)


def leave(*_: object) -> None:
    """On SIGTERM: by way of all that has to be stopped, PostgreSQL for one."""
    sys.exit(143)


@contextmanager
def run_folder() -> Iterator[str]:
    """A folder to run in, after those of servers that were killed are cleared away; its lock dies with its server."""
    for left in Path(tempfile.gettempdir()).glob("parley-run-*"):
        with suppress(OSError):  # it is another account's, or in use
            if time.time() - left.stat().st_mtime > 60:  # a new one may not be locked yet
                with locked(left):
                    shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix="parley-run-") as run, locked(run):
        yield run


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def answer_requests(chosen: Settings) -> None:
    """Serve until told to stop."""
    from granian import Granian  # here, so that the other commands start faster
    from granian.constants import Interfaces
    from granian.log import LogLevels

    while True:
        server = Granian(
            "cli.serve:app",
            factory=True,
            interface=Interfaces.WSGI,
            address=chosen.host,
            port=chosen.port,
            workers=chosen.workers,
            # those who wait for a change hold a thread but no connection: they leave the others theirs
            blocking_threads=chosen.threads + settings.WAITERS,
            respawn_failed_workers=True,
            workers_kill_timeout=10,
            log_level=LogLevels.debug if chosen.log_level == "debug" else LogLevels.warning,
        )
        try:
            server.serve()
            return
        except SystemExit:  # after two deaths of one worker within seconds, Granian suspects the application
            signal.signal(signal.SIGTERM, leave)
            if server.interrupt_signal:
                raise


@contextmanager
def working() -> Iterator[None]:
    """Beside the server, a worker that is started again whenever it ends."""
    over, command = threading.Event(), [sys.executable, "-m", "cli", "worker", "--parent", str(os.getpid())]

    def keep() -> None:
        while not over.wait(1):
            # a session of its own, so that Ctrl-C reaches the server alone, and the server then ends it
            worker = subprocess.Popen(command, start_new_session=True)  # noqa: S603 our own program
            while worker.poll() is None and not over.wait(0.2):
                pass
            worker.terminate()
            worker.wait()

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def app() -> Any:
    """What each worker runs: the application, for as long as the process that started the worker lives."""
    parent = os.getppid()
    follow(parent)
    try:
        from api import create_app

        made = create_app()
        gc.collect()
        gc.freeze()  # what is there now stays: to look through it for cycles again and again keeps readers waiting
        return made
    except Exception:
        os.kill(parent, signal.SIGTERM)  # every worker would fail like this one, again and again
        raise


def wait_for_port(host: str, port: int) -> None:
    """Refuse a taken port, after a moment in which a server that was killed may let go of it."""
    try:
        patiently(lambda: try_port(host, port), seconds=3)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on port {port} of {host}: {error.strerror}. Another port: parley serve --port {port + 1}"
        ) from error


def try_port(host: str, port: int) -> None:
    """Listen for a moment, as the server will; an OSError says why it cannot."""
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()


def ask(host: str, port: int) -> None:
    """Refuses unless a Parley answers there. No HTTP library: every worker would carry its 20 MB."""
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        answer = connection.getresponse()
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK or "x-request-id" not in answer.headers:
        raise HTTPException(f"{answer.status} {answer.reason}")


def patiently(attempt: Callable[[], None], seconds: float) -> None:
    """Try until it works; when time is up, the last failure counts."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
            return
        except (OSError, HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def development_key(url: str, data_dir: Path) -> Path:
    """A key for whoever sits at this machine, in a file that nobody else can read."""
    file = data_dir / "key"
    with engine.alone(data_dir), connect(url) as conn:
        if not (file.exists() and keys.find(conn, file.read_text().strip())):
            keys.revoke(conn, "development")
            token = keys.create(conn, name="development", provider="local", scope="admin")
            new = file.with_name(f"key.{secrets.token_hex(4)}")
            with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
                out.write(token + "\n")
            new.replace(file)
            (data_dir / "sample-loaded").unlink(missing_ok=True)  # this database is a new one
    return file


def greet(chosen: Settings, key: Path | None, sample: bool) -> None:
    """Once the server answers: load the sample data as any client would, then say where everything is."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(chosen.host, chosen.host)  # noqa: S104 compared, not bound
    address = f"http://{f'[{host}]' if ':' in host else host}:{chosen.port}"
    lines = {"documentation": f"{address}/docs", "first call": f"curl '{address}/v1/rounds'"}
    with suppress(KeyboardInterrupt):
        try:
            patiently(lambda: ask(host, chosen.port), seconds=60)
        except (OSError, HTTPException) as error:
            say(f"Parley does not answer on {address}: {error}. Its messages above say why.")
            return
        if key:
            lines["key"] = f"{key} (scope admin)"
            if sample and not load_sample(address, key, chosen.data_dir / "sample-loaded"):
                lines["sample data"] = "did not load; the messages above say why, and the next start tries again"
        say(f"\nParley answers on {address}\n" + "\n".join(f"  {name:<14} {value}" for name, value in lines.items()))


def load_sample(address: str, key: Path, loaded: Path) -> bool:
    """Load the sample data once: what somebody changes or deletes in it later stays as they left it."""
    client = [sys.executable, "-m", "ingest.sample", address, str(key)]
    if not loaded.exists() and subprocess.run(client).returncode == 0:  # noqa: S603 our own program
        loaded.touch()
    return loaded.exists()
