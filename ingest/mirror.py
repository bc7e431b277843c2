"""A copy of a Parley in one SQLite file: whole exports first, then the feed of changes for as long as one likes."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx
import orjson

from ingest.client import Client

Json = dict[str, Any]
Watch = Callable[[str, int, int | None], None]  # told what is read, how many of it are there, and of how many

WAIT = 30  # seconds in which a question about changes waits for the next one
TRIES = 10  # how often a comparison is begun anew because the server has moved on meanwhile
TOLD = 500  # records between two words about them
LABELLED = {"id", "type", "name", "identifiers"}  # a reference as it is served
TIMES = ("created_at", "updated_at")
EMPTY: tuple[Any, ...] = (None, [])

MIRROR = "CREATE TABLE IF NOT EXISTS mirror (url TEXT NOT NULL, cursor TEXT)"
TYPES = "CREATE TABLE IF NOT EXISTS types (type TEXT PRIMARY KEY, collection TEXT NOT NULL, loaded INTEGER NOT NULL)"
TABLE = """
CREATE TABLE {collection} (
    id TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, updated_at TEXT NOT NULL, doc TEXT NOT NULL
)"""
VIEWS = {
    "names": """
SELECT '{type}' AS type, id, coalesce(json_extract(doc, '$.name'), json_extract(doc, '$.title')) AS name
  FROM {collection}
""",
    "links": """
SELECT '{type}' AS from_type, t.id AS from_id, j.fullkey AS path,
       json_extract(j.value, '$.type') AS to_type, json_extract(j.value, '$.id') AS to_id
  FROM {collection} AS t, json_tree(t.doc) AS j
 WHERE j.type = 'object'
   AND j.parent IS NOT NULL
   AND json_extract(j.value, '$.id') IS NOT NULL
""",
}
PUT = """
INSERT INTO {collection} AS t (id, version, updated_at, doc) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, updated_at = excluded.updated_at, doc = excluded.doc
 WHERE excluded.version > t.version
