"""Exports: what they hold, from one moment, in three forms; little memory, few at a time, nothing left behind."""

import csv
import gzip
import io
import json
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import httpx
import pandas
import polars
import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest

from api.exports import AT_ONCE
from ingest import sample
from ingest.client import Client
from ingest.run import load
from schemas.base import BODIES
from tests.api.test_pledges import FILTERS as PLEDGES
from tests.api.test_rounds import FILTERS as ROUNDS
from tests.api.test_statements import FILTERS as STATEMENTS
from tests.conftest import running_app
from tests.ingest.conftest import everything, serving
from tests.world import CITED

COLLECTIONS = sorted(body.collection for body in BODIES.values())
QUERIES = [(name, query) for name, queries in (("pledges", PLEDGES), ("rounds", ROUNDS), ("statements", STATEMENTS))
           for query in queries]  # fmt: skip


def export(client, path: str) -> bytes:
    answer = client.get(f"/v1/exports/{path}")
    assert answer.status_code == 200, answer.text
    with answer:
        return answer.data


def ndjson(client, path: str) -> list[dict]:
    rows = [json.loads(line) for line in export(client, path).splitlines()]
    with client.head(f"/v1/exports/{path}") as answer:
        assert answer.headers["Parley-Total"] == str(len(rows))
    return rows


def table(client, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export(client, path).decode(), newline="")))


def parquet(client, path: str) -> pa.Table:
    return pyarrow.parquet.read_table(io.BytesIO(export(client, path)))


def listed(client, path: str) -> list[dict]:
    return client.get(f"/v1/{path}{'&' if '?' in path else '?'}limit=500&sort=id").json["items"]


# --- what they hold ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_whole_collections_are_what_their_list_is(aid, collection):
    rows = listed(aid.client, collection)
    assert rows
    assert ndjson(aid.client, f"{collection}.ndjson") == rows
    ids = [row["id"] for row in rows]
    assert [row["id"] for row in table(aid.client, f"{collection}.csv")] == ids
    assert parquet(aid.client, f"{collection}.parquet")["id"].to_pylist() == ids


@pytest.mark.parametrize(("collection", "query"), QUERIES)
def test_filters_are_those_of_the_list(aid, collection, query):
    query = query.format_map(aid.ids)
    rows = listed(aid.client, f"{collection}?{query}")
    assert ndjson(aid.client, f"{collection}.ndjson?{query}") == rows


def test_the_past(fresh_app, signed):
    client = signed(fresh_app)
    first = client.put("/v1/actors/x:1", json={"name": "Before", "kind": "other"}).json
    client.put("/v1/actors/x:1", json={"name": "After", "kind": "other"})
    client.put("/v1/actors/x:2", json={"name": "Later", "kind": "other"})
    then = f"as_of={first['updated_at']}"
    for rows in (ndjson(client, f"actors.ndjson?{then}"), table(client, f"actors.csv?{then}")):
        assert [row["name"] for row in rows] == ["Before"]
    assert parquet(client, f"actors.parquet?{then}")["name"].to_pylist() == ["Before"]
    assert sorted(row["name"] for row in ndjson(client, "actors.ndjson")) == ["After", "Later"]
    with client.get(f"/v1/exports/actors.ndjson?{then}") as answer:
        cursor = answer.headers["Parley-Cursor"]
    since = client.get(f"/v1/changes?cursor={cursor}").json["items"]
    assert [(event["op"], event["version"]) for event in since] == [("updated", 2), ("created", 1)]


