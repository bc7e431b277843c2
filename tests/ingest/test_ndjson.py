"""What Parley serves loads again, as NDJSON and as CSV, into the same Parley and into another."""

import csv
import json
from pathlib import Path

import httpx
import pytest

from ingest import csv_, ndjson, sample
from ingest.client import Client
from ingest.items import Item, Refusal
from ingest.run import load
from tests.conftest import running_app
from tests.ingest.conftest import everything

COLLECTIONS = [*sample.FILES, "transactions"]
OWN = {"id", "version", "created_at", "updated_at"}


@pytest.fixture
def filled(parley: Client) -> Client:
    sample.load(parley)
    return parley


def served(client: Client) -> list[dict]:
    """Every record, as an export gives it; claims before what they are about, pledges before their donors."""
    return [row for name in sorted(COLLECTIONS) for row in client.get(f"/v1/{name}", limit=500)["items"]]


def bare(value):
    """A record without what another Parley counts by itself; references by their identifiers."""
    if isinstance(value, list):
        return [bare(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == ndjson.REFERENCE:
        return [value["type"], value["identifiers"]]
    return {key: bare(entry) for key, entry in value.items() if key not in OWN}


def as_csv(file: Path, rows: list[dict]) -> Path:
    """As documented: a dot into an object, a list as JSON."""

    def cells(value: dict, before: str = ""):
        for key, entry in value.items():
            if isinstance(entry, dict):
                yield from cells(entry, f"{before}{key}.")
            elif entry is not None and entry != []:
                yield (
                    before + key,
                    json.dumps(entry) if isinstance(entry, list) or before + key == "value" else str(entry),
                )

    table = [dict(cells(row)) for row in rows]
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(dict.fromkeys(name for row in table for name in row)))
        writer.writeheader()
        writer.writerows(table)
    return file


def as_ndjson(file: Path, rows: list[dict]) -> Path:
    file.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    return file


@pytest.mark.parametrize(("format", "write"), [("ndjson", as_ndjson), ("csv", as_csv)])
def test_what_was_read_goes_back_unchanged(filled: Client, tmp_path: Path, format, write):
    file = write(tmp_path / "all", served(filled))
    before = everything(filled)
    report = load(filled, format, [file], rows=100)
    assert (report.unchanged, report.read) == (report.read, report.unchanged), str(report)
    assert everything(filled) == before


@pytest.mark.parametrize(("format", "write"), [("ndjson", as_ndjson), ("csv", as_csv)])
def test_it_fills_another_parley(filled: Client, make_database, migrated, key, tmp_path: Path, format, write):
    """In batches of 50, in an order in which hardly anything is there when it is referred to, under other ids."""
    rows = served(filled)
    file = write(tmp_path / "all", rows)
    with (
        make_database("other", like=migrated) as url,
        running_app(url) as app,
        Client("http://other.test", key(app), httpx.WSGITransport(app=app)) as other,
    ):
        report = load(other, format, [file], rows=50)
        assert (report.refused, report.created) == (0, len(rows)), str(report)
        copies = served(other)
    assert sorted(map(json.dumps, map(bare, copies))) == sorted(map(json.dumps, map(bare, rows)))
    assert not {row["id"] for row in copies} & {row["id"] for row in rows}


def test_operations_pass_as_they_are(parley: Client, tmp_path: Path):
    new = {"op": "upsert", "type": "actor", "identifier": "x:1", "data": {"name": "One", "kind": "other"}}
    changed = {"op": "patch", "type": "actor", "identifier": "x:1", "data": {"name": "Won"}}
    gone = {"op": "delete", "type": "actor", "identifier": "x:1", "reason": "a test"}
    for row, outcome in [(new, "created"), (changed, "updated"), (gone, "deleted")]:
        assert load(parley, "ndjson", [as_ndjson(tmp_path / "a", [row])]).rows == {"actor": {outcome: 1}}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "invalid_json"),
        (b"\xff\xfe{}", "invalid_json"),
        (b'"text"', "no_type"),
        (b"[1]", "no_type"),
        (b'{"type": 5}', "no_type"),
        (b"NaN", "invalid_json"),
    ],
)
def test_what_is_no_record(line: bytes, code: str):
    refusal = ndjson.item(line, "here")
    assert isinstance(refusal, Refusal)
    assert refusal.problem["code"] == code


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(ndjson, "LONGEST", 1000)
    file = tmp_path / "a"
    file.write_bytes(b'{"type": "actor"}\n' + b"[" * 5000 + b'\n{"type": "person"}')
    first, endless, last = ndjson.read([file], str)
    assert isinstance(endless, Refusal)
    assert (endless.where, len(endless.row["line"])) == ("a, line 2", 1000)
    assert [item.operation["type"] for item in (first, last)] == ["actor", "person"]
    assert last.done == 1


@pytest.mark.parametrize("text", ["", "name,kind\nNorway,state\n"])
def test_a_table_of_something_else(tmp_path: Path, text: str):
    file = tmp_path / "a.csv"
    file.write_text(text)
    [refusal] = csv_.read([file], str)
    assert isinstance(refusal, Refusal)
    assert refusal.problem["code"] == "unknown_table"


def test_cells_that_look_like_something_else(tmp_path: Path):
    file = tmp_path / "a.csv"
    file.write_text(
        "type,name,number,starts_on,venue.city,venue.latitude,formats,identifiers\n"
        'round,007,3,"[2025-07-23,2025-07-24]",Istanbul,41.5,"[""direct""]","[{""scheme"":""x"",""identifier"":""1""}]"\n'
        "round,only two\n"
        "\n"
        'round,"[sic], (a name)",,,,,,\n'
        "round,'=1+1,,,,,,\n"
        "round,''-x,,,,,,\n"
        "round,'tis,,,,,,\n"
    )
    first, short, last, *guarded = csv_.read([file], str)
    assert isinstance(first, Item) and isinstance(last, Item)
    assert first.operation["data"] == {
        "type": "round",
        "name": "007",
        "number": 3,
        "starts_on": "[2025-07-23,2025-07-24]",
        "venue": {"city": "Istanbul", "latitude": 41.5},
        "formats": ["direct"],
        "identifiers": [{"scheme": "x", "identifier": "1"}],
    }
    assert isinstance(short, Refusal)
    assert (short.where, short.problem["code"]) == ("a.csv, line 3", "invalid_row")
    assert last.operation["data"] == {"type": "round", "name": "[sic], (a name)"}
    assert [row.operation["data"]["name"] for row in guarded] == ["=1+1", "'-x", "'tis"]
