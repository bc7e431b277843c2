"""Statements: who said what about what, in whose words, in answer to whom."""

import psycopg
import pytest

from schemas.statements import StatementArgs
from tests.world import CITED, untested, walk

FILTERS = {
    "speaker=w:ann": "offer denial",
    "speaker={dee},w:cy": "rejection toast recollection composition",
    "speaker_actor=w:press": "report",
    "speaker_actor=w:ministry,w:press": "denial report",
    "on_behalf_of=w:north": "offer",
    "on_behalf_of={league},w:north": "offer toast",
    "about=w:memo-north": "denial",
    "about={first}": "rejection",  # and not what was said there
    "about=w:ben,w:south-3": "denial composition",
    "round=w:first": "offer rejection",  # said there, and about it
    "round=w:third,w:session": "report outlook",
    "meeting=w:summit": "toast recollection",
    "meeting={call}": "composition",
    # at and about its first round, about its document, its third round, a delegation there, and a session of that
    "process=w:talks": "offer rejection denial report composition outlook",
    "process={talks}&speaker=w:ann": "offer denial",
    "process=w:old": "history",
    "process=w:plan,w:old": "history",
    "process=w:nowhere": "",
    "track=military": "offer rejection",
    "track=political,humanitarian": "rejection toast",
    "topic=ceasefire": "offer rejection",
    "topic=order,round_date": "rejection report",
    "topic=cease": "",
    "act=denial": "denial",
    "act=offer,rejection": "offer rejection",
    "mode=verbatim": "offer",
    "mode=summary,partial_quote": "denial report recollection",
    "channel=plenary": "toast",
    "channel=interview,press_conference": "offer rejection",
    "from=2025-05-17&to=2025-05-17": "rejection denial",  # possibly that day
    "from=2025-05-17&to=2025-05-17&date_match=certain": "rejection",
    "from=2025-05-17&to=2025-05-20&date_match=certain": "rejection denial",
    "from=2025-07-01": "report recollection",  # and not what has no day at all
    "from=2025-07-01&date_match=certain": "recollection",  # July is only supposed
    "to=2025-05-16": "offer",
    "q=truce": "offer",
    "q=перемир'я": "offer",
    "q=old hand": "history",
    "q=ceasefire": "rejection",
    "q=ceasefire -talks": "",
    "q=ceasefire -rounds": "rejection",
    'q=slow or round -"third round"': "history",
    "q=-talks": "",
    "source=w:gazette": "",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(words, query, found):
    assert words.find("statements", query) == found.split()


def test_every_filter_is_tested():
    assert untested(StatementArgs, FILTERS) == set()


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("said_on", "offer rejection denial toast report recollection composition history outlook"),
        ("-said_on", "recollection report toast denial rejection offer outlook history composition"),
    ],
)
def test_sorts_page_by_page(words, sort, found):
    assert walk(words, "statements", f"sort={sort}&limit=2") == found.split()


def test_include_what_it_speaks_of(words):
    denial = words.get("statements", "denial", "include=documents,actors,statements")
    assert denial["about"][0] == words.get("documents", "memo-north")
    assert denial["speaker_actor"] == words.get("actors", "ministry")
    assert denial["statements"] == []  # nobody refers to it


def test_what_belonged_to_talks_on_a_day_in_the_past(fresh_app, signed):
    client = signed(fresh_app)
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    for name in ("one", "other"):
        client.put(f"/v1/processes/t:{name}", json=CITED | {"name": name})
    said = {"attribution_text": "Somebody", "mode": "paraphrase", "about": ["t:delegation"]}
    for process in ("one", "other"):
        answer = client.put("/v1/rounds/t:round", json=CITED | {"status": "concluded", "process": f"t:{process}"})
        if process == "one":
            client.put("/v1/actors/t:actor", json={"name": "Actor", "kind": "state"})
            delegation = {"round": "t:round", "represents": ["t:actor"]}
            client.put("/v1/delegations/t:delegation", json=CITED | delegation)
            before = client.put("/v1/statements/t:said", json=CITED | said).json["updated_at"]
    assert answer.json["version"] == 2

    def found(query):
        return len(client.get(f"/v1/statements?{query}").json["items"])

    assert (found("process=t:one"), found("process=t:other")) == (0, 1)
    assert (found(f"process=t:one&as_of={before}"), found(f"process=t:other&as_of={before}")) == (1, 0)


