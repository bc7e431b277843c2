"""Records as Parley serves and exports them, one JSON object a line; or operations of a batch, sent as they are."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ingest.items import Item, Json, Look, Money, Refusal
from ingest.making import unreadable
from ingest.tables import Unreadable

DROPPED = {
    "version, created_at, updated_at, contested": "the receiving Parley counts, times and contests by itself",
    "name of a reference": "a label for reading; the record that it names has the name",
}
MENTIONED: set[str] = set()  # no record stands here for others' sake alone
LONGEST = 32 << 20  # bytes of a line that is still read into memory
REFERENCE = {"id", "type", "name", "identifiers"}


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    sizes = [file.stat().st_size for file in files]
    before = 0
    for file, size in zip(files, sizes, strict=True):
        faults: set[str | None] = set()
        with file.open("rb") as opened:
            for number, line in enumerate(lines(opened), start=1):
                if line.strip():
                    made = item(line, f"{file.name}, line {number}")
                    made.done = (before + opened.tell()) / sum(sizes)
                    faults.add(made.problem["code"] if isinstance(made, Refusal) else None)
                    yield made
        if faults == {"invalid_json"}:
            yield unreadable(file, Unreadable(f"{file.name} is not NDJSON: no line of it is JSON."))
        before += size


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Line by line; what is too long for memory is cut, and then no JSON."""
    while line := file.readline(LONGEST):
        yield line
        while len(line) == LONGEST and not line.endswith(b"\n"):
            line = file.readline(LONGEST)


def item(line: bytes, where: str) -> Item | Refusal:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        text = line[:2000].decode(errors="replace").rstrip()
        return Refusal(where, {"line": text}, {"code": "invalid_json", "detail": f"Not JSON: {error}."})
    return operation(row, where)


def operation(row: Any, where: str) -> Item | Refusal:
    """A record as an upsert; what is an operation already is left alone."""
    if not isinstance(row, dict) or not isinstance(row.get("type"), str):
        problem = {"code": "no_type", "detail": "A line must be an object that says its type, like pledge."}
        return Refusal(where, row if isinstance(row, dict) else {"line": row}, problem)
    if "op" in row:
        return Item(row, where, row, worth(row.get("data")))
    return Item({"op": "upsert", "type": row["type"], "data": portable(row)}, where, row, worth(row))


def portable(value: Any) -> Any:
    """The same with every reference by identifier where it has one: ids are others in another Parley."""
    if isinstance(value, list):
        return [portable(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.keys() | {"name"} == REFERENCE and value["identifiers"]:
        name = value["identifiers"][0]
        return {"type": value["type"], "id": f"{name['scheme']}:{name['identifier']}"}
    return {key: portable(entry) for key, entry in value.items()}


def worth(data: Any) -> list[Money]:
    amount: Json | None = data.get("amount") if isinstance(data, dict) else None
    try:
        return [(amount["currency"], Decimal(amount["value"]))] if amount else []
    except (KeyError, TypeError, ArithmeticError):
        return []  # the server will say what is wrong with it
