"""Addresses of officials: one statement from two files, whatever is doubled, missing or mistaken in them."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.addresses import read
from ingest.client import Client
from ingest.items import Item, Refusal, Unmatched
from ingest.run import load
from tests.ingest.conftest import everything

SPEECH_UK = "\n**Народе!**\n\nТриває десятий день.\n\n" + "Ми стоїмо. " * 40
SPEECH_EN = "\n**People!**\n\nIt is the tenth day.\n\n" + "We stand. " * 40


def entry(id: str = "abc_1", **more) -> dict:
    return {
        "id": id,
        "name": "Ми стоїмо",
        "translated": True,
        "russianTimestamp": "",
        "speaker": ["Олена Бондар"],
        "date": "2022-03-05T22:00:00",
        "topics": ["Закрите небо"],
        "cities": ["Київ"],
        "text": SPEECH_UK,
        "description": "Триває десятий день.",
        "url": f"https://www.youtube.com/watch?v={id}",
    } | more


def english(id: str = "abc_1", **more) -> dict:
    lead = {"name": "We stand", "text": SPEECH_EN, "description": "It is the tenth day."}
    return entry(id, **lead | more)


def nobody(name: str, type: str = "actor") -> str:
    raise Unmatched(name, [])


def write(folder: Path, **files: list) -> list[Path]:
    """Files of entries: `write(tmp_path, a=[…], a_en=[…])` makes a.json and a-en.json."""
    paths = [folder / f"{name.replace('_', '-')}.json" for name in files]
    for path, entries in zip(paths, files.values(), strict=True):
        path.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return paths


def statements(files: list[Path], look=nobody) -> list[dict]:
    rows = list(read(files, look))
    assert [row.problem for row in rows if isinstance(row, Refusal)] == []
    return [row.operation["data"] for row in rows if isinstance(row, Item) and row.operation["type"] == "statement"]


def test_two_languages_are_one_statement(tmp_path: Path):
    files = write(tmp_path, a_en=[english()], a=[entry()])
    sources = [row.operation["data"].get("url") for row in read(files, nobody) if row.operation["type"] == "source"]
    assert sources == [None, "https://www.youtube.com/watch?v=abc_1"]
    [statement] = statements(files)
    assert statement["texts"] == [
        {"lang": "uk", "text": SPEECH_UK, "original": True},
        {"lang": "en", "text": SPEECH_EN, "original": False, "translated_from": "uk"},
    ]
    assert (statement["mode"], statement["said_on"]) == ("verbatim", "2022-03-05T22:00:00")
    assert (statement["attribution_text"], statement.get("speaker")) == ("Олена Бондар", None)
    assert statement["topics"] == ["zakrite_nebo"]
    cited, video = statement["sources"]
    assert video == {"source": "youtube:abc_1"}
    kept = json.loads(cited["locator"])
    assert kept["id"] == "abc_1"
    assert kept["raw"]["a.json"] == {
        "name": "Ми стоїмо",
        "translated": True,
        "date": "2022-03-05T22:00:00",
        "topics": ["Закрите небо"],
        "cities": ["Київ"],
        "description": "Триває десятий день.",
    }


def test_a_headline_alone_is_not_what_was_said(tmp_path: Path):
    headline = {"text": "Брифінг Олени Бондар", "description": "Брифінг Олени Бондар", "name": "Брифінг"}
    [statement] = statements(write(tmp_path, a=[entry(**headline)]))
    assert statement["mode"] == "summary"
    assert statement["texts"] == [{"lang": "uk", "text": "Брифінг Олени Бондар"}]


def test_only_the_translation_has_the_whole_text(tmp_path: Path):
    headline = {"text": "Ми стоїмо", "description": "Ми стоїмо"}
    [statement] = statements(write(tmp_path, a=[entry(**headline)], a_en=[english()]))
    assert (statement["mode"], [text["lang"] for text in statement["texts"]]) == ("verbatim_translated", ["en"])
    assert "Ми стоїмо" in statement["sources"][0]["locator"]


def test_an_entry_told_twice_is_one(tmp_path: Path):
    assert len(statements(write(tmp_path, a=[entry(), entry()], a_en=[english()]))) == 1


def test_an_id_given_to_two_addresses_joins_neither(tmp_path: Path):
    other = {"speaker": ["Іван Мельник"], "date": "2022-03-05T17:00:00"}
    found = statements(write(tmp_path, a=[entry(), entry(**other)], a_en=[english(**other), english()]))
    assert [(s["attribution_text"], len(s["texts"])) for s in found] == [("Олена Бондар", 2), ("Іван Мельник", 2)]


def test_a_pair_left_over_is_joined_by_its_id_with_both_dates(tmp_path: Path):
    files = write(tmp_path, a=[entry()], a_en=[english(date="2022-03-06T00:10:00")])
    [statement] = statements(files)
    assert statement["said_on"] == "[2022-03-05,2022-03-06]"


def test_three_left_over_are_not_joined_by_a_guess(tmp_path: Path):
    dates = [{"date": f"2022-03-0{day}T22:00:00"} for day in (3, 4, 5)]
    found = statements(write(tmp_path, a=[entry(**dates[0]), entry(**dates[1])], a_en=[english(**dates[2])]))
    assert [len(statement["texts"]) for statement in found] == [1, 1, 1]


def test_several_speakers_are_all_named_and_none_is_chosen(tmp_path: Path):
    [statement] = statements(write(tmp_path, a=[entry(speaker=["Олена Бондар", "Іван Мельник"])]), lambda *_: "x:1")
    assert statement["attribution_text"] == "Олена Бондар, Іван Мельник"
    assert "speaker" not in statement


def test_a_speaker_whom_the_server_knows_is_linked(tmp_path: Path):
    [statement] = statements(write(tmp_path, a=[entry()]), lambda name, type: f"x:{type}")
    assert statement["speaker"] == "x:person"


def test_the_language_is_that_of_the_letters(tmp_path: Path):
    [left_alone] = statements(write(tmp_path, a_en=[entry()]))
    assert [text["lang"] for text in left_alone["texts"]] == ["uk"]
    [russian] = statements(write(tmp_path, b=[entry(text="Мы обращаемся к вам " * 20)]))
    assert [text["lang"] for text in russian["texts"]] == ["ru"]
    [latin] = statements(write(tmp_path, c=[english()]))
    assert [text["lang"] for text in latin["texts"]] == ["und"]  # a guess would be English


def test_an_hour_that_there_is_not(tmp_path: Path):
    [statement] = statements(write(tmp_path, a=[entry(date="2022-03-11T24:04:30")]))
    assert statement["said_on"] == "2022-03-11?"
    assert "2022-03-11T24:04:30" in statement["sources"][0]["locator"]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"id": ""}, "no_identifier"),
        ({"id": 7}, "no_identifier"),
        ({"date": "yesterday"}, "invalid_date"),
        ({"date": None}, "invalid_date"),
        ({"speaker": []}, "no_speaker"),
        ({"speaker": [""]}, "no_speaker"),
        ({"speaker": {"name": "x"}}, "no_speaker"),
        ({"text": "", "description": "", "name": ""}, "no_text"),
        ({"url": 5}, "invalid_url"),
        ({"topics": 5}, "invalid_topics"),
    ],
)
def test_entries_of_which_nothing_honest_can_be_made(tmp_path: Path, broken: dict, code: str):
    rows = list(read(write(tmp_path, a=[entry() | broken, entry("abc_2")]), nobody))
    [refusal] = [row for row in rows if isinstance(row, Refusal)]
    assert (refusal.problem["code"], refusal.where) == (code, "a.json, entry 1")
    assert [row.operation["type"] for row in rows if isinstance(row, Item)][-1] == "statement"


@pytest.mark.parametrize("text", ["{", "{}", "5", "\xff"])
def test_another_file_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "a.json"
    file.write_text(text, encoding="latin-1")
    [_, refusal] = sorted(read([file], nobody), key=lambda row: isinstance(row, Refusal))
    assert isinstance(refusal, Refusal)


def test_entries_that_are_no_objects(tmp_path: Path):
    [refusal] = [row for row in read(write(tmp_path, a=[5]), nobody) if isinstance(row, Refusal)]
    assert refusal.problem["code"] == "no_identifier"


def test_loading_twice_changes_nothing(parley: Client, tmp_path: Path):
    data = {"name": "Olena Bondar", "other_names": [{"name": "Олена Бондар", "lang": "uk"}]}
    parley.upsert("people", "x:bondar", data)
    files = write(tmp_path, a=[entry(), entry("abc_2")], a_en=[english()])
    assert load(parley, "addresses", files).created == 5
    before = everything(parley)
    assert load(parley, "addresses", files).unchanged == 5
    assert everything(parley) == before
    [first, _] = parley.get("/v1/statements", sort="id")["items"]
    assert (first["speaker"]["name"], len(first["texts"])) == ("Olena Bondar", 2)


def test_the_real_addresses(parley: Client, shared: Callable[[str], Path]):
    files = sorted(shared("statements_ua").glob("*.json"))
    report = load(parley, "addresses", files)
    assert (report.refused, report.updated, report.unchanged) == (0, 0, 0), str(report)
    before = everything(parley)
    assert load(parley, "addresses", files).unchanged == report.created
    assert everything(parley) == before
    items = parley.get("/v1/statements", limit=500)["items"]
    # every entry of the input is in some record
    held = Counter(place for item in items for place in json.loads(item["sources"][0]["locator"])["raw"])
    assert held.keys() == {file.name for file in files}
    assert sum(len(item["texts"]) == 2 for item in items) > 80
