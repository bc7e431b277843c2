"""A copy of a Parley in Parquet files, one for each collection, fetched anew when the feed says that it has changed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from ingest.client import Client
from ingest.mirror import (
    TRIES,
    BrokenOff,
    Difference,
    MirrorError,
    Watch,
    changes,
    check_whole,
    chosen,
    coverage,
    differences,
)

PAUSE = 60.0  # seconds for which files are left alone: a single change costs a whole one


class Files:
    """DIR/pledges.parquet and so on. Each says in its metadata at which cursor it was true."""

    def __init__(self, client: Client, folder: Path, types: list[str] | None = None, pause: float = PAUSE) -> None:
        self.client, self.pause = client, pause
        folder.mkdir(parents=True, exist_ok=True)
        self.files = {type: folder / f"{name}.parquet" for type, name in chosen(client, types).items()}
        self.cursors = {type: cursor(file) for type, file in self.files.items() if file.exists()}

    def close(self) -> None:
        """Nothing is held from one file to the next."""

    def update(self, watch: Watch, wait: int = 0) -> None:
        if wait and self.cursors.keys() == self.files.keys():
            # that of the first is the oldest: no change after any of them goes unseen
            changes(self.client, self.cursors[next(iter(self.files))], list(self.files), wait=wait, limit=1)
        if self._fetch(watch) and wait:
            time.sleep(self.pause)

    def _fetch(self, watch: Watch) -> bool:
        """Fetch what is missing or has changed; says whether there was any."""
        outdated = [type for type in self.files if type not in self.cursors or self._changed(type)]
        for number, type in enumerate(outdated, 1):
            for attempt in self.client.attempts():
                with attempt:
                    self._replace(self.files[type])
            self.cursors[type] = cursor(self.files[type])
            watch("files", number, len(outdated))
        return bool(outdated)

    def _changed(self, type: str) -> bool:
        page = changes(self.client, self.cursors[type], [type], limit=1)
        if not page["items"]:
            self.cursors[type] = page["next_cursor"]
        return bool(page["items"])

    def _replace(self, file: Path) -> None:
        """The whole file or none of it, whenever this is killed."""
        new = file.with_name(f".{file.name}.new")
        with self.client.stream(f"/v1/exports/{file.name}") as answer:
            with new.open("wb") as out:
                for part in answer.iter_bytes():
                    out.write(part)
                out.flush()
                os.fsync(out.fileno())
            check_whole(answer, rows(new))
        new.replace(file)

    def verify(self, watch: Watch) -> list[Difference]:
        for _ in range(TRIES):
            self._fetch(watch)
            covered = coverage(self.client)
            found = differences(covered, {type: versions(file) for type, file in self.files.items()})
            if not any(self._changed(difference.type) for difference in found):
                return found
        raise MirrorError("The server changes faster than its files can be compared. Try again, or use SQLite.")


# pyarrow is imported late: other commands start faster without it


def cursor(file: Path) -> str:
    """Where in the feed a file stands."""
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import read_schema

    try:
        return str(read_schema(file).metadata[b"parley_cursor"].decode())
    except (ArrowInvalid, KeyError, TypeError) as error:
        raise MirrorError(f"{file} is not one of ours. Remove it, or take another directory.") from error


def rows(file: Path) -> int:
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import read_metadata

    try:
        return int(read_metadata(file).num_rows)
    except ArrowInvalid as error:
        raise BrokenOff("an export ended before its last bytes") from error


def versions(file: Path) -> Iterator[tuple[str, int]]:
    """The records of a file, which come in the order of their ids."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as opened:
        for batch in opened.iter_batches(columns=["id", "version"]):
            yield from zip(batch["id"].to_pylist(), batch["version"].to_pylist(), strict=True)
