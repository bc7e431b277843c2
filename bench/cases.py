"""What is measured: each case asks Parley and its peers for the same, and checks that they answer the same."""

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench import rows
from bench.load import Expected, Request, Run, Wrong, interleaved, pgbench, wrk
from bench.rows import Chance, Size
from bench.servers import Server, parley, peer
from bench.statements import NAME, capture
from db import engine

ASYNCPG, SQLALCHEMY, DJANGO, LITESTAR = PEERS = (
    "fastapi_asyncpg", "fastapi_sqlalchemy", "django_rest", "litestar_asyncpg",
)  # fmt: skip
HELLO = ("flask_hello", "wsgi_hello")
DEEP = 200
SAMPLE = 12
LAST_YEAR = rows.FIRST_DAY + timedelta(days=rows.DAYS - 365)


@dataclass
class Result:
    """What a case came to; rates are per second, in its unit."""

    case: str
    unit: str
    ours: Run
    peers: dict[str, Run] = field(default_factory=dict)
    limits: dict[str, Run] = field(default_factory=dict)
    notes: dict[str, float] = field(default_factory=dict)


class Bench:
    """The database of this run, and the servers on it; each is started when a case first needs it."""

    def __init__(
        self, running: engine.Engine, stack: ExitStack, size: Size, rounds: int, seconds: int, only: list[str] | None
    ) -> None:
        self.running, self.url, self.stack, self.size = running, running.url, stack, size
        self.rounds, self.seconds, self.only = rounds, seconds, only
        self.started: dict[str, Server] = {}
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.conn = stack.enter_context(psycopg.connect(self.url, autocommit=True))

    @cached_property
    def ours(self) -> Server:
        return self._wait(parley(self.url, self.running.data_dir))

    @cached_property
    def bare(self) -> Server:
        """Parley with one worker, of which PostgreSQL tells what it asks."""
        return self._wait(parley(self.url, self.running.data_dir, 1, ("--no-worker",), PGAPPNAME=NAME))

    def peer(self, name: str) -> Server:
        if name not in self.started:
            self.started[name] = self._wait(peer(name, self.url))
        return self.started[name]

    def peers(self, names: tuple[str, ...]) -> dict[str, Server]:
        return {name: self.peer(name) for name in names if self.only is None or name in self.only}

    def _wait(self, starting: Any) -> Server:
        server: Server = self.stack.enter_context(starting)
        server.wait()
        return server

    def rows(self, query: str, *args: Any) -> list[Any]:
        return self.conn.execute(query, args).fetchall()

    def ids(self, names: list[str]) -> list[str]:
        """The ids of records by their identifiers."""
        found = dict(self.rows("SELECT identifier, id::text FROM identifiers WHERE identifier = ANY(%s)", names))
        return [found[name] for name in names]

    @cached_property
    def donors(self) -> list[str]:
        return self.ids([f"actor-{number}" for number in range(rows.DONORS)])

    def memory(self) -> dict[str, dict[str, float]]:
        servers = {"parley": self.ours} | self.started
        return {
            name: {"worker_mb": server.memory(), "start_seconds": round(server.seconds_to_start, 2)}
            for name, server in servers.items()
        }

    # --- measuring ---

    def read(
        self,
        case: str,
        requests: list[Request],
        peers: tuple[str, ...] = (),
        *,
        theirs: dict[str, list[Request]] | None = None,
        hello: tuple[str, ...] = (),
        database: bool = True,
        status: int = 200,
        headers: dict[str, str] | None = None,
        clients: int = 16,
        same: bool = True,
    ) -> Result:
        """Ask Parley, the peers and the limits for the same, in turns."""
        asked = {"parley": requests} | {name: (theirs or {}).get(name, requests) for name in peers}
        servers = {"parley": self.ours, **self.peers(peers)}
        samples = {name: sample(server, asked[name], status, headers) for name, server in servers.items()}
        if same:
            for name, found in samples.items():
                agree(name, found, samples["parley"])
        lengths = {name: [len(body) for body in found] for name, found in samples.items()}
        mean = sum(lengths["parley"]) // len(lengths["parley"])
        targets: dict[str, Callable[[int], Run]] = {}
        for name, server in servers.items():
            expected = Expected(min(lengths[name]) // 2, max(lengths[name]) * 2, status, headers or {})
            targets[name] = partial(self._load, server, asked[name], expected, clients)
        for name in hello:
            server = self._wait(peer(name, self.url, length=mean))
            targets[name] = partial(self._load, server, requests, Expected(mean, mean), clients)
        if database:
            scripts = capture(self.bare, self.running, requests[:50], self.folder / case.replace(" ", "_"))
            targets["pgbench"] = lambda seconds: pgbench(scripts, self.url, seconds)
        runs = interleaved(targets, self.rounds, self.seconds)
        limits = {name: runs.pop(name) for name in (*hello, "pgbench") if name in runs}
        return Result(case, "requests", runs.pop("parley"), runs, limits, {"bytes": mean})

    def _load(self, server: Server, requests: list[Request], expected: Expected, clients: int, seconds: int) -> Run:
        return wrk(server, requests, expected, self.url, seconds, clients)


def sample(server: Server, requests: list[Request], status: int, headers: dict[str, str] | None) -> list[bytes]:
    """Some answers, to see what they are and how long."""
    bodies = []
    with httpx.Client(base_url=server.address, timeout=60, headers=headers) as client:
        for request in requests[:: max(len(requests) // SAMPLE, 1)]:
            answer = client.request(request.method, request.path)
            if answer.status_code != status:
                raise Wrong(f"{server.name}: {answer.status_code} for {request.path}: {answer.text[:500]}")
            bodies.append(answer.content)
    return bodies


def agree(name: str, theirs: list[bytes], ours: list[bytes]) -> None:
    """A peer that leaves something out, or finds something else, is no peer."""
    for their, our in zip(theirs, ours, strict=True):
        one, other = ([found] if "id" in found else found["items"] for found in map(json.loads, (their, our)))
        if [record["id"] for record in one] != [record["id"] for record in other]:
            raise Wrong(f"{name} answers with other records: {their[:500]!r} instead of {our[:500]!r}")
        if not 0.8 < len(their) / len(our) < 1.25:
            raise Wrong(f"{name} answers with {len(their)} bytes instead of {len(our)}: {their[:3000]!r}")


# --- reading ---


def get(bench: Bench) -> Result:
    """One record by its id, of two thousand."""
    ids = bench.rows("SELECT id FROM pledges WHERE to_position IS NULL ORDER BY md5(id::text) LIMIT 2000")
    return bench.read("get", [Request(f"/v1/pledges/{id}") for (id,) in ids], PEERS, hello=HELLO)


def choices(bench: Bench, number: int = 300) -> list[str]:
    """Filters by donor and year, all different; those who give most have more than a page in any year."""
    chance = Chance("choices")
    days = ((chance.choice(bench.donors[:12]), chance.day()) for _ in range(number))
    return [f"donor={donor}&from={day}&to={day + timedelta(days=365)}" for donor, day in days if day < LAST_YEAR]


def list_(bench: Bench) -> Result:
    """Fifty pledges of a donor and a time, all questions different."""
    return bench.read("list", [Request(f"/v1/pledges?{filter}") for filter in choices(bench)], PEERS, hello=HELLO)


CASES: dict[str, Callable[[Bench], Result]] = {"get": get, "list": list_}
