"""What a client remembers between runs: which chunks were acknowledged, and which records the dataset had so far.

A SQLite file, because each chunk is then noted whole or not at all, whenever the client is killed, and because the
identifiers of a dataset need not fit into memory.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TABLES = """
CREATE TABLE IF NOT EXISTS run (number INTEGER PRIMARY KEY, token TEXT NOT NULL, dataset TEXT NOT NULL, open INTEGER);
CREATE TABLE IF NOT EXISTS chunks (digest TEXT PRIMARY KEY, batch TEXT, tally TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rejects (digest TEXT NOT NULL, line TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS rejects_by_digest ON rejects (digest);
CREATE TABLE IF NOT EXISTS deferred (digest TEXT NOT NULL, item TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deferred_by_digest ON deferred (digest);
CREATE TABLE IF NOT EXISTS records (
    name TEXT, type TEXT, stored INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (name, type)
) WITHOUT ROWID;
"""


class StateError(Exception):
    """The state file cannot be used; str() says why."""


class State:
    """One dataset's memory. Without a file it lasts as long as the process, on disk where it grows large."""

    def __init__(self, file: Path | None, dataset: str) -> None:
        self.dataset = dataset
        try:
            self.db = sqlite3.connect(file or "", isolation_level=None)
            self.db.execute("PRAGMA locking_mode = EXCLUSIVE")  # two clients on one file would double their reports
            self.db.executescript(TABLES)
            self._open_run()
        except sqlite3.DatabaseError as error:
            text = "another client is using it" if "locked" in str(error) else str(error)
            raise StateError(f"The state file {file} cannot be used: {text}.") from error

    def _open_run(self) -> None:
        row = self.db.execute("SELECT number, token, dataset, open FROM run").fetchone()
        if row and row[2] != self.dataset:
            raise StateError(f"The state file belongs to {row[2]}, not to {self.dataset}.")
        self.earlier = bool(row and (row[0] > 1 or not row[3]))  # whether a run was ever finished
        if row and row[3]:
            self.number, self.token = row[:2]
            return
        self.number, self.token = (row[0] + 1 if row else 1), secrets.token_hex(16)
        with self:
            self.db.execute("DELETE FROM run")
            self.db.execute("INSERT INTO run VALUES (?, ?, ?, 1)", (self.number, self.token, self.dataset))
            self.forget()

    def __enter__(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self.db.execute("COMMIT" if kind is None else "ROLLBACK")

    def forget(self) -> None:
        """Take back every acknowledgement of this run."""
        self.db.execute("DELETE FROM chunks")
        self.db.execute("DELETE FROM rejects")
        self.db.execute("DELETE FROM deferred")

    def last_batch(self) -> str | None:
        """The batch that was acknowledged last, if the run goes on from an earlier process."""
        row = self.db.execute("SELECT batch FROM chunks WHERE batch IS NOT NULL ORDER BY rowid DESC LIMIT 1").fetchone()
        return row[0] if row else None

    def acknowledged(self, digest: str) -> Json | None:
        """What became of a chunk, if it was sent before."""
        row = self.db.execute("SELECT tally FROM chunks WHERE digest = ?", (digest,)).fetchone()
        return json.loads(row[0]) if row else None

    def acknowledge(
        self,
        digest: str,
        batch: str | None,
        tally: Json,
        records: dict[tuple[str, str], bool],
        rejects: list[str],
        deferred: list[str],
    ) -> None:
        """Note a chunk and the records in it (name and type), with whether the server has them now.

        One that was refused may be there from an earlier run.
        """
        with self:
            self.db.execute("INSERT INTO chunks VALUES (?, ?, ?)", (digest, batch, json.dumps(tally)))
            self.db.executemany("INSERT INTO rejects VALUES (?, ?)", ((digest, line) for line in rejects))
            self.db.executemany("INSERT INTO deferred VALUES (?, ?)", ((digest, item) for item in deferred))
            self.db.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT (name, type)"
                " DO UPDATE SET stored = max(stored, excluded.stored), run = excluded.run",
                ((*name, stored, self.number) for name, stored in records.items()),
            )

    def rejects(self, digests: Iterable[str]) -> Iterator[str]:
        return self._of("SELECT line FROM rejects WHERE digest = ? ORDER BY rowid", digests)

    def deferred(self, digests: Iterable[str]) -> Iterator[str]:
        return self._of("SELECT item FROM deferred WHERE digest = ? ORDER BY rowid", digests)

    def _of(self, query: str, digests: Iterable[str]) -> Iterator[str]:
        for digest in digests:
            yield from (row[0] for row in self.db.execute(query, (digest,)).fetchall())

    def stored(self, name: str) -> bool | None:
        """Whether the server has a record of that name; None if this run has not met one."""
        query = "SELECT max(stored) FROM records WHERE name = ? AND run = ?"
        found = self.db.execute(query, (name, self.number)).fetchone()[0]
        return None if found is None else bool(found)

    def vanished(self) -> Iterator[tuple[str, str]]:
        """Name and type of the records that earlier runs stored and this one has not met."""
        query = "SELECT name, type FROM records WHERE stored AND run < ? ORDER BY name"
        yield from self.db.execute(query, (self.number,))

    def finish(self) -> None:
        self.db.execute("UPDATE run SET open = 0")

    def close(self) -> None:
        self.db.close()
