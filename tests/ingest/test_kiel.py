"""The Ukraine Support Tracker: any release, by content; dates kept honest; money to the cent."""

import csv
import io
import json
import zipfile
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

import schemas.pledges
import schemas.sources  # noqa: F401
from ingest import kiel, reference, tables
from ingest.items import Item, Refusal, Unmatched
from ingest.kiel_dates import Calendar, together
from ingest.making import Refused
from schemas.base import BODIES, load

FILE = Path(__file__).parent / "fixtures" / "kiel.csv"
ROWS = list(csv.reader(io.StringIO(FILE.read_text(encoding="utf-8"), newline="")))
NAMES = {
    name.casefold(): address
    for _, address, body in reference.records()
    for name in [body["name"], *(other["name"] for other in body.get("other_names", []))]
} | {"czech republic": "iso3166-1:CZE"}


def look(name: str) -> str:
    try:
        return NAMES[name.casefold()]
    except KeyError:
        raise Unmatched(name, [{"name": "Atlanta"}]) from None


def read(*files: Path) -> tuple[dict[str, dict], list[Refusal], Counter]:
    """Records by address, refusals, and money by currency of all that came out."""
    records, refusals, money = {}, [], Counter()
    for entry in kiel.read(list(files), look):
        for currency, value in entry.money:
            money[currency] += value
        if isinstance(entry, Refusal):
            refusals.append(entry)
        else:
            kind, data = entry.operation["type"], entry.operation["data"]
            assert load(BODIES[kind], data)[1] == []
            records[entry.operation["identifier"]] = data
    return records, refusals, money


def raw(pledge: dict, item: int = 1) -> dict:
    located = [json.loads(source["locator"]) for source in pledge["sources"] if "locator" in source]
    return next(entry for entry in located if entry["item"] == item).get("raw", {})


@pytest.fixture(scope="module")
def small():
    return read(FILE)


def test_a_package_is_a_pledge_and_its_rows_are_items(small):
    pledge = small[0]["kiel:NLM1"]
    assert pledge["donors"] == [{"actor": "iso3166-1:NLD"}]
    assert pledge["recipients"] == ["iso3166-1:UKR"]
    assert (pledge["category"], pledge["finance_type"], pledge["status"]) == ("military", "in_kind", "committed")
    assert pledge["amount"] == {"value": "1234567.123457", "currency": "EUR"}
    assert pledge["amount_basis"] == "estimated"
    helmet, radar = pledge["items"]
    assert (helmet["description"], helmet["quantity"], helmet["quantity_delivered"]) == ("helmet", 3000, 3000)
    assert helmet["valuation"]["value"] == "1000000"
    assert "quantity" not in radar and "valuation" not in radar


def test_what_has_no_property_is_kept_raw(small):
    assert raw(small[0]["kiel:NLM1"])["mood of the day"] == "calm"
    assert raw(small[0]["kiel:NLM1"])["converted value in eur"] == "1234567.1234567"
    assert raw(small[0]["kiel:NLM1"])["monetary value as given by source"] == "Not given"
    second = raw(small[0]["kiel:NLM1"], 2)
    assert second["no of units"] == "undisclosed"
    assert second["value committed own estimate in usd"] == "No price"
    assert "month3" not in second and "month3" in kiel.DROPPED
    assert "official source" not in second  # said once for the package


def test_bodies_of_the_eu_are_donors(small):
    pledge = small[0]["kiel:EUF1"]
    assert pledge["donors"] == [{"actor": "parley:eu"}]
    assert (pledge["finance_type"], pledge["amount_basis"]) == ("loan", "stated")


def test_sources_are_addresses_or_words(small):
    cited = [small[0][source["source"]] for source in small[0]["kiel:EUF1"]["sources"]]
    assert [source["kind"] for source in cited] == ["dataset", "official", "other"]
    assert cited[1]["url"] == "https://ec.europa.eu/two"
    assert cited[2]["title"] == "Speech of the president"
    delivery = [small[0][source["source"]] for source in small[0]["kiel:NLM1"]["sources"]][-1]
    assert (delivery["kind"], delivery["url"]) == ("social", "https://twitter.com/somebody/1")


def test_nothing_stated_is_nothing_stored(small):
    assert not {"amount", "items", "amount_basis", "finance_type"} & small[0]["kiel:SEH1"].keys()


def test_what_is_refused_and_why(small):
    refused = {entry.row["rows"][0]["id"]: entry for entry in small[1]}
    assert {name: entry.problem["code"] for name, entry in refused.items()} == {
        "PLM1": "impossible_date",
        "XXM1": "unknown_actor",
        "DEM1": "unknown_currency",
    }
    assert "2922-02-09" in refused["PLM1"].problem["detail"]
    assert refused["PLM1"].where == "kiel.csv, row 6"
    assert refused["XXM1"].problem["candidates"] == [{"name": "Atlanta"}]


def test_one_bad_date_of_several_is_flagged(small):
    pledge = small[0]["kiel:ITM1"]
    assert pledge["announced_on"] == "2022-04-07"
    assert "2099" in pledge["note"]
    assert "the first is taken, not added to 70 EUR" in pledge["note"]


