"""How lists find their rows among many: none throws away more than it has to. `python -m bench.plans` tries more."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.db.talks import house
from tests.world import CITED

ROWS = 60_000
MUCH = 20  # rows thrown away for each that is returned
#: filters that more than one row in twenty meets, and such as fewer do
COMMON = {
    "status": "committed", "category": "military", "finance_type": "loan", "currency": "EUR", "amount_from": "900000",
    "amount_to": "100000", "undelivered": "true", "from": "2024-06-01", "to": "2023-06-30",
    "updated_since": "2026-01-01T00:00:00Z", "recipient": "p:3",
}  # fmt: skip
RARE = {"donor": "p:1", "process": "p:talks", "id": "p:1,p:2"}
FILTERS = COMMON | RARE
SORTS = ["", "-announced_on", "amount", "-amount"]

FILL = """
WITH new AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, abs(hashint4(n) %% 1000003) AS mix FROM generate_series(1, %(rows)s) AS n
), records AS (
    INSERT INTO records (id, type, version, position, state, provider, admin, hash, label, label_position, created_at,
                         updated_at)
    SELECT n.id, 'pledge', 1, 1, 'live', 'p', FALSE, '', '', 1, now(), now() FROM new AS n
), served AS (
    INSERT INTO served (id, from_position, type, version, stamp, doc, search)
    SELECT n.id, 1, 'pledge', 1, 1, '{"id":null}', '' FROM new AS n
), links AS (
    INSERT INTO links (from_id, from_type, path, to_id, from_position)
    SELECT n.id, 'pledge', '/sources/source', source, 1
      FROM new AS n
     CROSS JOIN LATERAL unnest((%(sources)s::uuid[])[:1 + (mix %% 5000 = 0)::int]) AS source
)
INSERT INTO pledges (id, from_position, created_at, updated_at, status, category, finance_type, currency, amount,
                     amount_min, amount_max, announced_on, first_day, last_day, certain, process, donors, recipients,
                     split, undelivered)
SELECT id, 1, day, day, (ARRAY['announced', 'committed', 'disbursed', 'delivered'])[1 + mix %% 4],
       (ARRAY['financial', 'military', 'humanitarian'])[1 + mix / 4 %% 3], (ARRAY['grant', 'loan'])[1 + mix / 12 %% 2],
       (ARRAY['EUR', 'USD', 'NOK'])[1 + mix / 24 %% 3], money, money, money, day, day, day, TRUE,
       CASE WHEN mix %% 97 = 0 THEN %(process)s::uuid END, ARRAY[(%(actors)s::uuid[])[1 + mix / 72 %% 40]],
       ARRAY[(%(actors)s::uuid[])[1 + mix / 2880 %% 10]], FALSE, mix / 7 %% 3 = 0
  FROM new
 CROSS JOIN LATERAL (SELECT mix::bigint * 7919 %% 1000000 AS money,
                            date '2022-01-01' + (mix::bigint * 104729 %% 1700)::int AS day) AS made
"""

LATER = """
INSERT INTO revisions (position, id, type, version, op, recorded_at, provider, key_name, admin, changed, hash)
SELECT 1000 + n, r.id, r.type, 1000 + n, 'updated', CASE WHEN n < 6000 THEN date '2090-01-01' ELSE '2095-01-01' END,
       'p', '', FALSE, '{}', ''
  FROM (SELECT id, type FROM records WHERE type = 'source' LIMIT 1) AS r, generate_series(1, %(rows)s) AS n
