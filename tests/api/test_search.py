"""Search: every language by its own rules, names by any spelling, all types in one list."""

import psycopg
import pytest

from tests.api.test_errors import problem
from tests.world import CITED

# language, text, words that find it, words that do not
LANGUAGES = [
    (
        "en",
        "The delegations agreed on ceasefires.",
        "delegation ceasefire agreeing DELEGATIONS",
        "elegance cease truce",
    ),
    ("en-GB", "They were negotiating.", "negotiate negotiated", "negligent"),
    ("ru", "Переговоры о перемирии продолжаются.", "переговоров перемирие переговорами", "переговорщик мир"),
    ("ru", "Орёл и ёлки", "орел елка ёлка", "орлан"),
    ("de", "Die Gespräche über Waffenstillstände dauern an.", "gespräch Gespräches gesprach", "sprechen uberall"),
    ("de-AT", "Außenminister Müller", "aussenminister muller müller außenministern", "innenminister"),
    ("fr", "Les négociations ont été élargies.", "négociation negociations élargi elargie", "negoce large"),
    ("fr", "Une trêve des combats", "treve trêves combat", "combattants"),
    ("tr", "Görüşmeler İstanbul'da sürüyor.", "görüşme gorusmeler istanbul", "görüntü"),
    ("tr", "barış anlaşması", "baris barış anlasmasi", "barikat"),
    ("uk", "Переговори у Стамбулі тривають.", "переговори ПЕРЕГОВОРИ стамбулі", "переговорів стамбул"),
    ("pl", "Rozmowy w Stambule trwają", "rozmowy trwaja trwają", "rozmowa"),
    ("", "Minister of Defence", "defence ministers", "ministry"),
]


@pytest.mark.parametrize(("lang", "text", "finds", "excludes"), LANGUAGES)
def test_full_text_in_its_language(database, lang, text, finds, excludes):
    with psycopg.connect(database) as conn:
        query = "SELECT search_vector(jsonb_build_object(%s::text, %s::text)) @@ search_query(%s)"
        found = {word: conn.execute(query, (lang, text, word)).fetchone()[0] for word in f"{finds} {excludes}".split()}
    assert [word for word, hit in found.items() if hit] == finds.split()


def hits(words, query):
    answer = words.client.get(f"/v1/search?{query}")
    assert answer.status_code == 200, answer.text
    ids = {id: name for name, id in words.ids.items()}
    return [(hit["type"], ids[hit["id"]]) for hit in answer.json["items"]], answer.json["facets"]


def test_all_types_in_one_list(words):
    found, facets = hits(words, "q=talks")
    assert found[:2] == [("process", "old"), ("process", "talks")] or found[:2] == [
        ("process", "talks"), ("process", "old")]  # fmt: skip
    assert set(found[2:]) == {("statement", "rejection"), ("statement", "history")}  # names before texts
    assert facets == {"process": 2, "statement": 2}


def test_a_hit_names_its_record(words):
    [hit] = words.client.get("/v1/search?q=memorandum south").json["items"]
    assert hit.pop("score") > 0
    record = words.get("documents", "memo-south")
    assert hit == {"id": record["id"], "type": "document", "name": record["title"],
                   "identifiers": record["identifiers"]}  # fmt: skip


def test_types_narrow_the_hits_and_not_the_facets(words):
    found, facets = hits(words, "q=talks&types=statement,claim")
    assert {type for type, _ in found} == {"statement"}
    assert facets == {"process": 2, "statement": 2}
    assert hits(words, "q=talks&types=claim") == ([], facets)


def test_nothing_is_found(words):
    assert hits(words, "q=nonesuch") == ([], {})
    assert hits(words, "q=%26") == ([], {})
    assert hits(words, "q=talks -talks") == ([], {})