# --- threads -------------------------------------------------------------------------------------------------------


def thread(words, name, query=""):
    record = words.get("statements", name, f"include=thread{query}")
    ids = {id: name for name, id in words.ids.items()}
    return [ids[entry["id"]] for entry in record["thread"]]


def test_a_thread_holds_what_is_connected_both_ways_however_far(words):
    assert thread(words, "offer") == ["rejection", "denial"]
    assert thread(words, "rejection") == ["offer", "denial"]
    assert thread(words, "denial") == ["offer", "rejection"]
    assert thread(words, "toast") == []
    assert words.get("statements", "offer", "include=thread")["thread"][1] == words.get("statements", "denial")


def test_the_threads_of_a_list_stand_beside_sparse_records(words):
    answer = words.plain.get("/v1/statements?process=w:talks&speaker=w:ann&include=thread&fields=act")
    assert [(item["act"], len(item["thread"])) for item in answer.json["items"]] == [("offer", 2), ("denial", 2)]


@pytest.fixture
def spoken(fresh_app, signed):
    """Makes statements in an empty database: `spoken("b", to="a")`; the client that made them is `spoken.client`."""
    client = signed(fresh_app)
    client.put("/v1/sources/t:source", json={"kind": "news"})

    def make(name, to=(), kind="responds_to", **more):
        relations = [{"kind": kind, "statement": f"t:{other}"} for other in to]
        body = {"attribution_text": name, "mode": "paraphrase", "sources": [{"source": "t:source"}]}
        answer = client.put(f"/v1/statements/t:{name}", json=body | {"relations": relations} | more)
        assert answer.status_code in (200, 201), answer.text
        return answer.json

    make.client = client
    return make


def names(client, name, query=""):
    answer = client.get(f"/v1/statements/t:{name}?include=thread{query}")
    assert answer.status_code == 200, answer.text
    return [entry["attribution_text"] for entry in answer.json["thread"]]


def test_a_thread_survives_cycles(spoken):
    spoken("a", said_on="2025-01-03")
    spoken("b", to="a", said_on="2025-01-02")
    spoken("c", to="ab", said_on="2025-01-01")
    spoken("a", to="ca", kind="repeats", said_on="2025-01-03")  # and itself
    spoken("d", to="c")
    spoken("stranger")
    assert names(spoken.client, "a") == ["c", "b", "d"]
    assert names(spoken.client, "d") == ["c", "b", "a"]
    assert names(spoken.client, "stranger") == []


def test_a_thread_of_a_day_in_the_past(spoken):
    spoken("a")
    spoken("b", to="a")
    before = spoken("c", to="b")["updated_at"]
    spoken("c")
    assert names(spoken.client, "a") == ["b"]
    assert names(spoken.client, "a", f"&as_of={before}") == ["b", "c"]
    assert names(spoken.client, "c", f"&as_of={before}") == ["a", "b"]
    then = spoken.client.get(f"/v1/statements?as_of={before}&include=thread&identifier=t:c").json["items"]
    assert [entry["attribution_text"] for entry in then[0]["thread"]] == ["a", "b"]


def test_a_thread_has_an_end(spoken):
    spoken("root")
    rows = [
        {"op": "upsert", "type": "statement", "identifier": f"t:{number}", "data": {
            "attribution_text": str(number), "mode": "paraphrase", "sources": [{"source": "t:source"}],
            "relations": [{"kind": "repeats", "statement": "t:root"}]}}
        for number in range(510)
    ]  # fmt: skip
    answer = spoken.client.post("/v1/batches", json={"operations": rows})
    assert answer.json["counts"]["created"] == 510
    assert len(names(spoken.client, "root")) == 500


