"""What is measured: each case asks Parley and its peers for the same, and checks that they answer the same."""

import json
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from hashlib import sha256
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg

from bench import data, rows
from bench.ingest import JSON, lines, tables
from bench.load import UNIQUE, Expected, Request, Run, Wrong, interleaved, pgbench, postgres, run, wrk
from bench.rows import Chance, Size
from bench.servers import WORKERS, Server, cpu, parley, peer
from bench.statements import NAME, capture
from db import engine

ASYNCPG, SQLALCHEMY, DJANGO, LITESTAR = PEERS = (
    "fastapi_asyncpg", "fastapi_sqlalchemy", "django_rest", "litestar_asyncpg",
)  # fmt: skip
HELLO = ("flask_hello", "wsgi_hello")
DEEP = 200
BATCH = 10_000
SAMPLE = 32
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

    huge = False  # whether growth is to be measured to 68 times the rows

    def __init__(
        self, running: engine.Engine, stack: ExitStack, size: Size, rounds: int, seconds: int, only: list[str] | None
    ) -> None:
        self.running, self.url, self.stack, self.size = running, running.url, stack, size
        self.rounds, self.seconds, self.only = rounds, seconds, only
        self.quick = size == rows.QUICK
        self.started: dict[str, Server] = {}
        self.known: dict[str, str] = {}
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.conn = stack.enter_context(psycopg.connect(self.url, autocommit=True))

    @cached_property
    def ours(self) -> Server:
        return self._wait(parley(self.url, self.running.data_dir))

    @cached_property
    def bare(self) -> Server:
        """Parley with one worker and nothing in memory, of which PostgreSQL tells what it asks."""
        alone = parley(self.url, self.running.data_dir, 1, ("--no-worker",), PGAPPNAME=NAME, PARLEY_MEMORY="0")
        return self._wait(alone)

    def peer(self, name: str) -> Server:
        if name not in self.started:
            self.started[name] = self._wait(peer(name, self.url))
        return self.started[name]

    def peers(self, names: tuple[str, ...]) -> dict[str, Server]:
        return {name: self.peer(name) for name in names if self.only is None or name in self.only}

    @property
    def quickest(self) -> tuple[str, ...]:
        """Peers for questions that take the others long: all of them, unless it is to be quick."""
        return (ASYNCPG, LITESTAR) if self.quick else PEERS

    def _wait(self, starting: AbstractContextManager[Server]) -> Server:
        server = self.stack.enter_context(starting)
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

    def id(self, name: str) -> str:
        """The id behind scheme:identifier."""
        if name not in self.known:
            (self.known[name],) = self.ids([name.partition(":")[2]])
        return self.known[name]

    def address(self, name: str) -> str:
        return engine.address(self.running.data_dir / "postgres", name)

    # --- measuring ---

    def send(self, server: Server) -> int:
        """Ten thousand pledges that nobody had before, in one request."""
        run, chance = secrets.token_hex(4), Chance("batch")
        names = [f"{run}-{number}" for number in range(BATCH)]
        if server is self.ours:
            ((self.before,),) = self.rows("SELECT max(position) FROM revisions")
            body = lines([rows.pledge(name, chance) for name in names])
            path, headers = "/v1/batches?atomic=true", JSON | {"Authorization": f"Bearer {server.key}"}
        else:
            body = json.dumps([resolved(self, name, chance) for name in names]).encode()
            path, headers = "/v1/pledges/bulk", {"Content-Type": "application/json"}
        self.began = time.perf_counter()
        answer = httpx.post(server.address + path, content=body, headers=headers, timeout=600)
        if answer.status_code != 200 or b"10000" not in answer.content:
            raise Wrong(f"{server.name}: {answer.status_code} for a batch: {answer.text[:1000]}")
        return BATCH

    def warm_up(self) -> None:
        """A batch that is only tried: each server process starts its helper at its first one."""
        body = lines([rows.pledge(f"try-{number}", Chance("try")) for number in range(500)])
        headers = JSON | {"Authorization": f"Bearer {self.ours.key}"}

        for address in self.ours.addresses:
            answer = httpx.post(f"{address}/v1/batches?dry_run=true", content=body, headers=headers, timeout=600)
            answer.raise_for_status()

    def timed(self, servers: list[Server], work: Callable[[], int]) -> Run:
        """A piece of work that tells how many records it concerned; it may say itself when it began."""
        before = sum(cpu(server.tree()) for server in servers), cpu(postgres(self.url))
        self.began = time.perf_counter()
        count = work()
        seconds = time.perf_counter() - self.began
        time.sleep(0.1)  # what ended is counted when its parent has noticed
        after = sum(cpu(server.tree()) for server in servers), cpu(postgres(self.url))
        return run(count, seconds, seconds * 1e3, seconds * 1e3, before, after)

    def read(
        self,
        case: str,
        requests: list[Request],
        peers: tuple[str, ...] = (),
        *,
        hello: tuple[str, ...] = (),
        database: bool = True,
        status: int = 200,
        clients: int = 8,
        same: bool = True,
        during: Callable[[Server], AbstractContextManager[None]] = nullcontext,
    ) -> Result:
        """Ask Parley, the peers and the limits for the same, in turns."""
        servers = {"parley": self.ours, **self.peers(peers)}
        samples, seconds = {}, {}
        for name, server in servers.items():
            began = time.perf_counter()
            samples[name] = sample(server, requests, status)
            alone = (time.perf_counter() - began) / len(samples[name])
            # long enough for each client to be answered some times
            seconds[name] = min(max(self.seconds, ceil(4 * alone * clients / WORKERS)), 3 * self.seconds)
        for name, found in samples.items():
            if same:
                agree(name, found, samples["parley"])
        lengths = {name: [len(body) for body in found] for name, found in samples.items()}
        mean = sum(lengths["parley"]) // len(lengths["parley"])
        targets: dict[str, Callable[[int], Run]] = {}
        for name, server in servers.items():
            expected = Expected(min(lengths[name]) // 2, max(lengths[name]) * 2, status)
            targets[name] = partial(self._load, server, requests, expected, clients, seconds[name], during)
        for name in hello:
            server = self._wait(peer(name, self.url, length=mean))
            targets[name] = partial(self._load, server, requests, Expected(mean, mean), clients, 0, nullcontext)
        if database:
            scripts = capture(self.bare, self.running, requests[:50], self.folder / case.replace(" ", "_"))
            targets["pgbench"] = lambda seconds: pgbench(scripts, self.url, seconds)
        known = [name for name in (*hello, "pgbench") if name in targets]
        once = known if self.quick and servers.keys() - {"parley"} else ()
        runs = interleaved(targets, self.rounds, self.seconds, min(2, self.seconds), once)
        limits = {name: runs.pop(name) for name in known}
        return Result(case, "requests", runs.pop("parley"), runs, limits, {"bytes": mean})

    def _load(
        self,
        server: Server,
        requests: list[Request],
        expected: Expected,
        clients: int,
        least: int,
        during: Any,
        seconds: int,
    ) -> Run:
        with during(server):
            return wrk(server, requests, expected, self.url, max(least, seconds), clients)


def sample(server: Server, requests: list[Request], status: int = 200) -> list[bytes]:
    """Some answers, to see what they are and how long."""
    bodies = []
    with httpx.Client(base_url=server.address, timeout=60) as client:
        for request in requests[:: max(len(requests) // SAMPLE, 1)]:
            body = request.body and request.body.replace(UNIQUE, secrets.token_hex(8))
            answer = client.request(request.method, request.path, content=body, headers=dict(request.headers))
            if answer.status_code != status:
                raise Wrong(f"{server.name}: {answer.status_code} for {request.path}: {answer.text[:2000]}")
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
    return bench.read("get", [Request(f"/v1/pledges/{id}") for (id,) in ids], PEERS, hello=HELLO, clients=16)


def choices(bench: Bench, number: int = 300) -> list[str]:
    """Filters by donor and year, all different; those who give most have more than a page in any year."""
    chance = Chance("choices")
    days = ((chance.choice(bench.donors[:12]), chance.day()) for _ in range(number))
    return [f"donor={donor}&from={day}&to={day + timedelta(days=365)}" for donor, day in days if day < LAST_YEAR]


def list_(bench: Bench) -> Result:
    """Fifty pledges of a donor and a time, all questions different."""
    return bench.read("list", [Request(f"/v1/pledges?{filter}") for filter in choices(bench)], PEERS, hello=HELLO)


def deep(bench: Bench) -> Result:
    """How much longer the two hundredth page takes than the first, of the same list: by id, and from the largest on."""
    donors = ",".join(bench.donors[:10])
    begins = range(1 if bench.quick else 2)  # days; it is the walks that take long
    first = [f"/v1/pledges?donor={donors}&from={rows.FIRST_DAY + timedelta(days=day)}" for day in begins]
    lists = {name: (server, first) for name, server in bench.peers((ASYNCPG,)).items()}
    lists["parley"] = bench.bare, first  # what it remembers would be as quick wherever it stands
    lists["parley, largest"] = bench.bare, [f"{path}&sort=-amount" for path in first]
    targets: dict[str, Callable[[int], Run]] = {}
    for name, (server, begin) in lists.items():
        for page, paths in (("first", begin), ("deep", [walk(server, path, DEEP) for path in begin])):
            requests = [Request(path) for path in paths]
            lengths = [len(body) for body in sample(server, requests)]
            expected = Expected(min(lengths) // 2, max(lengths) * 2)
            targets[f"{name} {page}"] = partial(wrk, server, requests, expected, bench.url, clients=2)
    runs = interleaved(targets, bench.rounds, bench.seconds)
    found = {name: ratio(runs[f"{name} deep"].p50, runs[f"{name} first"].p50) for name in lists}
    notes = {name: run.p50 for name, run in runs.items()}
    ours = max((found.pop(name) for name in ("parley", "parley, largest")), key=lambda run: run.rate)
    return Result("deep page ÷ first page", "p50 ratio, the worse", ours, found, notes=notes)


def walk(server: Server, path: str, pages: int) -> str:
    """The address of a page, by the way that leads there."""
    with httpx.Client(base_url=server.address, timeout=60) as client:
        for _ in range(pages - 1):
            path = client.get(path).raise_for_status().json()["next"]
    return path


def ratio(one: float, other: float) -> Run:
    return Run(one / other, 0, 0, 0, 0)


def include(bench: Bench) -> Result:
    """The rounds of a process, with the delegations that sat at them."""
    processes = bench.ids([f"process-{number}" for number in range(20)])
    days = [rows.FIRST_DAY + timedelta(days=30 * month) for month in range(6)]
    paths = [f"/v1/rounds?process={id}&from={day}&include=delegations" for id in processes for day in days]
    return bench.read("include", [Request(path) for path in paths], bench.quickest)


def search(bench: Bench) -> Result:
    """Statements by two words that some have, the best first."""
    chance = Chance("search")
    words = [chance.sample(chance.words[20:200], 2) for _ in range(200)]
    paths = [f"/v1/statements?q={one}%20{other}" for one, other in words]
    with httpx.Client(base_url=bench.ours.address, timeout=60) as client:
        found = [Request(path) for path in paths if client.get(path).json()["items"]]  # some pairs nobody has said
    return bench.read("search", found, bench.quickest, same=False)


def unchanged(bench: Bench) -> Result:
    """A record that the client has already (304)."""
    ids = bench.rows("SELECT id FROM pledges WHERE to_position IS NULL ORDER BY md5(id::text) LIMIT 300")
    with httpx.Client(base_url=bench.ours.address, timeout=60) as client:
        tags = {id: client.get(f"/v1/pledges/{id}").headers["ETag"] for (id,) in ids}
    asked = [Request(f"/v1/pledges/{id}", headers={"If-None-Match": tag}) for id, tag in tags.items()]
    return bench.read("304", asked, hello=HELLO, status=304, clients=16, same=False)


def hot(bench: Bench) -> Result:
    """One list, asked again and again, while somebody changes it once a second and looks whether that shows."""
    path = f"/v1/pledges?donor={bench.donors[0]}"
    (changed,) = {json.loads(body)["items"][0]["id"] for body in sample(bench.ours, [Request(path)])}

    def change(server: Server, title: str) -> None:
        if server is bench.ours:
            headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
            address = f"{server.address}/v1/pledges/{changed}"
            signed = headers | {"Authorization": f"Bearer {server.key}"}
            httpx.patch(address, json={"title": title}, headers=signed).raise_for_status()
        else:
            with psycopg.connect(bench.url) as conn:
                conn.execute("UPDATE peer.pledges SET title = %s WHERE id = %s", (title, changed))

    alone = threading.Lock()  # while all warm up, several change the same rows of the peers

    @contextmanager
    def changing(server: Server) -> Iterator[None]:
        over, stale = threading.Event(), []

        def work() -> None:
            while not over.wait(0.5):
                title = f"Changed {secrets.token_hex(8)}"
                with alone:
                    change(server, title)
                    asked = (httpx.get(address + path).text for address in server.addresses * 2)
                    stale.extend(title for text in asked if title not in text)
                over.wait(0.5)

        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(work)
            try:
                yield
            finally:
                over.set()
            done.result()
        if stale:
            raise Wrong(f"{server.name} gave {len(stale)} stale answers")

    return bench.read(
        "hot list", [Request(path)], (ASYNCPG, LITESTAR), hello=HELLO, database=False, during=changing, clients=16
    )


def feed(bench: Bench) -> Result:
    """Five hundred changes from somewhere in the log."""
    ((last,),) = bench.rows("SELECT max(position) FROM revisions")
    chance = Chance("feed")
    paths = [f"/v1/changes?limit=500&cursor={chance.randrange(last - 500):x}" for _ in range(100)]
    return bench.read("feed", [Request(path) for path in paths], same=False)


def summary(bench: Bench) -> Result:
    """What each donor pledged since some day, always another one."""
    days = (rows.FIRST_DAY + timedelta(days=day) for day in range(365))
    paths = [f"/v1/pledges/summary?group_by=donor&from={day}" for day in days]
    return bench.read("summary", [Request(path) for path in paths], (ASYNCPG,), same=False, clients=4)


# --- writing ---


def create(bench: Bench) -> Result:
    """One pledge that nobody had before, by eight clients; it is on the disk before the answer."""
    chance = Chance("create")
    bodies = [json.dumps(resolved(bench, f"post-{UNIQUE}", chance)) for _ in range(200)]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bench.ours.key}"}
    asked = [Request("/v1/pledges", "POST", body, headers) for body in bodies]
    return bench.read("create", asked, bench.quickest, database=False, status=201, clients=8, same=False)


def resolved(bench: Bench, name: str, chance: Chance) -> dict[str, Any]:
    """A pledge that names what it refers to by ids, as a peer wants it."""
    data = rows.pledge(name, chance)["data"]
    return data | {
        "identifiers": [{"scheme": "bench", "identifier": name}],
        "sources": [{"source": bench.id("bench:source"), "locator": "a row of a table"}],
        "donors": [{"actor": bench.id(donor["actor"]), "role": "donor"} for donor in data["donors"]],
        "recipients": [bench.id(recipient) for recipient in data["recipients"]],
    }


def batch(bench: Bench) -> Result:
    """Ten thousand pledges in one request, beside COPY of all rows that come of them, and a peer's bulk insert."""
    peers = bench.peers((SQLALCHEMY,))
    bench.warm_up()
    copied = Copied(bench)

    def ours(_: int) -> Run:
        return bench.timed([bench.ours], partial(bench.send, bench.ours))

    targets = {"parley": ours, "COPY": lambda _: copied.run()}
    for name, server in peers.items():
        targets[name] = lambda _, server=server: bench.timed([server], partial(bench.send, server))
    runs = interleaved(targets, max(bench.rounds // 2, 1), 1, warm=0)
    return Result("batch", "pledges", runs.pop("parley"), {name: runs[name] for name in peers}, {"COPY": runs["COPY"]})


class Copied:
    """COPY of the rows that the last batch made into the same tables, with the same indexes, of another database."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        with psycopg.connect(bench.address("postgres"), autocommit=True) as conn:
            conn.execute("DROP DATABASE IF EXISTS copied WITH (FORCE)")
            conn.execute("CREATE DATABASE copied TEMPLATE filled STRATEGY file_copy")

    def run(self) -> Run:
        files = {name: self._out(name) for name in tables(self.bench.conn)}
        with psycopg.connect(self.bench.address("copied")) as conn:

            def work() -> int:
                for name, file in files.items():
                    with file.open("rb") as source, conn.cursor().copy(f"COPY {name} FROM STDIN (FORMAT binary)") as to:
                        while part := source.read(1 << 20):
                            to.write(part)
                conn.commit()
                return BATCH

            return self.bench.timed([], work)

    def _out(self, name: str) -> Path:
        file, conn = self.bench.folder / name, self.bench.conn
        columns = {column for (column,) in self.bench.rows(data.COLUMNS, name)}
        at = next((column for column in ("position", "from_position") if column in columns), None)
        new = f"{at} > %s" if at else "id IN (SELECT r.id FROM records AS r WHERE r.position > %s)"
        query = f"COPY (SELECT * FROM {name} WHERE {new}) TO STDOUT (FORMAT binary)"
        with file.open("wb") as out, conn.cursor().copy(query, (self.bench.before,)) as rows:
            for part in rows:
                out.write(part)
        return file


def readers(bench: Bench) -> Result:
    """How much longer one reader in a hundred waits while a batch of ten thousand comes in and is being stored."""
    asked = [Request(f"/v1/pledges?{filter}") for filter in choices(bench)]
    lengths = [len(body) for body in sample(bench.ours, asked)]
    expected = Expected(min(lengths) // 2, max(lengths) * 2)
    load = partial(wrk, bench.ours, asked, expected, bench.url, max(6, bench.seconds), clients=2)
    bench.warm_up()
    rest, during = [], []
    for _ in range(1 if bench.quick else bench.rounds):
        rest.append(load().p99)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(bench.send, bench.ours)
            time.sleep(0.5)  # until it has been made
            during.append(load().p99)
            sending.result()
    times = median(during) / median(rest)
    notes = {"p99 at rest, ms": median(rest), "p99 during, ms": median(during)}
    return Result("readers during a batch", "p99 ratio", ratio(times, 1), notes=notes)


def export(bench: Bench) -> Result:
    """All pledges as NDJSON, beside COPY TO of the same bytes."""
    ((count,),) = bench.rows("SELECT count(*) FROM pledges WHERE to_position IS NULL")
    address = f"{bench.ours.address}/v1/exports/pledges.ndjson"
    query = "SELECT s.doc FROM served AS s WHERE s.type = 'pledge' AND s.to_position IS NULL ORDER BY s.id"
    commands = {
        "parley": ["curl", "--silent", "--fail", address],
        "COPY TO": [str(engine.BIN / "psql"), "--quiet", bench.url, "--command", f"COPY ({query}) TO STDOUT"],
    }
    digests = {name: sha256(subprocess.run(command, check=True, capture_output=True).stdout).digest()
               for name, command in commands.items()}  # fmt: skip
    if len(set(digests.values())) > 1:
        raise Wrong("the export is not what COPY gives")

    def run(name: str, _: int) -> Run:
        def work() -> int:
            subprocess.run(commands[name], check=True, stdout=subprocess.DEVNULL)
            return int(count)

        return bench.timed([bench.ours] if name == "parley" else [], work)

    runs = interleaved({name: partial(run, name) for name in commands}, bench.rounds, 1, warm=0)
    return Result("export", "pledges", runs["parley"], limits={"COPY TO": runs["COPY TO"]})


def growth(bench: Bench) -> Result:
    """How much longer answers take on ten times the rows, and on more, where nothing is kept in memory; and a search by
    a peer, and by its very statements, for whoever ranks what is found has ten times as much to rank."""
    sizes = {"1×": rows.QUICK, "10×": rows.FULL} | ({"68×": rows.HUGE} if bench.huge else {})
    with ExitStack() as stack:
        targets: dict[str, Callable[[int], Run]] = {}
        for times, size in sizes.items():
            one = bench
            if size != bench.size:
                running = stack.enter_context(data.database(size))
                one = Bench(running, stack, size, bench.rounds, bench.seconds, bench.only)
            for name, requests, expected in usual(one):
                targets[f"{name} {times}"] = partial(wrk, one.bare, requests, expected, one.url, clients=2)
                if name == "search" and size != rows.HUGE:  # which has no tables of the peers
                    for other, server in one.peers((ASYNCPG,)).items():
                        load = partial(wrk, server, requests, expected, one.url, clients=2)
                        targets[f"{other} {times}"] = load
                    scripts = capture(one.bare, one.running, requests, one.folder / "growth")
                    targets[f"pgbench {times}"] = partial(pgbench, scripts, one.url, clients=2)
        p50 = {name: run.p50 for name, run in interleaved(targets, bench.rounds, bench.seconds).items()}
    ratios = {name.removesuffix(" 1×"): p50[name.replace(" 1×", " 10×")] / p50[name] for name in p50 if " 1×" in name}
    limits = {"pgbench": ratio(ratios.pop("pgbench"), 1)}
    peers = {name: ratio(ratios.pop(name), 1) for name in [*ratios] if name in PEERS}
    notes = {f"{name}, ms": found for name, found in p50.items()}
    return Result("10× the rows ÷ 1×", "p50 ratio, the worst", ratio(max(ratios.values()), 1), peers, limits, notes)


def usual(bench: Bench) -> Iterator[tuple[str, list[Request], Expected]]:
    """What is asked of few rows and of many: some requests of each kind, and what every answer must be."""
    donors, source = ",".join(bench.donors[:10]), bench.id("bench:source")
    words = [Chance("search").words[place] for place in range(1000, 1050)]
    asked = {
        "get": [f"/v1/pledges/{id}" for (id,) in bench.rows("SELECT id FROM pledges ORDER BY md5(id::text) LIMIT 500")],
        "list": [f"/v1/pledges?{filter}" for filter in choices(bench)],
        "newest": [f"/v1/pledges?sort=-announced_on&{filter}" for filter in choices(bench)],
        "largest": [f"/v1/pledges?sort=-amount&amount_to=500000000&{filter}" for filter in choices(bench)],
        "smallest": [f"/v1/pledges?sort=amount&amount_from=1000000&{filter}" for filter in choices(bench)],
        "by source": [f"/v1/pledges?source={source}&donor={donor}" for donor in bench.donors[:12]],
        "deep": [walk(bench.bare, f"/v1/pledges?donor={donors}", DEEP)],
        "largest, deep": [walk(bench.bare, f"/v1/pledges?sort=-amount&donor={donors}", DEEP)],
        "oldest": [f"/v1/pledges?sort=announced_on&from={LAST_YEAR}&donor={donor}" for donor in bench.donors],
        "search": [f"/v1/statements?q={word}" for word in words],
        "statements": [f"/v1/statements?on_behalf_of={donor}&topic=grain" for donor in bench.donors],
    }
    for name, paths in asked.items():
        requests = [Request(path) for path in paths]
        lengths = [len(body) for body in sample(bench.bare, requests)]
        yield name, requests, Expected(min(lengths) // 4, max(lengths) * 4)


CASES: dict[str, Callable[[Bench], Result]] = {
    "get": get,
    "list": list_,
    "deep": deep,
    "include": include,
    "search": search,
    "304": unchanged,
    "hot": hot,
    "feed": feed,
    "summary": summary,
    "export": export,
    "create": create,
    "batch": batch,
    "readers": readers,
    "growth": growth,
}
LONG = {"growth"}  # with --quick only when asked for: it needs the large database, too
