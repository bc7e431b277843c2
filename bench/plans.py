"""How every list finds its rows: the plan and the time of each pair of filters, as PostgreSQL tells them.

python -m bench.plans [--quick] [--all]
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import psycopg

from bench import data, rows
from bench.servers import parley
from bench.statements import NAME

MUCH = 20  # rows that may be thrown away for each that is returned …
LARGE = 50_000  # … where the table has more rows than this (a tenth of it with --quick)
EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
}

#: Filters of the lists whose tables are large, with a value that many rows have.
FILTERS = {
    "pledges": {
        "donor": "bench:actor-5", "recipient": "bench:actor-60", "status": "pledged", "category": "financial",
        "finance_type": "loan", "currency": "EUR", "amount_from": "900000000", "amount_to": "100000000",
        "undelivered": "true", "from": "2024-06-01", "to": "2025-01-31", "updated_since": "2020-01-01T00:00:00Z",
        "source": "bench:source", "q": "kika",
    },
    "statements": {
        "speaker": "bench:person-7", "on_behalf_of": "bench:actor-5", "round": "bench:round-7",
        "process": "bench:process-7", "track": "military", "topic": "grain", "act": "demand", "channel": "interview",
        "mode": "verbatim_translated", "from": "2024-06-01", "to": "2025-01-31", "source": "bench:source",
        "updated_since": "2020-01-01T00:00:00Z", "q": "kika",
    },
}  # fmt: skip
SORTS = {"pledges": ("", "-announced_on", "amount", "-updated_at"), "statements": ("", "-said_on", "-updated_at")}


class Found(NamedTuple):
    """What a list cost."""

    path: str
    returned: int
    thrown: int  # rows of large tables that a filter looked at and dropped
    where: str
    milliseconds: float

    @property
    def per_row(self) -> float:
        return self.thrown / max(self.returned, 1)


def asked() -> Iterator[str]:
    """Each list by each pair of its filters, in each order."""
    for name, filters in FILTERS.items():
        for sort in SORTS[name]:
            for pair in combinations(filters.items(), 2):
                if not (sort and any(filter == "q" for filter, _ in pair)):
                    yield f"/v1/{name}?{urlencode([*pair, *([('sort', sort)] if sort else [])])}"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def thrown(plan: dict[str, Any], large: set[str]) -> dict[str, int]:
    """Rows that filters dropped, by the index or table in which they were found."""
    found: dict[str, int] = {}
    for node in nodes(plan):
        whose = [node] if "Relation Name" in node else nodes(node)  # of a join, the tables that it joins
        names = {inner["Relation Name"] for inner in whose if "Relation Name" in inner}
        dropped = sum(node.get(f"Rows Removed by {kind}", 0) for kind in ("Filter", "Join Filter", "Index Recheck"))
        if dropped and names & large:
            place = node.get("Index Name") or node.get("Relation Name") or node["Node Type"]
            found[place] = found.get(place, 0) + round(dropped * node.get("Actual Loops", 1))
    return found


def measure(conn: psycopg.Connection, client: httpx.Client, log: Path, path: str, large: set[str]) -> Found:
    began, mark = log.stat().st_size, f"end of {time.time_ns()}"
    answer = client.get(path).raise_for_status().json()
    conn.execute(f"SELECT '{mark}'")
    text = ""
    while mark not in text:  # the log is written behind our back
        with log.open() as lines:
            lines.seek(began)
            text = lines.read()
    plans = []
    for line in text.splitlines():
        entry = json.loads(line)
        if entry.get("application_name") == NAME and "plan:\n" in entry["message"]:
            head, _, plan = entry["message"].partition("plan:\n")
            plans.append((float(head.split()[1]), json.loads(plan)["Plan"]))
    dropped: dict[str, int] = {}
    for _, plan in plans:
        dropped |= thrown(plan, large)
    where = ", ".join(f"{name} {count:,}" for name, count in sorted(dropped.items(), key=lambda one: -one[1])[:3])
    return Found(path, len(answer["items"]), sum(dropped.values()), where, sum(spent for spent, _ in plans))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plans", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--all", action="store_true", help="print all lists, not only those that throw much away")
    chosen = parser.parse_args()
    size = rows.QUICK if chosen.quick else rows.FULL
    with data.database(size) as running, ExitStack() as stack:
        conn = stack.enter_context(psycopg.connect(running.url, autocommit=True))
        for name, value in EXPLAIN.items():
            conn.execute(f"ALTER DATABASE parley SET {name} = '{value}'")
        conn.execute("SET log_statement = 'all'")
        large = {
            name
            for (name, count) in conn.execute("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'")
            if count > LARGE // (10 if chosen.quick else 1)
        }
        options = {"PGAPPNAME": NAME, "PARLEY_MEMORY": "0"}
        server = stack.enter_context(parley(running.url, running.data_dir, 1, ("--no-worker",), **options))
        server.wait()
        log = next((running.data_dir / "postgres" / "log").glob("*.json"))
        with httpx.Client(base_url=server.address, timeout=60) as client:
            found = [measure(conn, client, log, path, large) for path in asked()]
    much = [one for one in found if one.per_row > MUCH]
    print(f"large tables: {', '.join(sorted(large))}")
    print(f"{len(found)} lists; {len(much)} throw away more than {MUCH} rows of large tables for each that they return")
    print(f"slowest {max(one.milliseconds for one in found):.1f} ms; median "
          f"{sorted(one.milliseconds for one in found)[len(found) // 2]:.1f} ms")  # fmt: skip
    print(f"{'ms':>8} {'returned':>8} {'thrown':>8}  list: where")
    for one in sorted(found if chosen.all else much, key=lambda one: -one.per_row):
        print(f"{one.milliseconds:>8.1f} {one.returned:>8} {one.thrown:>8,}  {one.path}: {one.where}")


if __name__ == "__main__":
    main()