# --- languages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "ranges", "chosen"),
    [
        ("uk* en de", "uk", "uk"),
        ("uk* en de", "uk-UA", "uk"),  # shortened from its end
        ("uk* en de", "de-CH-1996", "de"),
        ("uk* zh-Hant zh", "zh-Hant-TW", "zh-Hant"),  # the longest that fits
        ("uk* zh zh-Hant", "zh-Hant-TW", "zh-Hant"),
        ("uk* zh-Hans zh", "zh-Hant-TW", "zh"),
        ("uk* en de", "fr,de,en", "de"),  # the first language that there is
        ("uk* en-GB fr", "fr-CA,en-GB", "fr"),  # shortened before the next is tried
        ("uk* en-GB", "en", "en-GB"),  # nothing fits exactly: a narrower one
        ("uk* en-GB fr", "en,fr", "fr"),  # lookup first
        ("en uk*", "fr", "uk"),  # none fits: the original
        ("en de", "fr", "en"),  # nor is there an original
        ("en~ de", "fr", "de"),  # a person before a machine
        ("en~ de^", "fr", "de"),
        ("en de~ de", "de", "de"),
        ("uk* eng", "en", "uk"),  # another language, not a narrower one
        ("en de", None, "en"),
        ("en uk*", None, "uk"),
        ("", "en", None),
    ],
)
def test_best_text(database, texts, ranges, chosen):
    """`*` is the original, `~` a machine's translation, `^` a machine's that a person went over."""
    entries = [
        {"lang": text.rstrip("*~^"), "text": text}
        | {"*": {"original": True}, "~": {"translation": "machine"}, "^": {"translation": "machine_post_edited"}}.get(
            text[-1], {"translation": "human"}
        )
        for text in texts.split()
    ]
    with psycopg.connect(database) as conn:
        args = (psycopg.types.json.Json(entries), ranges and ranges.split(","))
        found = conn.execute("SELECT best_text(%s, %s, NULL)", args).fetchone()[0]
    assert (found and found["lang"]) == chosen
    assert found is None or not (found["text"].endswith("~") and f"{chosen} " in f"{texts} ")


def test_the_best_text_of_a_statement(words):
    answer = words.client.get("/v1/statements/w:offer?lang=de-AT")
    assert answer.headers["Content-Language"] == answer.json["text"]["lang"] == "de"
    assert answer.json["text"] == words.get("statements", "offer")["texts"][2]
    assert answer.headers["ETag"] != words.client.get("/v1/statements/w:offer?lang=en").headers["ETag"]


def test_without_machine_translations(words):
    path = "/v1/statements/w:offer"
    assert words.client.get(f"{path}?lang=de&allow_machine=true").json["text"]["lang"] == "de"
    answer = words.client.get(f"{path}?lang=de&allow_machine=false")
    assert answer.headers["Content-Language"] == answer.json["text"]["lang"] == "uk"
    assert len(answer.json["texts"]) == 3  # the record itself is whole
    assert words.client.get(f"{path}?allow_machine=false").json["text"]["lang"] == "uk"


def test_the_best_texts_of_a_list(words):
    answer = words.client.get("/v1/statements?speaker=w:ann&lang=EN-us,de")
    assert [item["text"] and item["text"]["text"] for item in answer.json["items"]] == ["We offer a truce.", None]
    assert answer.headers["Content-Language"] == "en"
    sparse = words.plain.get("/v1/statements?speaker=w:ann&lang=en&fields=mode&limit=1").json["items"]
    assert [sorted(item) for item in sparse] == [["mode", "text"]]


def test_no_text_and_no_language(words):
    answer = words.client.get("/v1/statements/w:report?lang=en")
    assert answer.json["text"] is None
    assert "Content-Language" not in answer.headers
    assert "text" not in words.get("statements", "offer")


def test_other_records_have_no_best_text(words):
    answer = words.client.get("/v1/rounds/w:first?lang=uk&allow_machine=false")
    assert "text" not in answer.json
    assert "Content-Language" not in answer.headers


@pytest.mark.parametrize("query", ["lang=klingonish-", "lang=", "lang=uk,,en", "lang=x\x00", "allow_machine=no"])
def test_no_language(words, query):
    answer = words.client.get(f"/v1/statements?{query}")
    assert (answer.status_code, len(answer.json["errors"])) == (400, 1)


# --- highlights ----------------------------------------------------------------------------------------------------