def test_one_moment_and_the_feed_goes_on_from_it(fresh_app, signed):
    client = signed(fresh_app)
    for number in range(40):  # more than is read ahead
        client.put(f"/v1/actors/x:{number}", json={"name": f"Actor {number}", "kind": "other", "note": "n" * 20_000})
    with client.get("/v1/exports/actors.ndjson", buffered=False) as answer:
        parts = answer.iter_encoded()
        begun = next(parts)
        new = client.put("/v1/actors/x:new", json={"name": "New", "kind": "other"}).json
        client.put("/v1/actors/x:39", json={"name": "Renamed", "kind": "other"})
        rows = [json.loads(line) for line in (begun + b"".join(parts)).splitlines()]
        cursor = answer.headers["Parley-Cursor"]
    assert len(begun) < 40 * 20_000
    assert sorted(row["name"] for row in rows) == sorted(f"Actor {number}" for number in range(40))
    since = client.get(f"/v1/changes?cursor={cursor}").json["items"]
    assert [(event["op"], event["id"]) for event in since] == [("created", new["id"]), ("updated", rows[39]["id"])]


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("format", ["ndjson", "csv", "parquet"])
def test_nothing_found_is_an_empty_export(aid, collection, format):
    found = export(aid.client, f"{collection}.{format}?identifier=w:nobody")
    if format == "parquet":
        assert pyarrow.parquet.read_table(io.BytesIO(found)).num_rows == 0
    else:
        assert len(found.splitlines()) == (1 if format == "csv" else 0)


# --- CSV -----------------------------------------------------------------------------------------------------------


def test_a_dot_leads_into_an_object_and_a_list_is_json(aid):
    row = next(row for row in table(aid.client, "pledges.csv") if row["title"] == "A hospital")
    assert (row["amount.value"], row["amount.currency"]) == ("100.00", "USD")
    assert (row["announced_at.id"], row["announced_at.name"]) == (aid.ids["third"], "Third")
    donors = json.loads(row["donors"])
    assert [donor["actor"]["name"] for donor in donors] == ["Northland", "Southland", "League"]
    assert row["supersedes.id"] == row["items"] == row["note"] == ""


def test_any_json_stays_what_it_is(aid):
    values = {row["property"]: row["value"] for row in table(aid.client, "claims.csv")}
    assert values == {"/number": "5", "/name": '"Last"', "/url": ""}
    typed = parquet(aid.client, "claims.parquet")
    assert sorted(typed["value"].to_pylist(), key=str) == ['"Last"', "4", "5", None]


NASTY = [
    *("=1+1", "+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\nx", "'=1", "''=1", "'quoted'", "-5", "="),
    *('a "b", c\nd', "[1]", "\\.", "\\", "٣"),
]
GUARDED = {"=1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\nx", "'=1", "''=1", "="}


@pytest.fixture
def nasty(fresh_app, key):
    rows = [("actor", f"n:{number}", {"name": name, "kind": "other"}) for number, name in enumerate(NASTY)]
    place = {"venue": {"latitude": -1.5, "longitude": 2}, "number": 3}
    claim = {"record": "n:other", "property": "/number", "value": 4, "stance": "asserted"}
    rows += [
        ("source", "w:paper", {"kind": "news"}),
        ("round", "n:years", CITED | place | {"status": "proposed", "starts_on": "[2025,2026]"}),
        ("round", "n:other", CITED | {"status": "proposed"}),
        ("claim", "n:number", CITED | claim),
    ]
    operations = [{"op": "upsert", "type": kind, "identifier": name, "data": data} for kind, name, data in rows]
    with Client("http://parley.test", key(fresh_app, "write"), httpx.WSGITransport(app=fresh_app)) as client:
        answer = client.batch(b"\n".join(json.dumps(row).encode() for row in operations), "nasty")
        assert answer["counts"]["failed"] == 0, answer
        yield client


def test_no_cell_is_a_formula_and_numbers_stay_numbers(fresh_app, nasty):
    names = [row["name"] for row in table(fresh_app.test_client(), "actors.csv")]
    assert sorted(names) == sorted(f"'{name}" if name in GUARDED else name for name in NASTY)
    [row] = table(fresh_app.test_client(), "rounds.csv?identifier=n:years")
    assert (row["number"], row["venue.latitude"], row["venue.longitude"]) == ("3", "-1.5", "2")


