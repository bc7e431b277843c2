"""Does everybody end with the same? Writers, readers and kill -9 for minutes, then every copy is held against the log.

python -m tests.soak [SECONDS [SEED]]
"""

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from stamina import instrumentation

from ingest.client import Client
from ingest.mirror import logged
from tests.installation import Installation

Json = dict[str, Any]

WRITERS = 8
COLLECTIONS = {"actor": "actors", "person": "people", "source": "sources", "pledge": "pledges"}
#: what a writer may be told, where all write on the same records
EXPECTED = {
    "conflict", "gone", "identifier_taken", "merged", "not_found", "precondition_failed", "still_referenced",
    "unknown_reference",
}  # fmt: skip
#: what a writer does, and how often
WRITES = {"create": 6, "upsert": 6, "patch": 8, "delete": 4, "restore": 2, "merge": 3, "batch": 3}
DECK = ["worker"] * 4 + ["mirror"] * 3 + ["postgres"] * 2 + ["everything"]
LOCK = "SELECT pg_advisory_xact_lock(7205760001)"  # the log's: who holds it keeps every writer waiting


class Shared:
    """What the writers know of each other, and what nobody should have seen."""

    def __init__(self) -> None:
        self.over = Event()
        self.faults: list[str] = []
        self.known: dict[str, list[str]] = {type: [] for type in COLLECTIONS}
        self.outcomes: Counter[str] = Counter()