def highlights(client, q, name):
    answer = client.get("/v1/statements", query_string={"q": q, "highlight": "true", "identifier": f"t:{name}"})
    return answer.json["items"][0]["highlight"]


def test_highlights_are_harmless_html(spoken):
    spoken("a", summary="<script>alert('truce')</script> & \"truce\"", note="See https://example.org/?a=<b>&c truce.")
    assert highlights(spoken.client, "truce", "a") == [
        "See https://example.org/?a=&lt;b&gt;&amp;c <mark>truce</mark>.",
        "&lt;script&gt;alert('<mark>truce</mark>')&lt;/script&gt; &amp; &quot;<mark>truce</mark>&quot;",
    ]
    spoken("b", summary="&lt;img src=x onerror=alert(1)&gt; <mark>truce</mark> <b onclick=x>truces</b>")
    [passage] = highlights(spoken.client, "truce", "b")
    assert passage.count("<mark>") == 2
    assert "&amp;lt;img" in passage
    assert "<" not in passage.replace("<mark>", "").replace("</mark>", "")


def test_highlights_follow_the_language_and_name_no_other_record(spoken):
    spoken.client.put("/v1/people/t:truce", json={"name": "Truce Truman"})
    texts = [{"lang": "ru", "text": "Мы обсуждаем перемирия."}, {"lang": "en-GB", "text": "Of truces we talk."},
             {"lang": "uk", "text": "Ми за truce."}, {"lang": "de", "text": "Von der truce zum truce."}]  # fmt: skip
    spoken("a", texts=texts, speaker="t:truce", summary="Nothing of it.")
    assert highlights(spoken.client, "truce", "a") == [
        "Of <mark>truces</mark> we talk.", "Ми за <mark>truce</mark>.",
        "Von der <mark>truce</mark> zum <mark>truce</mark>."]  # fmt: skip
    assert highlights(spoken.client, "перемирие", "a") == ["Мы обсуждаем <mark>перемирия</mark>."]
    # the words of one query in several texts
    assert highlights(spoken.client, "nothing talk", "a") == [
        "<mark>Nothing</mark> of it.", "Of truces we <mark>talk</mark>."]  # fmt: skip


def test_nothing_to_highlight(words):
    answer = words.client.get("/v1/statements?highlight=true")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (400, "highlight")
    assert "highlight" not in words.client.get("/v1/statements?q=truce").json["items"][0]
    fuzzy = words.client.get("/v1/people?q=Коул&highlight=true&fields=name").json["items"]
    assert fuzzy == [{"name": "Cy Cole", "highlight": ["<mark>Сай</mark> <mark>Коул</mark>"]}] or fuzzy[0]["highlight"]


def test_one_query_whatever_is_asked(words, queries):
    path = "/v1/statements?q=truce or talks&highlight=true&lang=de,uk&allow_machine=false&include=thread,claims,people"
    assert len(words.client.get(f"{path}&include_total=true&process=w:talks").json["items"]) == 2
    assert len(queries) == 1
    words.client.get("/v1/statements/w:offer?lang=uk&include=thread")
    assert len(queries) == 2


def test_what_filters_name_is_looked_up_once_and_not_for_every_row(words, queries):
    path = "/v1/statements?speaker=w:ann&process=w:talks&about=w:memo-north&round=w:first&source=w:paper&id=w:offer"
    assert words.client.get(path).status_code == 200
    [(query, args)] = queries
    with psycopg.connect(words.client.application.config["DATABASE_URL"]) as conn:
        plan = "\n".join(row[0] for row in conn.execute(f"EXPLAIN VERBOSE {query}", args))
    assert "statements" in plan
    assert "ids(" not in plan


# --- what is refused -----------------------------------------------------------------------------------------------

