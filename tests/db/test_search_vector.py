"""The quick way to a search vector gives what the slow one gives, which takes whatever it is given."""

import json
from itertools import combinations

import psycopg
import pytest

KEYS = ["", "name", "en", "de", "fr", "ru", "tr", "uk", "en-GB", "pl"]
TEXT = "Running horses, Größe, война́, https://example.org/a-b: the {} one"


@pytest.fixture(scope="module")
def conn(shared_house):
    with psycopg.connect(shared_house.config["DATABASE_URL"]) as conn:
        yield conn


def both(conn: psycopg.Connection, texts: dict[str, str]) -> tuple[str, str]:
    query = "SELECT search_vector(%(texts)s::jsonb)::text, search_vector_of_much(%(texts)s::jsonb)::text"
    row = conn.execute(query, {"texts": json.dumps(texts)}).fetchone()
    assert row is not None
    return row


def test_every_mix_of_languages(conn):
    for size in range(4):
        for keys in combinations(KEYS, size):
            quick, slow = both(conn, {key: TEXT.format(key) for key in keys})
            assert quick == slow
            assert bool(quick) == bool(keys)


@pytest.mark.parametrize("length", [19_000, 19_990, 20_000, 100_000])
def test_texts_of_any_length(conn, length):
    text = " ".join(f"a{number}-b{number}" for number in range(length))[:length]
    quick, slow = both(conn, {"": text, "name": "x"})
    assert quick == slow
    assert "'x'" in quick