"""
REMOVE = "DELETE FROM {collection} WHERE id = ? AND version <= ?"
VERSIONS = "SELECT id, version FROM {collection} ORDER BY id"


class MirrorError(Exception):
    """The copy cannot be kept; str() says why."""


class BrokenOff(httpx.RemoteProtocolError):
    """An export that ended before its end: fetched again like any answer that was lost on the way."""


class Difference(NamedTuple):
    """A type of which the copy does not hold what the server has."""

    type: str
    there: int
    here: int

    def __str__(self) -> str:
        if self.there == self.here:
            return f"{self.type}: as many, but others or in other versions"
        return f"{self.type}: {self.there:,} there, {self.here:,} here"


class Mirror(Protocol):
    """A copy, whatever it is kept in."""

    def update(self, watch: Watch, wait: int = 0) -> None:
        """Bring it to what the server has; where it has that already, wait so many seconds for something new."""

    def verify(self, watch: Watch) -> list[Difference]:
        """Bring it to what the server has, and compare the two."""

    def close(self) -> None:
        """Let go of the files."""


class Database:
    """A copy in DIR/parley.sqlite: rows are committed together with the cursor behind which the feed goes on."""

    def __init__(self, client: Client, folder: Path, types: list[str] | None = None) -> None:
        self.client, self.file, self.told = client, folder / "parley.sqlite", 0
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self.db = sqlite3.connect(self.file, isolation_level=None, timeout=60)
            self.db.execute("PRAGMA journal_mode = WAL")  # who reads the copy neither waits nor is waited for
            self.db.execute("PRAGMA secure_delete = ON")  # what is erased there must not stay here in a free page
            with self._transaction():
                self._begin(types)
        except sqlite3.DatabaseError as error:
            raise MirrorError(f"{self.file} cannot be used: {error}.") from error

    def _begin(self, wanted: list[str] | None) -> None:
        self.db.execute(MIRROR)
        self.db.execute(TYPES)
        url = str(self.client.http.base_url)
        known = self.db.execute("SELECT url FROM mirror").fetchone()
        if known is None:
            self.db.execute("INSERT INTO mirror VALUES (?, NULL)", (url,))
            self._make_tables(chosen(self.client, wanted))
        self.types: dict[str, str] = dict(self.db.execute("SELECT type, collection FROM types ORDER BY type"))
        if known and (known[0] != url or set(wanted or self.types) != set(self.types)):
            raise MirrorError(f"{self.file} holds {', '.join(self.types)} of {known[0]}. Take another directory.")

    def _make_tables(self, types: dict[str, str]) -> None:
        for type, collection in types.items():
            self.db.execute("INSERT INTO types VALUES (?, ?, FALSE)", (type, collection))
            self.db.execute(TABLE.format(collection=collection))
        for name, view in VIEWS.items():
            parts = [view.format(type=type, collection=collection) for type, collection in types.items()]
            self.db.execute(f"CREATE VIEW {name} AS {'UNION ALL'.join(parts)}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        finally:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    def close(self) -> None:
        self.db.close()

    @property
    def cursor(self) -> str:
        """Where in the feed the copy stands."""
        return str(self.db.execute("SELECT cursor FROM mirror").fetchone()[0])

    # --- keeping up ---

    def update(self, watch: Watch, wait: int = 0) -> None:
        missing = self.db.execute("SELECT type, collection FROM types WHERE NOT loaded ORDER BY type").fetchall()
        counts = {entry["type"]: entry["count"] for entry in coverage(self.client)["types"]} if missing else {}
        for type, collection in missing:
            for attempt in self.client.attempts():
                with attempt, self._transaction():
                    self._load(type, collection, counts[type], watch)
        before, caught_up = self.cursor, False
        while not caught_up:
            page = changes(self.client, before, list(self.types), wait=wait, include="record")
            self._apply(page["items"], before, page["next_cursor"], watch)
            before, caught_up = page["next_cursor"], page["caught_up"]

    def _load(self, type: str, collection: str, count: int, watch: Watch) -> None:
        """Take a whole collection."""
        number = 0
        with self.client.stream(f"/v1/exports/{collection}.ndjson") as answer:
            for number, line in enumerate(lines(answer.iter_bytes()), 1):
                record = orjson.loads(line)
                self._put(collection, record, record["updated_at"])
                if number % TOLD == 0:
                    watch(collection, number, count)
            watch(collection, number, number)
            check_whole(answer, number)
            # the first export is the earliest: what later ones hold already, the feed says once more
            self.db.execute("UPDATE mirror SET cursor = coalesce(cursor, ?)", (answer.headers["Parley-Cursor"],))
        self.db.execute("UPDATE types SET loaded = TRUE WHERE type = ?", (type,))

    def _apply(self, events: list[Json], before: str, after: str, watch: Watch) -> None:
        """Apply a part of the feed."""
        with self._transaction():
            lost = [event for event in events if event["type"] in self.types and self._apply_one(event)]
            moved = self.db.execute("UPDATE mirror SET cursor = ? WHERE cursor = ?", (after, before))
            if not moved.rowcount:
                raise MirrorError(f"Another `parley mirror` writes {self.file}.")
        if lost:
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nor may it stay in SQLite's log
        self.told += len(events)
        watch("changes", self.told, None)

    def _apply_one(self, event: Json) -> bool:
        """Says whether the copy lost a record. What it holds in that version or a later one stays as it is."""
        collection = self.types[event["type"]]
        if "record" in event:
            self._put(collection, event["record"], event["changed_at"])
            return False
        # deleted or merged; or since erased, and then the feed has the event but no record
        return self.db.execute(REMOVE.format(collection=collection), (event["id"], event["version"])).rowcount > 0

    def _put(self, collection: str, record: Json, updated_at: str) -> None:
        doc = orjson.dumps(logged(record), option=orjson.OPT_SORT_KEYS).decode()
        self.db.execute(PUT.format(collection=collection), (record["id"], record["version"], updated_at, doc))

    # --- proof ---

    def verify(self, watch: Watch) -> list[Difference]:
        self.update(watch)
        for _ in range(TRIES):
            covered = coverage(self.client)
            if self._reach(covered["cursor"], watch):
                return differences(covered, {type: self._versions(type) for type in self.types})
            time.sleep(1)
        raise MirrorError("The feed and the coverage of this server do not meet; is one of them asked elsewhere?")

    def _reach(self, cursor: str, watch: Watch) -> bool:
        """Follow the feed to a certain cursor and no further; says whether it was met."""
        before, caught_up = self.cursor, False
        while before != cursor and not caught_up:
            page = changes(self.client, before, None, include="record")  # the change there may be of any type
            events, after, caught_up = page["items"], page["next_cursor"], page["caught_up"]
            places = [event["cursor"] for event in events]
            if cursor in places:
                events, after = events[: places.index(cursor) + 1], cursor
            self._apply(events, before, after, watch)
            before = after
        return before == cursor

    def _versions(self, type: str) -> Iterable[tuple[str, int]]:
        return self.db.execute(VERSIONS.format(collection=self.types[type]))


# --- what every copy needs -----------------------------------------------------------------------------------------


def coverage(client: Client) -> Json:
    return client.get("/v1/coverage")


def changes(client: Client, cursor: str, types: list[str] | None, wait: int = 0, **more: str | int) -> Json:
    """A page of the feed."""
    asked = more | {"cursor": cursor, "wait": wait} | ({"types": ",".join(types)} if types else {})
    page: Json = client.send("GET", "/v1/changes", params=asked, timeout=wait + 30).json()
    return page


def chosen(client: Client, wanted: list[str] | None) -> dict[str, str]:
    """The types to be copied, and their collections."""
    known = {entry["type"]: entry["collection"] for entry in coverage(client)["types"]}
    if unknown := set(wanted or ()) - known.keys():
        raise MirrorError(f"There is no type {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
    if odd := [name for pair in known.items() for name in pair if not re.fullmatch("[a-z_]+", name)]:
        raise MirrorError(f"The server has names that cannot be those of tables: {odd}.")
    return {type: collection for type, collection in known.items() if not wanted or type in wanted}


def check_whole(answer: httpx.Response, number: int) -> None:
    """A server whose database goes away cannot always break off an answer visibly."""
    if number != int(answer.headers["Parley-Total"]):
        raise BrokenOff(f"{answer.url.path} ended after {number:,} records of {answer.headers['Parley-Total']}")


def lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """What was sent, line by line; httpx would also cut at other signs that end a line in some texts."""
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from whole
    if rest:
        raise BrokenOff("an export ended in the middle of a record")


def logged(record: Json) -> Json:
    """A record as the log and the feed have it: references as id and type, no nulls, no empty lists, no times."""
    return {name: _bare(value) for name, value in record.items() if name not in TIMES and value not in EMPTY}


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == LABELLED:
        return {"id": value["id"], "type": value["type"]}
    return {name: _bare(entry) for name, entry in value.items() if entry not in EMPTY}


def differences(covered: Json, versions: dict[str, Iterable[tuple[str, int]]]) -> list[Difference]:
    """The types of which the copy does not hold the records that the server has, in the same versions."""
    found = []
    for entry in covered["types"]:
        if entry["type"] in versions:
            digest, here = md5(usedforsecurity=False), 0
            for id, version in versions[entry["type"]]:
                digest.update(f"{id}:{version}\n".encode())
                here += 1
            if digest.hexdigest() != entry["checksum"]:
                found.append(Difference(entry["type"], entry["count"], here))
    return found
