"""What is served can be made anew from the log alone, and the log knows what was served at any time."""

from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.rows import dict_row

from db import migrate, records
from tests.db.story import WORDS, Story
from tests.db.talks import COLLECTIONS, Talks

Json = dict[str, Any]

SORTS = {
    "actor": ["name"], "person": ["name"], "source": ["published_on"], "delegation": [],
    "process": ["name", "started_on", "ended_on"], "round": ["starts_on", "ends_on", "number", "name"],
}  # fmt: skip
FILTERS = {
    "actor": ["kind=state", "country=TUR,UKR", "parent={actor}"],
    "person": ["organization={actor}", "position_on=2025-07-22"],
    "source": ["kind=news", "publisher={actor}"],
    "process": ["party={actor}", "status=ongoing"],
    "round": ["process={process}", "party={actor}", "third_party={actor}", "number=1,2", "parent={round}",
              "from=2025-07-01&to=2025-07-23", "from=2025-07-01&to=2025-07-31&date_match=certain", "country=TUR"],
    "delegation": ["round={round}", "represents={actor}", "person={person}&role=expert", "process={process}"],
}  # fmt: skip
INCLUDES = {
    "actor": "processes,delegations", "person": "delegations", "source": "rounds,actors", "process": "rounds,actors",
    "round": "delegations,processes", "delegation": "rounds,people",
}  # fmt: skip


def test_a_thousand_mutations_rebuilt(own_talks):
    story = Story(own_talks, seed=20250721)
    while story.counts["created"] + story.counts["updated"] + story.counts["deleted"] < 1000:
        story.go_on(50)
    for outcome in ("created", "updated", "unchanged", "deleted", "unknown_reference", "reference_failed",
                    "still_referenced", "identifier_taken", "gone", "cycle", "merged", "conflict"):  # fmt: skip
        assert story.counts[outcome] > 2, story.counts
    revived = "SELECT count(*) AS n FROM revisions AS a JOIN revisions AS b USING (id) WHERE a.version + 1 = b.version"
    assert own_talks.rows(f"{revived} AND a.op = 'deleted'")[0]["n"] > 20
    merged = own_talks.rows("SELECT count(*) AS n FROM records WHERE state = 'merged'")[0]["n"]
    assert merged > 10, merged
    before = own_talks.everything()
    assert all(len(rows) > 20 for rows in before.values()), {table: len(rows) for table, rows in before.items()}
    with psycopg.connect(own_talks.app.config["DATABASE_URL"], row_factory=dict_row) as conn:
        assert records.rebuild(conn) == len(before["served"])
    after = own_talks.everything()
    for table in before:
        assert after[table] == before[table], table
    # a house that was there before identifiers had periods gets the same
    migration = (migrate.FOLDER / "0012_names_of_the_past.sql").read_text()
    with psycopg.connect(own_talks.app.config["DATABASE_URL"]) as conn:
        conn.execute("DELETE FROM identifiers")
        conn.execute(migration[migration.index("WITH said") : migration.index(";", migration.index("WITH said"))])
    assert own_talks.everything()["identifiers"] == before["identifiers"]
    # and what was rebuilt is written on as if nothing had been
    assert own_talks.made("actor", "after")["version"] == 1
    story.go_on(50)


def test_a_rebuild_mends_what_was_broken(own_talks):
    Story(own_talks, seed=1).go_on(100)
    before = own_talks.everything()
    with psycopg.connect(own_talks.app.config["DATABASE_URL"], row_factory=dict_row) as conn:
        conn.execute("UPDATE served SET doc = 'broken', stamp = 0, search = '', spellings = NULL")
        conn.execute("DELETE FROM links")
        conn.execute("DELETE FROM rounds")
        conn.execute("UPDATE identifiers SET identifier = 'x' || identifier")
        conn.execute("UPDATE records SET version = 0, label = '', state = 'live', reason = 'x'")
        conn.commit()
        records.rebuild(conn)
    assert own_talks.everything() == before


def without_labels(value: Any) -> Any:
    """The answer without what references say beyond id and type, and without the place of the next page."""
    if isinstance(value, list):
        return [without_labels(entry) for entry in value]
    if isinstance(value, dict):
        if value.keys() == {"id", "type", "name", "identifiers"}:
            return {"id": value["id"], "type": value["type"]}
        dropped = ("next", "next_cursor", "request_id", "instance")
        return {name: without_labels(entry) for name, entry in value.items() if name not in dropped}
    return value


def ask(talks: Talks, path: str) -> Json:
    answer = talks.client.get(path)
    if answer.status_code == 308:
        return {"HTTP": 308, "Location": answer.headers["Location"].partition("?")[0]}
    return {"HTTP": answer.status_code} | without_labels(answer.json)


@pytest.mark.parametrize("seed", [7, 8])
def test_as_of_is_what_was_answered_then(own_talks, seed):
    """Lists with every filter and sort, and each record, at moments of a random history."""
    story = Story(own_talks, seed)
    copies: list[tuple[str, str, Json]] = []  # the moment, the question, the answer

    def question(type: str) -> str:
        known = {other: story.some(ids) if ids else "x:y" for other, ids in story.ids.items()}
        sort = story.some(["id", "updated_at", "created_at", *SORTS[type]])
        parts = [
            f"limit={story.some([1, 5, 500])}",
            f"sort={story.some(['', '-'])}{sort}",
            story.some([*FILTERS[type], ""]).format_map(known),
            story.some(["", f"q={quote(story.some(WORDS))}", "", "updated_since=2020-01-01"]),
            story.some(["", "fields=id,version,updated_at", f"include={INCLUDES[type]}", "include_total=true"]),
        ]
        return f"/v1/{COLLECTIONS[type]}?{'&'.join(filter(None, parts))}"

    for _ in range(10):
        story.go_on(25)
        moment = own_talks.rows(
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        )
        moment = moment[0]["to_char"]
        for type in COLLECTIONS:
            questions = [question(type) for _ in range(4)]
            questions += [f"/v1/{COLLECTIONS[type]}/{id}?include={INCLUDES[type]}" for id in story.ids[type][:20]]
            copies += [(moment, path, ask(own_talks, path)) for path in questions]
        if len(copies) > 300:
            story.random.shuffle(copies)
            copies = copies[:300] + [c for c in copies[300:] if c[0] == moment]
    assert {copy["HTTP"] for _, _, copy in copies} == {200, 308, 410}
    for moment, path, copy in copies:
        assert ask(own_talks, f"{path}&as_of={moment}") == copy, f"{path} as of {moment}"
    # before the first record there was nothing
    for type in COLLECTIONS:
        assert own_talks.listed(type, "as_of=2020-01-01&include_total=true")["total"] == 0
