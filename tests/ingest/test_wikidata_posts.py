"""Posts and holders: one person from several rows, dates as precise as they are, open ends left open."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.client import Client
from ingest.items import Item, Refusal
from ingest.run import load
from ingest.wikidata_posts import read
from tests.ingest.conftest import everything

HEAD = "position,person,personID,start,end,gender,DOB,DOD,image,enwiki\n"
HOLDERS = HEAD + (
    "Minister of Defence,Olena Bondar,Q11,2014-03,2016,female,1970-01-02,,Olena.jpg,Olena Bondar\n"
    "President,Ivan Melnyk,Q12,2010-02-25,2014-02-22,male,1950,,,\n"
    "Prime Minister,Olena Bondar,Q11,2012,2014-02,female,1970-01-02,,Olena.jpg,Olena Bondar\n"
    "ambassador to Spain,Олена Бондар,http://www.wikidata.org/entity/Q11,2020-10-22T00:00:00Z,,female,1970-01-03,,,\n"
    "Prime Minister,Olena Bondar,Q11,2012,2014-02,female,1970-01-02,,Olena.jpg,Olena Bondar\n"
)
POSTS = (
    "id,position,country,jurisdiction,deputy,list,start,end,before,after,enwiki\n"
    "Q1,Minister of Defence of Nowhere,Q9,Q9,,,1991,,,,\n"
    "Q2,President of Nowhere,Q9,,,,,,,,\n"
    "Q3,Prime Minister of Nowhere,,,,,,,,,\n"
    "Q4,Prime Minister of Elsewhere,,,,,,,,,\n"
)


def people(tmp_path: Path, *texts: str) -> dict[str, Item | Refusal]:
    files = [tmp_path / f"{number}.csv" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    return {getattr(row, "operation", {}).get("identifier") or row.where: row for row in read(files, str)}


def test_several_rows_are_one_person(tmp_path: Path):
    found = people(tmp_path, HOLDERS)
    assert list(found) == ["wikidata:Q2013", "wikidata:Q11", "wikidata:Q12"]
    data = found["wikidata:Q11"].operation["data"]
    assert data["identifiers"] == [{"scheme": "wikidata", "identifier": "Q11"}]
    assert (data["name"], data["other_names"]) == ("Olena Bondar", [{"name": "Олена Бондар", "kind": "spelling"}])
    assert data["positions"] == [
        {"title": "Prime Minister", "from": "2012", "to": "2014-02"},
        {"title": "Minister of Defence", "from": "2014-03", "to": "2016"},
        {"title": "ambassador to Spain", "from": "2020-10-22"},  # until when, nobody says
    ]
    assert found["wikidata:Q11"].where == "0.csv, row 2; 0.csv, row 4; 0.csv, row 5; 0.csv, row 6"


def test_what_has_no_property_is_kept(tmp_path: Path):
    found = people(tmp_path, HOLDERS, POSTS)
    [cited] = found["wikidata:Q11"].operation["data"]["sources"]
    kept = json.loads(cited["locator"])
    assert (cited["source"], kept["id"]) == ("wikidata:Q2013", "Q11")
    assert kept["raw"] == {
        "gender": "female",
        "dob": ["1970-01-02", "1970-01-03"],  # the rows disagree
        "image": "Olena.jpg",
        "enwiki": "Olena Bondar",
        "posts": {
            "Minister of Defence": {
                "id": "Q1", "position": "Minister of Defence of Nowhere", "country": "Q9", "jurisdiction": "Q9",
                "start": "1991",
            }  # two posts are called Prime Minister of somewhere, so neither is hers for certain
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("President,Somebody,,2010,2014,,,,,", "no_identifier"),
        ("President,Somebody,L5,2010,2014,,,,,", "no_identifier"),
        (",Somebody,Q5,2010,2014,,,,,", "no_title"),
        ("President,Somebody,Q5,2014,2010,,,,,", "impossible_dates"),
        ("President,Somebody,Q5,2014-05-02,2014-05-01,,,,,", "impossible_dates"),
        ("President,Somebody,Q5,in May,2014,,,,,", "invalid_date"),
    ],
)
def test_rows_of_which_nothing_honest_can_be_made(tmp_path: Path, row: str, code: str):
    found = people(tmp_path, f"{HEAD}{row}\nMayor,Another,Q6,,,,,,,\n")
    assert found["0.csv, row 2"].problem["code"] == code
    assert found["0.csv, row 2"].row["person"] == "Somebody"
    assert found["wikidata:Q6"].operation["data"]["positions"] == [{"title": "Mayor"}]
    assert "wikidata:Q5" not in found


def test_a_bad_row_does_not_take_the_person_along(tmp_path: Path):
    found = people(tmp_path, f"{HEAD}President,Somebody,Q5,2014,2010,,,,,\nMayor,Somebody,Q5,2014-05,2014,,,,,\n")
    assert found["wikidata:Q5"].operation["data"]["positions"] == [{"title": "Mayor", "from": "2014-05", "to": "2014"}]


def test_an_unknown_value_of_wikidata_is_no_date(tmp_path: Path):
    row = "President,Somebody,Q5,t1234,http://www.wikidata.org/.well-known/genid/0a1b,,,,,"
    assert people(tmp_path, f"{HEAD}{row}\n")["wikidata:Q5"].operation["data"]["positions"] == [{"title": "President"}]


def test_another_table_is_refused(tmp_path: Path):
    found = people(tmp_path, "a,b\n1,2\n")
    assert found["0.csv"].problem["code"] == "unknown_table"


def test_loading_twice_changes_nothing(parley: Client, tmp_path: Path):
    file = tmp_path / "a.csv"
    file.write_text(HOLDERS)
    assert load(parley, "wikidata-posts", [file]).created == 3
    before = everything(parley)
    # the same rows in another order are the same
    head, *rows = HOLDERS.splitlines()
    file.write_text("\n".join([head, *sorted(rows, key=lambda row: "Олена" in row)]))
    assert load(parley, "wikidata-posts", [file]).unchanged == 3
    assert everything(parley) == before


def test_the_real_posts(parley: Client, shared: Callable[[str], Path]):
    files = sorted(shared("people_ua").glob("*.csv"))
    report = load(parley, "wikidata-posts", files)
    assert (report.refused, report.updated, report.unchanged) == (0, 0, 0)
    before = everything(parley)
    assert load(parley, "wikidata-posts", files).unchanged == report.created
    assert everything(parley) == before
    poroshenko = parley.get("/v1/people/wikidata:Q58077")["positions"]
    assert {"title": "President", "organization": None, "from": "2014-06-07", "to": "2019-05-20"} in poroshenko