def test_a_spreadsheet_knows_the_encoding(aid):
    plain = export(aid.client, "people.csv?identifier=w:cy")
    assert "Сай Коул" in plain.decode()
    assert export(aid.client, "people.csv?identifier=w:cy&bom=true") == b"\xef\xbb\xbf" + plain


@pytest.mark.parametrize("format", ["ndjson", "csv"])
def test_an_export_loads_again(fresh_app, nasty, tmp_path: Path, format):
    """Into the Parley it came from it brings nothing new: every cell has come back as it was."""
    sample.load(nasty)
    before = everything(nasty)
    files = []
    for collection in COLLECTIONS:
        files.append(tmp_path / collection)
        files[-1].write_bytes(export(fresh_app.test_client(), f"{collection}.{format}"))
    report = load(nasty, format, files, rows=100)
    assert (report.refused, report.unchanged) == (0, report.read), str(report)
    assert report.read > 300
    assert everything(nasty) == before


# --- Parquet -------------------------------------------------------------------------------------------------------


def test_types(aid):
    found = parquet(aid.client, "pledges.parquet")
    kinds = {field.name: field.type for field in found.schema}
    assert kinds["amount"] == pa.struct({"value": pa.decimal128(24, 6), "currency": pa.string()})
    assert kinds["updated_at"] == pa.timestamp("us", tz="UTC")
    assert kinds["version"] == pa.int32()
    assert kinds["announced_on"] == pa.string()
    assert kinds["announced_on_earliest"] == kinds["announced_on_latest"] == pa.date32()
    donor = kinds["donors"].value_type
    assert donor.field("share").type == pa.decimal128(13, 12)
    assert donor.field("actor").type.field("name").type == pa.string()
    assert kinds["items"].value_type.field("quantity").type == pa.float64()


def test_dates_stand_as_text_and_as_days(aid):
    columns = ("announced_on", "announced_on_earliest", "announced_on_latest")
    rows = {row["title"]: tuple(row[name] for name in columns) for row in
            parquet(aid.client, "pledges.parquet").to_pylist()}  # fmt: skip
    assert rows["A hospital"] == ("2025-07-21", date(2025, 7, 21), date(2025, 7, 21))
    assert rows["Ammunition"] == ("2025-07?", date(2025, 7, 1), date(2025, 7, 31))
    assert rows["Coal"] == ("2025-09-01/..", date(2025, 9, 1), None)
    assert rows["Trucks"] == (None, None, None)


def test_values_are_those_of_the_list(aid):
    for collection in COLLECTIONS:
        for shown, kept in zip(listed(aid.client, collection), parquet(aid.client, f"{collection}.parquet").to_pylist(),
                               strict=True):  # fmt: skip
            for name, value in shown.items():
                assert same(kept[name], value) or (collection, name) == ("claims", "value"), (collection, name)


def same(kept, shown) -> bool:
    """Whether a typed value is the one that JSON shows."""
    match kept:
        case dict():
            return isinstance(shown, dict) and all(same(kept[name], value) for name, value in shown.items())
        case list():
            return len(kept) == len(shown) and all(map(same, kept, shown))
        case Decimal():
            return kept == Decimal(shown)
        case None | str() | int() | float():
            return kept == shown
    return kept.isoformat().replace("+00:00", "Z") == shown


