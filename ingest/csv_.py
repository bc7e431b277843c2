"""Records as Parley exports them, as a table: a column a property, a dot into an object, a list as JSON."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ingest import ndjson
from ingest.items import Item, Json, Look, Refusal
from ingest.making import unreadable
from ingest.tables import Unreadable

DROPPED, MENTIONED = ndjson.DROPPED, ndjson.MENTIONED
#: the properties outside lists that are no text
JSON = {"number", "venue.latitude", "venue.longitude", "value"}
GUARDED = re.compile(r"'+[=+@\t\n\r-]")
CELL = 1 << 24  # characters; a statement holds up to a hundred texts


def read(files: list[Path], look: Look) -> Iterator[Item | Refusal]:
    csv.field_size_limit(CELL)
    for file in files:
        try:
            yield from rows(file)
        except (Unreadable, csv.Error, UnicodeError) as error:
            yield unreadable(file, error)


def rows(file: Path) -> Iterator[Item | Refusal]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        if "type" not in header:
            raise Unreadable(f"{file.name} has no header with the column type.", "unknown_table")
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
            inner[name] = value(column, cell)
    return made


def value(column: str, cell: str) -> Any:
    """A list is written as JSON; one of dates, [2025-07-23,2025-07-24] or [2025,2026], is an EDTF date and text.

    Text that a spreadsheet would take for a formula has an apostrophe before it, which is not part of it.
    """
    if cell.startswith(("[", "{")) or column in JSON:
        try:
            found = orjson.loads(cell)
        except orjson.JSONDecodeError:
            return cell
        numbers = isinstance(found, list) and any(isinstance(entry, int | float) for entry in found)
        return cell if numbers and column not in JSON else found
    return cell[1:] if GUARDED.match(cell) else cell