def test_money_is_that_of_the_first_rows_to_the_cent(small):
    _, refusals, money = small
    expected: Counter = Counter()
    for n, row in enumerate(ROWS[1:]):
        value = tables.number(row[14])
        if value is not None and row[0] != ROWS[n][0]:
            expected[row[6] or "?"] += value
    assert money == expected
    assert sum(value for entry in refusals for _, value in entry.money) == Decimal("609.99")


# --- forms of a release --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encoding_and_delimiter_do_not_matter(tmp_path, small, encoding, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(ROWS)
    body = text.getvalue().replace("calm", "caf\xe9")
    (tmp_path / "kiel.csv").write_bytes(body.encode(encoding))
    records, _, money = read(tmp_path / "kiel.csv")
    assert money == small[2]
    assert raw(records["kiel:NLM1"])["mood of the day"] == "caf\xe9"


def workbook(path: Path, header: list[str]) -> Path:
    book = openpyxl.Workbook()
    readme = book.active
    readme.append(["Ukraine Support Tracker – 9th release (covering January 24, 2022 to January 15, 2023)"])
    other = book.create_sheet("Commercial")
    other.append(header)
    other.append(ROWS[3])
    main = book.create_sheet("Main")
    for row in ([], ["A title above"], header):
        main.append(row)
    for row in ROWS[1:]:
        cells = [float(cell) if tables.number(cell) is not None and at != 2 else cell for at, cell in enumerate(row)]
        cells[2] = datetime.fromisoformat(row[2]) if row[2].endswith("00:00:00") else row[2]
        main.append(cells)
    book.save(path)
    return path


def test_a_workbook_reads_like_its_csv(tmp_path, small):
    header = list(ROWS[0])
    header[8] = ""  # as in release 7
    records, refusals, money = read(workbook(tmp_path / "release_09.xlsx", header))
    assert money == small[2]
    assert len(refusals) == len(small[1])
    assert {name: records[name] for name in records if name != kiel.TRACKER} == {
        name: data for name, data in small[0].items() if name != kiel.TRACKER
    }
    assert refusals[0].where == "release_09.xlsx, sheet Main, row 8"


def test_columns_go_by_name_in_any_spelling_and_order(tmp_path, small):
    names = {
        "ID": "activity_id", "Countries": "donor", "Announcement Date": "announcement_date",
        "Type of Aid General": "aid_type_general", "Type of Aid Specific": "aid_type_specific",
        "Original Currency": "reporting_currency", "Monetary Value as Given by Source": "source_reported_value",
        "Items": "item", "Type of Item": "item_type", "No. of Units": "item_numb", "Total ": "tot_activity_value",
        "No. of Units Delivered (in-kind military aid)": "item_numb_deliv", "Explanation": "explanation",
        "Value Committed (own estimate, in USD)": "item_value_estimate_USD",
    }  # fmt: skip
    rows = [[names.get(cell, cell) for cell in ROWS[0]], *ROWS[1:]]
    with (tmp_path / "later.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*reversed(row), "Allocation" if n else "measure"] for n, row in enumerate(rows))
    records, _, money = read(tmp_path / "later.csv")
    assert money == small[2]
    assert records["kiel:NLM1"]["items"] == small[0]["kiel:NLM1"]["items"]
    assert records["kiel:NLM1"]["status"] == "allocated"


def test_reading_twice_says_the_same(small):
    assert read(FILE)[0] == small[0]


def test_sums_of_the_website_are_refused_in_one_sentence(tmp_path):
    (tmp_path / "sums.csv").write_text('"country","iso","year","total"\n"Australia","AUS",2022,0.002645\n')
    records, [refusal], _ = read(tmp_path / "sums.csv")
    assert records == {}
    assert refusal.problem["code"] == "unknown_table"
    assert "sums" in refusal.problem["detail"]


def test_a_bomb_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"<c/>" * (1 << 20))
    _, [refusal], _ = read(tmp_path / "bomb.xlsx")
    assert refusal.problem["code"] == "too_large"


@pytest.mark.parametrize(
    "body", [b"PK\x03\x04 no archive", b"", b"\x00" * 5000, b"\xd0\xcf\x11\xe0" + bytes(range(256))]
)
def test_what_is_no_table_is_refused(tmp_path, body):
    (tmp_path / "file.xlsx").write_bytes(body)
    records, [refusal], _ = read(tmp_path / "file.xlsx")
    assert records == {}
    assert "file.xlsx" in refusal.problem["detail"]


def test_entities_in_a_workbook_are_refused(tmp_path):
    good = workbook(tmp_path / "good.xlsx", ROWS[0])
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(tmp_path / "bad.xlsx", "w") as new:
        for name in old.namelist():
            body = old.read(name)
            if name == "xl/worksheets/sheet3.xml":
                body = b'<!DOCTYPE x [<!ENTITY a "boom">]>' + body.replace(b"<?xml", b"<!--").replace(b"?>", b"-->")
            new.writestr(name, body)
    records, refusals, _ = read(tmp_path / "bad.xlsx")
    assert records == {}
    assert [refusal.problem["code"] for refusal in refusals] == ["unreadable_file"]


