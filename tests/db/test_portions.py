"""Sets larger than a portion: they are stored by a thread while they are rendered, and end as if they were one."""

import tracemalloc
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from db import records
from db.records import Operation
from schemas.fields import address
from tests.db.story import Story
from tests.db.talks import statuses


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch):
    monkeypatch.setattr(records, "CHUNK", 2)


def test_a_random_history_rebuilt(own_talks):
    Story(own_talks, seed=20250723).go_on(150)
    before = own_talks.everything()
    with psycopg.connect(own_talks.app.config["DATABASE_URL"], row_factory=dict_row) as conn:
        records.rebuild(conn)
    assert own_talks.everything() == before


def test_a_rebuild_has_no_document_in_memory(own_talks):
    names = [{"name": f"{number} " * 100} for number in range(50)]
    rows = [
        Operation("create", "actor", data={"name": "One", "kind": "other", "other_names": names}) for _ in range(400)
    ]
    assert set(statuses(own_talks.write(*rows))) == {"created"}
    before = own_talks.everything()
    with psycopg.connect(own_talks.app.config["DATABASE_URL"], row_factory=dict_row) as conn:
        tracemalloc.start()
        assert records.rebuild(conn) == len(before["served"])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 10 * 2**20, most  # with all documents, and all that is made of them, it was 19
    assert own_talks.everything() == before


def test_what_the_last_gives_up_the_first_may_take(own_talks):
    made = [own_talks.made("actor", f"n{number}")["id"] for number in range(6)]

    def named(id: str, name: str) -> Operation:
        return Operation(
            "patch", "actor", address(id), {"identifiers": [{"scheme": own_talks.scheme, "identifier": name}]}
        )

    given = [named(id, f"n{(number + 1) % 6}") for number, id in enumerate(made)]
    assert set(statuses(own_talks.write(*given))) == {"updated"}
    assert [own_talks.read("actor", f"n{(number + 1) % 6}")["id"] for number in range(6)] == made


@pytest.mark.parametrize("row", [0, 7, 19])
def test_nothing_is_kept_when_the_database_refuses_one(own_talks, row):
    """A revision that stands in the way of one row's: only the database itself sees it."""
    last = own_talks.rows("SELECT max(position) AS last FROM revisions")[0]["last"]
    with psycopg.connect(own_talks.app.config["DATABASE_URL"], autocommit=True) as conn:
        conn.execute(f"ALTER TABLE served ADD CONSTRAINT none CHECK (from_position <> {last + 1 + row})")
    before: Any = own_talks.everything()
    with pytest.raises(psycopg.errors.CheckViolation):
        own_talks.write(*(own_talks.upsert("actor", f"x{number}") for number in range(20)))
    assert own_talks.everything() == before
    with psycopg.connect(own_talks.app.config["DATABASE_URL"], autocommit=True) as conn:
        conn.execute("ALTER TABLE served DROP CONSTRAINT none")
    assert set(statuses(own_talks.write(own_talks.upsert("actor", "x")))) == {"created"}