"""


@pytest.fixture(scope="module")
def crowded(make_database, migrated, signed) -> Iterator[Flask]:
    """Many pledges, put there by SQL: what counts is how they are found."""
    with make_database("crowded", like=migrated) as url, house(url) as app:
        client = signed(app)
        for name in ("paper", "letter"):  # all cite the first, and some the second too
            client.put(f"/v1/sources/w:{name}", json={"kind": "news"})
        for number in range(40):
            client.put(f"/v1/actors/p:{number}", json={"name": f"Actor {number}", "kind": "other"})
        talks = client.put("/v1/processes/p:talks", json=CITED | {"name": "Talks"}).json["id"]
        actors = [client.get(f"/v1/actors/p:{number}").json["id"] for number in range(40)]
        sources = [client.get(f"/v1/sources/w:{name}").json["id"] for name in ("paper", "letter")]
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(FILL, {"rows": ROWS, "process": talks, "actors": actors, "sources": sources})
            conn.execute(LATER, {"rows": ROWS})
            conn.execute("VACUUM ANALYZE")
        yield app


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def plan(app: Flask, client: FlaskClient, queries: list[Any], path: str, read: str = "pledges AS t") -> dict[str, Any]:
    """How PostgreSQL found the rows of a list."""
    queries.clear()
    assert client.get(path).status_code == 200
    [(query, args)] = [sent for sent in queries if f"FROM {read}" in str(sent[0])][:1]
    return explained(app, query, args)


def explained(app: Flask, query: str, args: Any) -> dict[str, Any]:
    with psycopg.connect(app.config["DATABASE_URL"]) as conn:
        conn.execute("SET plan_cache_mode = force_custom_plan")
        row = conn.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON, TIMING OFF) {query}", args).fetchone()
    assert row is not None
    top: dict[str, Any] = row[0][0]["Plan"]
    return top


def cost(top: dict[str, Any]) -> tuple[int, int]:
    """How many rows a list returned, and how many of the large table were looked at and thrown away."""
    found = [node for node in nodes(top) if node.get("Relation Name") == "pledges"]
    dropped = sum(node.get(f"Rows Removed by {kind}", 0) for node in found for kind in ("Filter", "Index Recheck"))
    return top["Actual Rows"], dropped


def rows_of(top: dict[str, Any], table: str) -> int:
    """How many rows of a table were looked at."""
    found = [node for node in nodes(top) if node.get("Relation Name") == table]
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]) for node in found
    )


def test_no_pair_of_filters_throws_much_away(crowded, signed, queries):
    """Except where fewer than one row in ten meets both: then a page is filled by walking the order of the list, or
    by reading all that one of them meets, whatever the planner thinks the less. No row is looked at twice. An index for
    each pair would be dearer: every write pays for each index, these lists cost some milliseconds."""
    client = signed(crowded, "read")
    strict, wrong = 0, {}
    for pair in combinations(FILTERS.items(), 2):
        chosen = f"/v1/pledges?{urlencode([*pair, ('limit', 50)])}"
        met = client.get(f"{chosen}&include_total=true").json["total"]
        for sort in SORTS:
            path = f"{chosen}&sort={sort}" if sort else chosen
            returned, dropped = cost(plan(crowded, client, queries, path))
            strict += met * 10 >= ROWS
            if dropped > (MUCH * returned if met * 10 >= ROWS else ROWS):
                wrong[path] = (met, returned, dropped)
    assert strict > 40, strict
    assert not wrong, json.dumps(wrong, indent=1)


def test_the_newest_until_a_day_are_read_from_that_day_on(crowded, signed, queries):
    """The index of all that is newer has hundreds of pages."""
    client = signed(crowded, "read")
    top = plan(crowded, client, queries, "/v1/pledges?sort=-announced_on&to=2022-03-01&limit=5")
    assert top["Actual Rows"] == 6  # one more tells that there is a next page
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 100


ORDERS = ("id", "-id", "announced_on", "-announced_on", "amount", "-amount", "-updated_at")


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize(
    "more", ["", "&amount_from=900000", "&amount_to=100000", "&from=2024-06-01", "&status=committed"]
)
def test_each_page_is_read_in_order(crowded, signed, queries, sort, more):
    """Whatever stands at a position of the log, pages behind the first and those of the past, as what stands now."""
    client = signed(crowded, "read")
    first = f"/v1/pledges?sort={sort}{more}&limit=20"
    second = client.get(first).json["next"]
    for path in (first, second, client.get(second).json["next"], f"{first}&as_of=2092-01-01"):
        top = plan(crowded, client, queries, path)
        assert (top["Actual Rows"], rows_of(top, "pledges") <= 400) == (21, True), path
        assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 1_000, path


@pytest.mark.parametrize(
    "sort",
    [
        "id",
        "announced_on",
        "announced_on&from=2024-06-01",
        "-announced_on&to=2025-06-01",
        "amount&from=2024-06-01",
        "amount&amount_from=1000&amount_to=900000&currency=EUR&to=2025-06-01",
        "-amount",
        "-amount&amount_to=900000",
    ],
)
def test_pledges_of_other_donors_are_passed_by_in_the_index(crowded, signed, queries, sort):
    """They are ten for each that is shown: to visit their rows would cost more than all else."""
    client = signed(crowded, "read")
    top = plan(crowded, client, queries, f"/v1/pledges?donor=p:1,p:2,p:3,p:4&sort={sort}&limit=20")
    [walked] = [node for node in nodes(top) if node.get("Index Name", "").startswith("pledges_by_")]
    assert (walked["Node Type"], walked["Heap Fetches"], walked["Actual Rows"]) == ("Index Only Scan", 0, 21)
    [stamps] = [node for node in nodes(top) if node.get("Relation Name") == "served"]
    assert (stamps["Node Type"], stamps["Heap Fetches"]) == ("Index Only Scan", 0)


@pytest.mark.parametrize(
    "bound", ["amount&amount_from=900000", "-amount&amount_to=900", "announced_on&from=2026-06-01"]
)
def test_an_order_is_entered_where_a_filter_says(crowded, signed, queries, bound):
    """The index of what comes before has hundreds of pages."""
    client = signed(crowded, "read")
    top = plan(crowded, client, queries, f"/v1/pledges?sort={bound}&limit=5")
    assert top["Actual Rows"] == 6  # one more tells that there is a next page
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 100


def test_a_moment_long_ago_is_found_at_once(crowded, signed, queries):
    """What was recorded since is not read."""
    client = signed(crowded, "read")
    for path in ("pledges?as_of=2092-01-01", "pledges/summary?as_of=2092-01-01"):
        assert rows_of(plan(crowded, client, queries, f"/v1/{path}"), "revisions") == 1
    queries.clear()
    assert client.get("/v1/actors/p:1?as_of=2092-01-01").status_code == 200
    [(query, args)] = [sent for sent in queries if "recorded_at" in str(sent[0])]
    assert rows_of(explained(crowded, query, args), "revisions") < 10


def test_what_cites_a_source_is_found_by_the_few_or_walked_by_the_many(crowded, signed, queries):
    """Of a source that all cite, no more links are read than are shown; of one that few cite, these alone."""
    client = signed(crowded, "read")

    def read(path: str) -> tuple[int, int, int]:
        top = plan(crowded, client, queries, path)
        found = Counter()
        for node in nodes(top):
            found[node.get("Relation Name")] += round(node["Actual Rows"] * node["Actual Loops"])
        return top["Actual Rows"], found["links"], found["pledges"]

    for sort in ("id", "-announced_on", "amount", "-updated_at"):
        assert read(f"/v1/pledges?source=w:paper&sort={sort}&limit=50") == (51, 51, 51)
    few = client.get("/v1/pledges?source=w:letter&include_total=true").json["total"]
    assert 5 < few < 30
    assert read("/v1/pledges?source=w:letter&limit=50") == (few, few, few)
    assert read("/v1/pledges?source=w:letter&status=committed&limit=50")[1] == few


def test_a_search_looks_at_rows_of_its_type_alone(crowded, signed, queries):
    client = signed(crowded, "read")

    def indexes(path: str) -> set[str]:
        top = plan(crowded, client, queries, path, "served AS s")
        return {node["Index Name"] for node in nodes(top) if node["Node Type"] == "Bitmap Index Scan"}

    assert indexes("/v1/statements?q=grain") == {"served_search_statements"}
    assert "served_search_others" in indexes("/v1/people?q=grain")
    assert "served_search_statements" not in indexes("/v1/people?q=grain")
    assert indexes("/v1/search?q=grain") == {"served_search_statements", "served_search_others", "served_spellings"}