def test_others_read_them_back(aid, tmp_path: Path):
    """pandas, polars and DuckDB find the money that the list shows, by currency and to the cent."""
    money: Counter = Counter()
    for row in listed(aid.client, "pledges"):
        if row["amount"]:
            money[row["amount"]["currency"]] += Decimal(row["amount"]["value"])
    assert len(money) > 3
    files = {}
    for format in ("ndjson", "csv", "parquet"):
        files[format] = tmp_path / f"pledges.{format}"
        files[format].write_bytes(export(aid.client, f"pledges.{format}"))

    frame = polars.read_parquet(files["parquet"]).unnest("amount").drop_nulls("value")
    assert dict(frame.group_by("currency").agg(polars.col("value").sum()).iter_rows()) == money

    amounts = pandas.read_parquet(files["parquet"])["amount"].dropna()
    summed = pandas.DataFrame(list(amounts)).groupby("currency")["value"].sum()
    assert summed.to_dict() == money

    query = "SELECT amount.currency, sum(amount.value) FROM '{}' WHERE amount IS NOT NULL GROUP BY 1"
    assert dict(duckdb.sql(query.format(files["parquet"])).fetchall()) == money

    text = pandas.read_csv(files["csv"], dtype=str).dropna(subset="amount.value")
    by_currency = text["amount.value"].map(Decimal).groupby(text["amount.currency"]).sum()
    assert by_currency.to_dict() == money
    assert polars.read_csv(files["csv"], infer_schema=False).height == len(listed(aid.client, "pledges"))
    cells = f"SELECT * FROM read_csv('{files['csv']}', all_varchar=true) WHERE \"amount.value\" <> ''"
    rows = duckdb.sql(f'SELECT "amount.currency", sum("amount.value"::decimal(24, 6)) FROM ({cells}) GROUP BY 1')
    assert dict(rows.fetchall()) == money

    assert pandas.read_json(files["ndjson"], lines=True).shape[0] == len(listed(aid.client, "pledges"))
    assert polars.read_ndjson(files["ndjson"], infer_schema_length=None).height == len(listed(aid.client, "pledges"))


# --- how they are sent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "kind"),
    [("ndjson", "application/x-ndjson"), ("csv", "text/csv"), ("parquet", "application/vnd.apache.parquet")],
)
def test_headers(aid, format, kind):
    with aid.client.get(f"/v1/exports/pledges.{format}") as answer:
        assert answer.mimetype == kind
        assert answer.headers["Content-Disposition"] == f'attachment; filename="pledges.{format}"'
        assert int(answer.headers["Parley-Cursor"], 16) > 0
    with aid.client.head(f"/v1/exports/pledges.{format}") as answer:
        assert (answer.status_code, answer.data, answer.mimetype) == (200, b"", kind)