class Writer(Thread):
    """Writes at random; remembers what the server acknowledged."""

    def __init__(self, number: int, url: str, key: str, shared: Shared, seed: int) -> None:
        super().__init__(daemon=True)
        self.number, self.shared, self.random = number, shared, random.Random(f"{seed} {number}")
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=130)
        self.tokens = count()
        self.acknowledged: list[tuple[str, int, str | None]] = []  # id, version, name where it was given one
        self.merged: list[tuple[str, str]] = []
        self.deleted: list[tuple[str, str]] = []

    def run(self) -> None:
        try:
            while not self.shared.over.is_set():
                getattr(self, self.random.choices([*WRITES], [*WRITES.values()])[0])()
                time.sleep(self.random.uniform(0, 0.05))
        except Exception as error:
            self.shared.faults.append(f"writer {self.number}: {error!r}")

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """An answer; None where nobody knows what became of it."""
        try:
            answer = self.http.request(method, f"/v1/{path}", **options)
        except httpx.TransportError:
            self.shared.outcomes["lost"] += 1
            time.sleep(0.1)
            return None
        if answer.status_code == 503:
            self.shared.outcomes["unavailable"] += 1
            time.sleep(0.1)
            return None
        if answer.is_error:
            code = answer.json()["code"] if "json" in answer.headers.get("Content-Type", "") else answer.text[:200]
            self.shared.outcomes["refused"] += 1
            if code not in EXPECTED and code != "idempotency_in_flight":
                self.shared.faults.append(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer

    def surely(self, path: str, **options: Any) -> httpx.Response:
        """A POST under one Idempotency-Key until it is answered: it must be done once."""
        headers = options.pop("headers", {}) | {"Idempotency-Key": str(uuid4())}
        while True:
            answer = self.ask("POST", path, headers=headers, **options)
            if answer is not None and not (answer.status_code == 409 and "in_flight" in answer.text):
                return answer
            time.sleep(0.1)

    def acknowledge(self, answer: httpx.Response | None, name: str | None = None) -> None:
        if answer is None or answer.is_error:
            return
        record = answer.json()
        self.acknowledged.append((record["id"], record["version"], name))
        self.shared.outcomes["acknowledged"] += 1
        self.shared.known[record["type"]].append(record["id"])

    # --- what it writes ---

    def body(self, type: str) -> tuple[str, Json]:
        """A body with a name that no other write gives."""
        name = f"{self.number} {next(self.tokens)}"
        match type:
            case "actor":
                return name, {"name": name, "kind": "other"}
            case "person":
                return name, {"name": name, "note": "n" * self.random.randrange(1, 2_000)}
            case "source":
                return name, {"kind": "news", "title": name}
        donors = [{"actor": self.some("actor")} for _ in range(self.random.randint(1, 2))]
        return name, {"title": name, "donors": donors, "apportionment": "unsplit" if len(donors) > 1 else "sole",
                      "status": "pledged", "sources": [{"source": "soak:paper"}]}  # fmt: skip

    def some(self, type: str) -> str:
        """A record that is there, or was."""
        known = self.shared.known[type][-300:]
        return self.random.choice(known) if known else self.some_name()

    def some_name(self) -> str:
        return f"soak:{self.random.randrange(30 + len(self.acknowledged) // 4)}"

    def some_type(self) -> str:
        return self.random.choices([*COLLECTIONS], [4, 1, 1, 3])[0]

    def create(self) -> None:
        name, body = self.body(type := self.some_type())
        self.acknowledge(self.surely(COLLECTIONS[type], json=body), name)

    def upsert(self) -> None:
        name, body = self.body(type := self.some_type())
        self.acknowledge(self.ask("PUT", f"{COLLECTIONS[type]}/{self.some_name()}", json=body), name)

    def read(self) -> tuple[str, Json, dict[str, str]] | None:
        type = self.some_type()
        answer = self.ask("GET", path := f"{COLLECTIONS[type]}/{self.some(type)}")
        if answer is None or answer.status_code != 200:
            return None
        return path, answer.json(), {"If-Match": answer.headers["ETag"]}

    def patch(self) -> None:
        if found := self.read():
            path, record, headers = found
            name, body = self.body(record["type"])
            change = {key: value for key, value in body.items() if value == name}
            headers["Content-Type"] = "application/merge-patch+json"
            self.acknowledge(self.ask("PATCH", path, content=json.dumps(change), headers=headers), name)

    def delete(self) -> None:
        if found := self.read():
            path, record, headers = found
            answer = self.ask("DELETE", f"{path}?reason=soak", headers=headers)
            if answer is not None and answer.status_code == 204:
                self.acknowledged.append((record["id"], record["version"] + 1, None))
                self.deleted.append((COLLECTIONS[record["type"]], record["id"]))

    def restore(self) -> None:
        if self.deleted:
            collection, id = self.deleted.pop()
            self.acknowledge(self.ask("POST", f"{collection}/{id}/restore"))

    def merge(self) -> None:
        old, new = self.some("actor"), self.some("actor")
        answer = self.ask("POST", f"actors/{old}/merge", json={"into": new})
        if answer is not None and answer.status_code == 200:
            self.merged.append((old, new))

    def batch(self) -> None:
        """Usually some rows; now and then so many that the others wait for seconds."""
        rows = []
        for _ in range(2_000 if self.random.random() < 0.08 else self.random.randint(2, 80)):
            new = f"soak:{self.number}-{next(self.tokens)}"
            type, target = self.some_type(), {"identifier": self.random.choice([new, self.some_name()])}
            if (kind := self.random.choice(["upsert"] * 8 + ["patch", "delete"])) != "upsert":
                target = {"id": self.some(type)} if self.shared.known[type] else target
            name, body = self.body(type)
            data = {key: value for key, value in body.items() if value == name} if kind == "patch" else body
            rows.append({"op": kind, "type": type} | target | ({"data": data} if kind != "delete" else {}))
        content = "\n".join(map(json.dumps, rows))
        answer = self.surely("batches", content=content, headers={"Content-Type": "application/x-ndjson"})
        for result in answer.json()["results"]:
            if result["status"] != "failed":
                self.acknowledged.append((result["id"], result["version"], None))
                self.shared.outcomes["acknowledged"] += 1
                self.shared.known[result["type"]].append(result["id"])


class Holder(Thread):
    """Holds the log's lock for seconds in a transaction of its own."""

    def __init__(self, here: Installation, shared: Shared, seed: int) -> None:
        super().__init__(daemon=True)
        self.here, self.shared, self.random, self.held = here, shared, random.Random(seed), 0

    def run(self) -> None:
        while not self.shared.over.wait(self.random.uniform(3, 8)):
            # killed with its server, or there is none
            with suppress(psycopg.OperationalError, OSError, IndexError), self.here.connect() as conn:
                conn.execute(LOCK)
                time.sleep(self.random.uniform(1, 3))
                self.held += 1


class Reader(Thread):
    """Follows the feed from a cursor, and writes down what it is told."""

    def __init__(self, url: str, shared: Shared, cursor: str, pause: float = 0.0, **asked: Any) -> None:
        super().__init__(daemon=True)
        self.url, self.shared, self.cursor, self.pause, self.asked = url, shared, cursor, pause, asked
        self.start_at, self.end_at = cursor, ""
        self.events: list[tuple[str, ...]] = []
        self.held: dict[str, Json] = {}

    def run(self) -> None:
        try:
            with Client(self.url, patience=None) as client:
                while self.cursor != self.end_at:
                    asked = {"cursor": self.cursor, "include": "record"} | self.asked
                    page = client.send("GET", "/v1/changes", params=asked, timeout=60).json()
                    for event in page["items"]:
                        self.apply(event)
                    self.cursor = page["next_cursor"]
                    time.sleep(self.pause)
        except Exception as error:
            self.shared.faults.append(f"reader of {self.asked}: {error!r}")

    def apply(self, event: Json) -> None:
        record = event.get("record")
        digest = sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
        names = ("cursor", "type", "id", "op", "version", "changed_at", "merged_into")
        self.events.append((*(str(event.get(name)) for name in names), digest))
        if record is None:
            self.held.pop(event["id"], None)
        else:
            self.held[event["id"]] = record


class Copy:
    """`parley mirror --follow` in a process of its own."""

    def __init__(self, url: str, folder: Path, stack: ExitStack) -> None:
        self.url, self.folder, self.stack = url, folder, stack
        self.messages = stack.enter_context(folder.with_suffix(".messages").open("a"))
        self.follow()

    def run(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cli", "mirror", self.url, str(self.folder), *options]
        return self.stack.enter_context(subprocess.Popen(command, stdout=self.messages, stderr=self.messages))

    def follow(self) -> None:
        self.process = self.run("--follow")
        self.stack.callback(self.process.kill)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.follow()

    def stop(self) -> int:
        self.process.terminate()  # not by SIGINT: a shell lets what runs in its background ignore that
        return self.process.wait(60)

    def verify(self) -> int:
        return self.run("--verify").wait(300)

    def held(self) -> dict[str, Json]:
        with closing(sqlite3.connect(self.folder / "parley.sqlite")) as db:
            tables = [name for (name,) in db.execute("SELECT collection FROM types")]
            return {id: json.loads(doc) for name in tables for id, doc in db.execute(f"SELECT id, doc FROM {name}")}


def soak(seconds: float, seed: int, folder: Path, stack: ExitStack) -> list[str]:
    """Let them all loose; says what was wrong."""
    chance, shared, kills = random.Random(seed), Shared(), Counter[str]()
    here = Installation(folder, stack, PARLEY_RATE_LIMIT="1000000/minute")
    httpx.put(f"{here.url}/v1/sources/soak:paper", json={"kind": "news"},
              headers={"Authorization": f"Bearer {here.key}"}).raise_for_status()  # fmt: skip
    writers = [Writer(number, here.url, here.key, shared, seed) for number in range(WRITERS)]
    whole, some = Reader(here.url, shared, "0"), Reader(here.url, shared, "0", 0.02, limit=20, types="pledge,actor")
    readers, copy, holder = [whole, some], Copy(here.url, folder / "copy", stack), Holder(here, shared, seed)
    for thread in (*writers, *readers, holder):
        thread.start()
    end, deck = time.monotonic() + seconds, []
    while time.monotonic() < end and not shared.faults:
        time.sleep(chance.uniform(0.5, 4))
        if len(readers) == 2:  # one that waits for each change, from where the log stands by now
            readers.append(Reader(here.url, shared, whole.cursor, wait=10))
            readers[-1].start()
        deck = deck or chance.sample(DECK, len(DECK))
        kills[blow := deck.pop()] += 1
        strike(blow, here, copy)
        if here.server.poll() is not None:
            shared.faults.append(f"the server ended by itself:\n{here.server.told()}")
    shared.over.set()
    for writer in writers:
        writer.join(150)
        if writer.is_alive():
            shared.faults.append(f"writer {writer.number} gets no answer")
    told = f"{seconds:.0f} s, seed {seed}: {dict(shared.outcomes)}, kills {dict(kills)}, {holder.held} times held"
    print(told, flush=True)
    return shared.faults or [*compare(here, writers, readers, copy, stack)]


def strike(blow: str, here: Installation, copy: Copy) -> None:
    match blow:
        case "worker":
            here.kill_worker()
        case "mirror":
            copy.kill()
        case "postgres":
            here.kill_postgres()
        case "everything":
            here.kill_all()
            here.serve()


def compare(
    here: Installation, writers: list[Writer], readers: list[Reader], copy: Copy, stack: ExitStack
) -> Iterator[str]:
    with here.connect() as conn:
        query = "SELECT to_hex(position), type, id::text, op, version::text, document FROM revisions ORDER BY position"
        log = [tuple(row) for row in conn.execute(query)]
    for reader in readers:
        reader.end_at = log[-1][0]
    for reader in readers:
        reader.join(120)
    if any(reader.is_alive() for reader in readers):
        yield f"a reader does not arrive: {[reader.cursor for reader in readers]} of {log[-1][0]}"
        return

    # the feed is the log: nothing missing, nothing twice, in one order, with the same content for all
    whole = readers[0]
    if [event[:5] for event in whole.events] != [row[:5] for row in log]:
        yield "the feed is not the log: " + first_difference([e[:5] for e in whole.events], [row[:5] for row in log])
    for reader in readers[1:]:
        types = reader.asked.get("types", ",".join(COLLECTIONS)).split(",")
        start = int(reader.start_at, 16)
        wanted = [event for event in whole.events if int(event[0], 16) > start and event[1] in types]
        if reader.events != wanted:
            yield f"readers of {reader.asked} differ: " + first_difference(reader.events, wanted)
    if sorted(times := [event[5] for event in whole.events]) != times:
        yield "time runs backwards in the feed"
    versions: Counter[str] = Counter()
    for _, _, id, _, version, _ in log:
        versions[id] += 1
        if str(versions[id]) != version:
            yield f"{id} has version {version} as its {versions[id]}th"

    # whoever replayed it holds what the server shows
    served = {}
    with Client(here.url) as client:
        for collection in COLLECTIONS.values():
            page = client.get(f"/v1/{collection}", limit=500)
            served |= {record["id"]: logged(record) for record in page["items"]}
            while page["next"]:
                page = client.get(page["next"])
                served |= {record["id"]: logged(record) for record in page["items"]}
    yield from unlike("replayed", {id: logged(record) for id, record in whole.held.items()}, served)
    if (code := copy.stop()) != 0:
        yield f"the mirror ended with {code}"
    for name, mirror in (("mirror", copy), ("late mirror", Copy(here.url, here.folder / "late", stack))):
        if mirror is not copy:
            time.sleep(1)  # killed while it begins
            mirror.process.kill()
            mirror.process.wait()
        if (code := mirror.verify()) != 0:
            yield f"{name} --verify ended with {code}: {(mirror.folder.with_suffix('.messages')).read_text()[-2000:]}"
        yield from unlike(name, mirror.held(), served)

    # what was acknowledged is there, and was done once
    documents = {(row[2], int(row[4])): row[5] for row in log}
    into = {(event[2], event[6]) for event in whole.events if event[3] == "merged"}
    for writer in writers:
        for id, version, name in writer.acknowledged:
            if (id, version) not in documents:
                yield f"acknowledged, and lost: {id} version {version}"
            elif name and name not in ((document := documents[id, version] or {}).get("name"), document.get("title")):
                yield f"acknowledged {id} version {version} as {name}, and logged {document}"
        yield from (f"acknowledged, and lost: {old} merged into {new}" for old, new in set(writer.merged) - into)
    made = Counter((row[5].get("name") or row[5].get("title")) for row in log if row[3] == "created")
    yield from (f"made {times} times: {name}" for name, times in made.items() if name and times > 1)
    ops = Counter(row[3] for row in log)
    if ops.keys() != {"created", "updated", "deleted", "merged"}:
        yield f"too little has happened to prove anything: {dict(ops)}"
    checked = sum(len(writer.acknowledged) for writer in writers)
    print(f"{len(log)} events {dict(ops)}, {len(served)} records at the end, {checked} acknowledgements looked up;")
    print(f"readers had {[len(reader.events) for reader in readers]} events, and there were two mirrors", flush=True)


def first_difference(one: list[tuple[str, ...]], other: list[tuple[str, ...]]) -> str:
    place = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{len(one)} and {len(other)} events, first at {place}: {one[place : place + 1]}, {other[place : place + 1]}"


def unlike(name: str, held: dict[str, Json], served: dict[str, Json]) -> Iterator[str]:
    if missing := served.keys() - held.keys():
        yield f"{name}: {len(missing)} records are missing, {min(missing)} among them"
    if more := held.keys() - served.keys():
        yield f"{name}: {len(more)} records are too many, {min(more)} among them"
    for id in held.keys() & served.keys():
        if held[id] != served[id]:
            yield f"{name}: {id} is {held[id]}, and {served[id]} on the server"


def main(seconds: str = "300", seed: str = "") -> int:
    started = time.monotonic()
    instrumentation.set_on_retry_hooks([])  # a word about each lost answer would be thousands
    with tempfile.TemporaryDirectory(prefix="parley-soak-") as folder, ExitStack() as stack:
        faults = soak(float(seconds), int(seed or time.time()), Path(folder), stack)
    for fault in faults[:20]:
        print(f"FAULT: {fault}")
    print(f"soak: {'FAILED' if faults else 'ok'}, {len(faults)} faults, {time.monotonic() - started:.0f} s in all")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