def test_a_walk_by_rank_meets_everything_once_though_others_write(words, signed):
    writer = signed(words.client.application, "write", "enemy")
    found, _ = hits(words, "q=port or talks or memorandum or league")
    walked, path = [], "/v1/search?q=port or talks or memorandum or league&limit=2&highlight=true"
    made = None
    while path:
        page = words.client.get(path).json
        walked += [hit["id"] for hit in page["items"]]
        path = page["next"]
        if made is None:
            body = {"name": "Port League Memorandum Talks", "kind": "other"}
            made = writer.post("/v1/actors", json=body)
    ids = {id: name for name, id in words.ids.items()}
    assert [ids[id] for id in walked] == [name for _, name in found]
    assert len(walked) > 4
    writer.delete(f"/v1/actors/{made.json['id']}", headers={"If-Match": made.headers["ETag"]})


def test_a_cursor_belongs_to_its_words(words):
    cursor = words.client.get("/v1/search?q=talks&limit=1").json["next_cursor"]
    assert words.client.get(f"/v1/search?q=talks&limit=50&cursor={cursor}").status_code == 200
    for other in (f"q=treaty&cursor={cursor}", f"q=talks&types=process&cursor={cursor}", "q=talks&cursor=x"):
        answer = words.client.get(f"/v1/search?{other}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")


def test_highlights(words):
    items = words.client.get("/v1/search?q=truce&highlight=true").json["items"]
    assert [hit["highlight"] for hit in items] == [["We offer a <mark>truce</mark>."]]
    assert "highlight" not in words.client.get("/v1/search?q=truce").json["items"][0]


def test_one_query_whatever_is_asked(words, queries):
    words.client.get("/v1/search?q=talks&highlight=true&types=process")
    assert len(queries) == 1


@pytest.mark.parametrize(
    "query",
    ["", "q=", "q=" + "x" * 201, "q=x&types=rounds", "q=x&types=", "q=x&limit=0", "q=x&limit=501", "q=x&sort=id",
     "q=x&q=y", "q=x&highlight=1", "q=%00", "types=round"],
)  # fmt: skip
def test_what_is_no_search(words, query):
    problem(words.client.get(f"/v1/search?{query}"), 400)


@pytest.mark.parametrize(
    "q",
    ["'", '"', "((", "a & b | !c", "\\", "-", "- -", "a:*", "%", "<b>", "or", "or or", "🕊", "\x7f", "<->", "a <-> b",
     "!!", '-"a b"', '"a', "..", "AND 1=1", "{}", "%(q)s"],
)  # fmt: skip
def test_words_that_are_none(words, q):
    for path in ("/v1/search", "/v1/statements"):
        answer = words.client.get(path, query_string={"q": q, "highlight": "true"})
        assert answer.status_code == 200, answer.text


def test_a_person_by_the_spellings_of_sources_and_a_thing_in_pledges_and_statements(fresh_app, signed):
    client = signed(fresh_app)
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    client.put("/v1/actors/w:state", json={"name": "State", "kind": "state"})
    barrot = {"name": "Jean-Noël Barrot", "other_names": [{"name": "Jean-Noel Barrault"}, {"name": "Barraud"}]}
    client.put("/v1/people/w:barrot", json=barrot)
    client.put("/v1/people/w:other", json={"name": "Jean Barre"})
    said = {"attribution_text": "Somebody", "mode": "paraphrase", "summary": "A factory will build drones."}
    client.put("/v1/statements/w:drones", json=CITED | said)
    pledge = {"title": "Interceptor drones", "donors": [{"actor": "w:state"}], "apportionment": "sole",
              "status": "pledged", "category": "military", "finance_type": "other"}  # fmt: skip
    answer = client.put("/v1/pledges/w:drones", json=CITED | pledge)
    assert answer.status_code == 201, answer.text

    def found(q):
        return [(hit["type"], hit["name"]) for hit in client.get(f"/v1/search?q={q}").json["items"]]

    for q in ("Barraud", "Barrault", "barrot", "Барро", "Jean-Noel Barrot"):
        assert found(q)[0] == ("person", "Jean-Noël Barrot"), q
    assert found("drones") == [("pledge", "Interceptor drones"), ("statement", None)]
    assert client.get("/v1/search?q=drones").json["facets"] == {"pledge": 1, "statement": 1}
