"""The servers that are measured: Parley and its peers, each as its own documentation starts it, with two workers."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

HERE = Path(__file__).parent
PEERS = HERE / ".venv" / "bin"
WORKERS = 2
TICKS = os.sysconf("SC_CLK_TCK")

#: Where two workers listen at one port, one may get all clients that come at once under uvicorn and gunicorn (measured:
#: 1.1 s of processor time against 0.0), and under granian Linux deals them out by chance: of eight, six or more to
#: one, three times in ten. Here each has a port of its own and half of the clients, as a good balancer would do it.
UVICORN = ("uvicorn", "{name}:app", "--port", "{port}", "--no-access-log")
GUNICORN = ("gunicorn", "{name}:app", "--bind", "127.0.0.1:{port}", "--threads", "4")
GRANIAN = ("granian", "{name}:app", "--interface", "wsgi", "--port", "{port}", "--workers", "1",
           "--blocking-threads", "4", "--no-ws", "--log-level", "warning")  # fmt: skip
#: How each peer is started, by the name of its file.
STARTED = {
    "fastapi_asyncpg": UVICORN,
    "fastapi_sqlalchemy": UVICORN,
    "litestar_asyncpg": UVICORN,
    "django_rest": GUNICORN,
    "flask_hello": GRANIAN,
    "wsgi_hello": GRANIAN,
}


@dataclass
class Server:
    """A running server, its processes, and where it answers."""

    name: str
    processes: list[subprocess.Popen[bytes]]
    ports: list[int]
    ready: str = "/livez"
    key: str = ""
    began: float = field(default_factory=time.perf_counter)
    seconds_to_start: float = 0.0

    @property
    def addresses(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    @property
    def address(self) -> str:
        return self.addresses[0]

    def wait(self) -> None:
        """Until it answers."""
        waiting = self.addresses
        while waiting and time.perf_counter() - self.began < 60:
            try:
                httpx.get(waiting[0] + self.ready).raise_for_status()
                waiting = waiting[1:]
            except httpx.HTTPError:
                time.sleep(0.02)
        self.seconds_to_start = time.perf_counter() - self.began
        if waiting:
            raise TimeoutError(f"{self.name} does not come up")

    def tree(self) -> list[psutil.Process]:
        roots = [psutil.Process(process.pid) for process in self.processes]
        return [process for root in roots for process in (root, *root.children(recursive=True))]

    def memory(self) -> int:
        """The largest process, in MB: what it holds alone, and its part of what it shares."""
        return max(process.memory_full_info().pss for process in self.tree()) >> 20


def cpu(processes: list[psutil.Process]) -> float:
    """Seconds of processor time that they have used, of those that have not ended meanwhile."""
    used = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            used += sum(process.cpu_times()[:4])
    return used


PORTS = iter(range(21_000, 29_000))  # each is given out once, for whoever got one may not listen yet


def free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no free port")


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        for process in server.processes:
            process.send_signal(signal.SIGTERM)
        for process in server.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def parley(
    url: str, folder: Path, workers: int = WORKERS, options: tuple[str, ...] = (), **settings: str
) -> Iterator[Server]:
    """Parley by its own command, once for each worker; one of them brings a `parley worker`, unless told otherwise.

    Its rate limit is raised, for otherwise that is what would be measured.
    """
    ports = [free_port() for _ in range(workers)]
    environment = (
        os.environ
        | {
            "PARLEY_DATABASE_URL": url,
            "PARLEY_DATA_DIR": str(folder),
            "PARLEY_WORKERS": "1",
            "PARLEY_RATE_LIMIT": "1000000000/minute",
        }
        | settings
    )
    name = f"bench {time.time_ns()}"
    make = [sys.executable, "-m", "cli", "keys", "create", "--name", name, "--provider", "bench", "--scope", "write"]
    made = subprocess.run(make, env=environment, check=True, capture_output=True, text=True)
    serve, processes = [sys.executable, "-m", "cli", "serve", "--no-sample", *options], []
    with log("parley") as out:
        for place, port in enumerate(ports):
            command = [*serve, "--port", str(port), *(["--no-worker"] if place else [])]
            processes.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
    with running(Server("parley", processes, ports, key=made.stdout.strip())) as server:
        yield server


@contextmanager
def peer(name: str, url: str, length: int = 0) -> Iterator[Server]:
    """A peer, or a "hello" whose body has so many bytes."""
    program, *arguments = STARTED[name]
    ports = [free_port() for _ in range(WORKERS)]
    folder = Path(sys.executable).parent if program == "granian" else PEERS
    environment = os.environ | {
        "BENCH_DATABASE_URL": url,
        "BENCH_LENGTH": str(length),
        "PYTHONPATH": str(HERE / "peers"),
        "DJANGO_SETTINGS_MODULE": "django_settings",
    }
    processes = []
    with log(name) as out:
        for port in ports:
            command = [str(folder / program), *(word.format(name=name, port=port) for word in arguments)]
            started = subprocess.Popen(command, env=environment, cwd=HERE / "peers", stdout=out, stderr=out)
            processes.append(started)
    with running(Server(name, processes, ports)) as server:
        yield server


@contextmanager
def log(name: str) -> Iterator[Any]:
    file = Path(tempfile.gettempdir()) / f"parley-bench-{name}.log"
    with file.open("wb") as out:
        yield out