def test_gzip_when_asked(aid):
    plain = export(aid.client, "pledges.ndjson")
    with aid.client.get("/v1/exports/pledges.ndjson", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.data) == plain
    assert len(answer.data) < len(plain) / 3


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("pledges.ndjson?limit=5", 400, "unknown_parameter"),
        ("pledges.ndjson?cursor=x", 400, "unknown_parameter"),
        ("pledges.csv?fields=id", 400, "unknown_parameter"),
        ("pledges.parquet?bom=true", 400, "invalid_query"),
        ("pledges.csv?status=promised", 400, "invalid_query"),
        ("pledges.xml", 404, "not_found"),
        ("promises.csv", 404, "not_found"),
    ],
)
def test_refusals(aid, path, status, code):
    answer = aid.client.get(f"/v1/exports/{path}")
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_who_wants_another_form_is_told(aid):
    answer = aid.client.get("/v1/exports/pledges.csv", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")
    assert "text/csv" in answer.json["detail"]


def test_two_at_a_time_and_their_places_come_back(aid):
    held = [aid.client.get("/v1/exports/pledges.ndjson") for _ in range(AT_ONCE)]  # begun, not read
    refused = aid.client.get("/v1/exports/rounds.csv")
    assert (refused.status_code, refused.json["code"]) == (503, "too_many_exports")
    assert int(refused.headers["Retry-After"]) > 0
    for answer in held:
        answer.close()
    for _ in range(AT_ONCE + 1):  # a refused one takes no place, nor does one that was read to its end
        assert aid.client.get("/v1/exports/pledges.csv?status=promised").status_code == 400
        assert aid.client.get("/v1/exports/pledges.ndjson").data


COPYING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"


def test_a_reader_who_leaves_holds_nothing(fresh_app, fresh_database, signed):
    """Neither a place nor a connection, over a real socket."""
    client = signed(fresh_app)
    for number in range(60):
        client.put(f"/v1/actors/x:{number}", json={"name": f"Actor {number}", "kind": "other", "note": "n" * 20_000})
    with serving(fresh_app) as url:
        for _ in range(2 * AT_ONCE):
            with httpx.stream(
                "GET", f"{url}/v1/exports/actors.ndjson", headers={"Accept-Encoding": "identity"}
            ) as answer:
                assert answer.status_code == 200
                next(answer.iter_raw())
            for _ in range(100):
                with psycopg.connect(fresh_database) as conn:
                    if conn.execute(COPYING).fetchone() == (0,):
                        break
                time.sleep(0.05)
            else:
                pytest.fail("the transaction of a reader who left is still open")


# --- memory --------------------------------------------------------------------------------------------------------

FILL = """
WITH one AS (
    SELECT p.id, s.doc FROM pledges AS p JOIN served AS s ON s.id = p.id
), new AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, one.id AS old, one.doc FROM one CROSS JOIN generate_series(1, %(rows)s)
), records AS (
    INSERT INTO records (id, type, version, position, state, provider, admin, hash, label, label_position, created_at,
                         updated_at)
    SELECT n.id, 'pledge', 1, 1, 'live', r.provider, r.admin, r.hash, r.label, 1, r.created_at, r.updated_at
      FROM new AS n JOIN records AS r ON r.id = n.old
), pledges AS (
    INSERT INTO pledges (id, from_position, created_at, updated_at, status, certain, donors, recipients, split,
                         undelivered)
    SELECT n.id, p.from_position, p.created_at, p.updated_at, p.status, TRUE, '{}', '{}', FALSE, FALSE
      FROM new AS n JOIN pledges AS p ON p.id = n.old
)
INSERT INTO served (id, from_position, type, version, stamp, doc, search)
SELECT n.id, s.from_position, 'pledge', 1, 1, replace(n.doc, n.old::text, n.id::text), ''
  FROM new AS n JOIN served AS s ON s.id = n.old
"""
MEASURE = """
import json, sys, threading
import psutil
from api import create_app
app = create_app(DATABASE_URL=sys.argv[1], LOG_LEVEL="error")
client, process, path = app.test_client(), psutil.Process(), "/v1/exports/pledges." + sys.argv[2]
def export(path):
    with client.get(path) as answer:
        assert answer.status_code == 200, answer.text
        size, most = 0, 0
        for part in answer.iter_encoded():
            size += len(part)
            most = max(most, process.memory_info().rss)
        return size, most
export(path + "?status=cancelled")  # the libraries are loaded when the measuring begins
rest = process.memory_info().rss
size, most = export(path)
print(json.dumps([size, most - rest]))
"""


@pytest.fixture(scope="module")
def large(make_database, migrated, signed) -> str:
    """100,000 pledges, put there by SQL: what is measured is how they come out."""
    with make_database("large", like=migrated) as url:
        with running_app(url) as app:
            client = signed(app)
            client.put("/v1/sources/w:paper", json={"kind": "news"})
            client.put("/v1/actors/w:north", json={"name": "Northland", "kind": "state"})
            pledge = {"donors": [{"actor": "w:north"}], "status": "announced", "purpose": "For a bridge. " * 60,
                      "announced_on": "2025-07-21", "amount": {"value": "1.50", "currency": "EUR"}}  # fmt: skip
            assert client.put("/v1/pledges/w:1", json=CITED | pledge).status_code == 201
        with psycopg.connect(url) as conn:
            conn.execute(FILL, {"rows": 99_999})
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")
        yield url


@pytest.mark.parametrize("format", ["ndjson", "csv", "parquet"])
def test_memory_does_not_grow_with_what_is_exported(large, format):
    """The whole would be 200 MB."""
    run = subprocess.run([sys.executable, "-c", MEASURE, large, format], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    size, grown = json.loads(run.stdout)
    assert size > (1_000_000 if format == "parquet" else 100_000_000)
    assert grown < 80_000_000
