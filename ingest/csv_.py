"""Records as Parley exports them, as a table: a column a property, a dot into an object, a list as JSON."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ingest import ndjson
from ingest.items import Item, Json, Look, Refusal

DROPPED, MENTIONED = ndjson.DROPPED, ndjson.MENTIONED
NUMBERS = {"number", "latitude", "longitude"}  # the only properties outside lists that are no text
CELL = 1 << 24  # characters; a statement holds up to a hundred texts


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    csv.field_size_limit(CELL)
    for file in files:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            for row in reader:
                where = f"{file.name}, line {reader.line_num}"
                cells = dict(zip(header, row, strict=False))
                if len(row) == len(header):
                    yield ndjson.operation(record(cells), where)
                elif row:
                    text = f"It has {len(row)} cells, and the header {len(header)}."
                    yield Refusal(where, cells, {"code": "invalid_row", "detail": text})


def record(cells: dict[str, str]) -> Json:
    """The record that a row spells out; an empty cell says nothing."""
    made: Json = {}
    for column, cell in cells.items():
        if cell:
            *path, name = column.split(".")
            inner = made
            for step in path:
                inner = inner.setdefault(step, {})
            inner[name] = value(name, cell)
    return made


def value(name: str, cell: str) -> Any:
    """A list is written as JSON; one of dates, [2025-07-23,2025-07-24], is an EDTF date and no JSON."""
    if cell.startswith(("[", "{")) or name in NUMBERS:
        try:
            return orjson.loads(cell)
        except orjson.JSONDecodeError:
            pass
    return cell