# --- dates ---------------------------------------------------------------------------------------------------------

MONTH_FIRST = ["until 12/21/2022", "6/27/2022", "until 4/13/2022"]


@pytest.mark.parametrize(
    ("text", "edtf"),
    [
        ("2022-03-01", "2022-03-01"),
        ("2022-03-01 00:00:00", "2022-03-01"),
        ("44621", "2022-03-01"),  # Excel's own number of the day
        ("until 6/7/2022", "../2022-06-07"),
        ("unti  5/7/2022", "../2022-05-07"),
        ("until 17/10/2022", "../2022-10-17"),
        ("unclear, 10/2022", "2022-10~"),
        ("not specified, 03/22", "2022-03~"),
        ("unspecified, 8/2022", "2022-08~"),
        ("after 12/21/2022", "2022-12-21/.."),
        ("since 2/24/2022", "2022-02-24/.."),
        ("until 11/2022", "../2022-11"),
        ("between 3/4/22 & 3/11/22", "2022-03-04/2022-03-11"),
        ("between 3/20/2022 and 7/1/2022", "2022-03-20/2022-07-01"),
        ("25/07/2022", "2022-07-25"),
        ("March 5, 2022", "2022-03-05"),
        ("5 March 2022", "2022-03-05"),
        ("Undisclosed", None),
        ("unspecified", None),
        ("until 09/08/2022", "[..2022-08-09,..2022-09-08]"),  # padded, and no padded date shows a habit
        ("04/04/2022", "2022-04-04"),
        ("04/10/2022", "[2022-04-10,2022-10-04]"),
        ("03/01/2023", "2023-01-03"),  # the other way round, the release could not know of it
    ],
)  # fmt: skip
def test_dates(text, edtf):
    calendar = Calendar([*MONTH_FIRST, text], ["Tracker (covering January 24 to October 3, 2022)"])
    assert together([meanings for meanings in [calendar.read(text)] if meanings]) == edtf


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2922-02-09", "impossible_date"),
        ("1922-02-09", "impossible_date"),
        ("until 6/7/2023", "impossible_date"),
        ("2022-02-30", "impossible_date"),
        ("13/13/2022", "impossible_date"),
        ("between 7/1/2022 and 3/20/2022", "impossible_date"),
        ("when it rains", "unknown_date"),
    ],
)
def test_dates_that_cannot_be(text, code):
    with pytest.raises(Refused) as caught:
        Calendar(MONTH_FIRST, ["covering January 24 to October 3, 2022"]).read(text)
    assert caught.value.problem["code"] == code


def test_without_a_habit_a_date_stays_one_of_two():
    assert together([Calendar(["6/7/2022"]).read("6/7/2022")]) == "[2022-06-07,2022-07-06]"


def test_the_habit_may_be_day_first():
    calendar = Calendar(["29/4/2022", "25/7/2022", "until 17/10/2022"])
    assert together([calendar.read("until 6/7/2022")]) == "../2022-07-06"


def test_a_quarrel_is_no_habit():
    calendar = Calendar(["29/4/2022", "25/7/2022", "12/21/2022", "6/27/2022"])
    assert len(calendar.read("6/7/2022")) == 2


def test_many_dates_of_a_package_become_a_set_or_a_span():
    days = [f"2022-{month:02}-01" for month in range(1, 13)]
    calendar = Calendar(days)
    assert together([calendar.read(day) for day in days[:2]]) == "{2022-01-01,2022-02-01}"
    assert together([calendar.read(day) for day in days]) == "2022-01-01/2022-12-01"


DOCS = Path(__file__).parents[2] / "docs" / "formats" / "kiel.md"


def test_all_that_is_dropped_is_documented():
    text = tables.words(DOCS.read_text(encoding="utf-8"))
    assert [name for name in kiel.DROPPED if name not in text] == []


# --- the real thing ------------------------------------------------------------------------------------------------

REAL = next((p / "shared" / "data" / "kiel" for p in Path(__file__).parents if (p / "shared" / "data").is_dir()), None)


@pytest.mark.skipif(REAL is None, reason="the real releases are not here")
@pytest.mark.parametrize(("name", "packages"), [("release_07.xlsx", 432), ("release_09_main.csv", 573)])
def test_a_real_release_comes_out_whole(name, packages):
    entries = list(kiel.read([REAL / name], look_widely))
    pledges = [entry for entry in entries if isinstance(entry, Item) and entry.operation["type"] == "pledge"]
    refusals = [entry for entry in entries if isinstance(entry, Refusal)]
    assert len(pledges) + len(refusals) == packages
    assert {refusal.problem["code"] for refusal in refusals} <= {"impossible_date"}
    for entry in pledges:
        stored = entry.operation["data"].get("amount")
        assert bool(entry.money) == bool(stored)
        if stored:
            assert abs(entry.money[0][1] - Decimal(stored["value"])) < Decimal("0.000001")


def look_widely(name: str) -> str:
    return look({"Turkey": "Türkiye"}.get(name, name))