GOOD = {"speaker": "w:ann", "mode": "verbatim", "texts": [{"lang": "en", "text": "Yes.", "original": True}]}


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"speaker": None}, [""]),
        ({"speaker": "w:north"}, ["/speaker"]),
        ({"mode": None}, ["/mode"]),
        ({"mode": "quote"}, ["/mode"]),
        ({"act": "threat"}, ["/act"]),
        ({"round": "w:first", "meeting": "w:summit"}, [""]),
        ({"texts": [{"text": "Yes.", "original": True}]}, ["/texts/0/lang"]),
        ({"texts": [{"lang": "en", "text": "Yes."}]}, ["/texts/0/original"]),
        (
            {"texts": [{"lang": "en", "text": "a", "original": True}, {"lang": "fr", "text": "b"}]},
            ["/texts/1/original"],
        ),
        ({"texts": [{"lang": "en", "original": True}]}, ["/texts/0/text"]),
        ({"texts": [{"lang": "en", "text": "", "original": True}]}, ["/texts/0/text"]),
        ({"texts": [{"lang": "en", "text": "a\x00", "original": True}]}, ["/texts/0/text"]),
        ({"texts": [{"lang": "english", "text": "Yes.", "original": True}]}, ["/texts/0/lang"]),
        ({"texts": [{"lang": "en", "text": "Yes.", "original": "yes"}]}, ["/texts/0/original"]),
        (
            {"texts": [{"lang": "en", "text": "Yes.", "original": True, "translation": "human", "engine": "x"}]},
            ["/texts/0/engine", "/texts/0/translation"],
        ),
        ({"deadline_period": "50 days"}, ["/deadline_period"]),
        ({"deadline_period": "P"}, ["/deadline_period"]),
        ({"deadline_period": "P1DT"}, ["/deadline_period"]),
        ({"deadline_period": "P50D\n"}, ["/deadline_period"]),
        ({"deadline_period": "P٥D"}, ["/deadline_period"]),
        ({"topics": ["Two Words"]}, ["/topics/0"]),
        ({"topics": "order"}, ["/topics"]),
        ({"tracks": ["sport"]}, ["/tracks/0"]),
        ({"about": ["w:nobody"]}, ["/about/0"]),
        ({"relations": [{"kind": "likes", "statement": "w:offer"}]}, ["/relations/0/kind"]),
        ({"relations": [{"kind": "denies"}]}, ["/relations/0/statement"]),
        ({"relations": [{"kind": "denies", "statement": "w:first"}]}, ["/relations/0/statement"]),
        ({"said_on": "16 May"}, ["/said_on"]),
        ({"text": "Yes."}, ["/text"]),  # the chosen text is the server's
        ({"sources": []}, ["/sources"]),
    ],
    ids=str,
)
def test_what_is_no_statement(words, signed, change, pointers):
    writer = signed(words.client.application, "write", "enemy")
    answer = writer.post("/v1/statements", json=CITED | GOOD | change)
    assert (answer.status_code, sorted(error["pointer"] for error in answer.json["errors"])) == (422, pointers)


@pytest.mark.parametrize("period", ["P50D", "PT48H", "P1Y2M3D", "P2W", "P1DT12H30M", "PT1M30S", "P0D"])
def test_a_deadline_that_is_a_period(spoken, period):
    assert spoken("a", deadline_period=period)["deadline_period"] == period


def test_a_statement_can_be_sent_back(words, signed):
    client = signed(words.client.application, "write", "world")
    read = client.get("/v1/statements/w:offer")
    again = client.put("/v1/statements/w:offer", json=read.json)
    assert (again.status_code, again.headers["Parley-Result"]) == (200, "unchanged")


def test_texts_too_long_to_be_indexed_whole_are_kept_and_found_by_their_beginning(spoken):
    """A search vector of PostgreSQL ends at 1 MB."""
    texts = [{"lang": "en", "text": " ".join(f"w{part}x{number:x}" for number in range(12_500))} for part in range(10)]
    assert 900_000 < sum(len(text["text"]) for text in texts) < 1_000_000
    spoken("a", texts=texts)
    found = spoken.client.get("/v1/statements?q=w0x3").json["items"]
    assert [entry["text"] for item in found for entry in item["texts"]] == [entry["text"] for entry in texts]
    assert spoken.client.get("/v1/statements?q=w9x30d3").json["items"] == []


def test_a_passage_of_a_long_text(spoken):
    spoken("a", summary=f"{'Long ago. ' * 100}Then came a truce of the two. {'Long after. ' * 100}")
    [passage] = highlights(spoken.client, "truce", "a")
    assert "Then came a <mark>truce</mark> of the two." in passage
    assert len(passage) < 300
