"""Words are searched for once in each form that languages give them, and find and rank as if each did it."""

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

LANGUAGES = ("simple", "en", "ru", "de", "fr", "tr")
EACH = " || ".join(f"websearch_to_tsquery('parley_{language}', %(words)s)" for language in LANGUAGES)
QUERY = f"""
SELECT n.text @@ q.once, n.text @@ ANY (q.parts), n.text @@ q.each, ts_rank(n.text, q.once), ts_rank(n.text, q.each)
  FROM (SELECT search_query(%(words)s) AS once, search_queries(%(words)s) AS parts, {EACH} AS each) AS q
 CROSS JOIN (SELECT search_vector(jsonb_build_object(%(lang)s::text, %(text)s::text)) AS text) AS n
"""
WORDS = st.sampled_from([
    "running", "runs", "horses", "the", "and", "peace", "ceasefires", "переговоры", "переговорам", "мир", "Gespräche",
    "négociations", "görüşmeler", "барышня", "or", "-war", '"cease fire"', "Größe", "it's", "!", "(", "&",
])  # fmt: skip
SAID = st.lists(WORDS, max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def conn(shared_house):
    with psycopg.connect(shared_house.config["DATABASE_URL"], autocommit=True) as conn:
        yield conn


@example(words="the or", text="running", lang="")  # one language knows no word of it
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=SAID | st.text(st.characters(exclude_characters="\x00", codec="utf-8")), text=SAID,
       lang=st.sampled_from(["", "en", "ru", "de", "fr", "tr", "uk"]))  # fmt: skip
def test_it_finds_and_ranks_the_same(conn, words, text, lang):
    once, by_parts, each, rank, ranked = conn.execute(QUERY, {"words": words, "text": text, "lang": lang}).fetchone()
    assert (once, by_parts, rank) == (each, each, ranked)


def test_what_languages_agree_on_stands_there_once(conn):
    (query,) = conn.execute("SELECT search_query('nutu zibusoga')::text").fetchone()
    assert query.split(" | ") == ["'nutu' & 'zibusoga'", "'nutu' & 'zibusog'", "'nut' & 'zibusogu'"]
