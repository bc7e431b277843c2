"""IATI, old and new: amounts, currencies and dates resolved; hostile and broken files refused whole."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

import schemas.actors
import schemas.pledges
import schemas.sources
import schemas.transactions  # noqa: F401
from ingest import iati, reference
from ingest.items import Item, Refusal, Unmatched
from schemas.base import BODIES, load
from schemas.pledges import contradiction

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = {
    name.casefold(): address
    for _, address, body in reference.records()
    for name in [body["name"], *(other["name"] for other in body.get("other_names", []))]
}


def look(name: str) -> str:
    try:
        return NAMES[name.casefold()]
    except KeyError:
        raise Unmatched(name, []) from None


def read(*files: Path) -> tuple[dict[tuple[str, str], dict], list[Refusal], Counter]:
    records, refusals, money = {}, [], Counter()
    for entry in iati.read(list(files), look):
        for currency, value in entry.money:
            money[currency] += value
        if isinstance(entry, Refusal):
            refusals.append(entry)
        else:
            kind, data = entry.operation["type"], entry.operation["data"]
            assert load(BODIES[kind], data)[1] == []
            records[kind, entry.operation["identifier"]] = data
    return records, refusals, money


@pytest.fixture(scope="module")
def old():
    return read(FIXTURES / "iati_1.xml")


@pytest.fixture(scope="module")
def new():
    return read(FIXTURES / "iati_2.xml")


def raw(record: dict) -> dict:
    return json.loads(record["sources"][0]["locator"])["raw"]


def test_an_activity_is_a_pledge_of_what_it_commits(old):
    pledge = old[0]["pledge", "iati:GB-1-100-101"]
    assert pledge["amount"] == {"value": "1000", "currency": "GBP"}
    assert pledge["donors"] == [{"actor": "iso3166-1:GBR"}, {"actor": "iati-org:GB-1", "role": "channel"}]
    assert pledge["recipients"] == ["iso3166-1:COD"]
    assert "ZZ" in pledge["note"]
    assert (pledge["title"], pledge["purpose"]) == ("Wells", "Wells for two provinces")
    assert (pledge["category"], pledge["finance_type"], pledge["status"]) == ("humanitarian", "grant", "disbursed")
    assert (pledge["effective_from"], pledge["effective_to"]) == ("2010-01-01", "2012-12-31")
    assert raw(pledge)["recipient-country"][0]["percentage"] == "60"
    assert "person@example.org" not in str(old[0]) and "contact-info" in iati.DROPPED


def test_default_currency_and_dates_are_resolved(old):
    first, second, fourth = (old[0]["transaction", f"iati:GB-1-100-101;{n}"] for n in (1, 2, 4))
    assert (first["kind"], first["dated"], first["amount"]["currency"]) == ("commitment", "2010-01-15", "GBP")
    assert (second["dated"], second["amount"]["value"]) == ("2010-03-01", "-0.5")  # no date but that of the value
    assert (fourth["kind"], fourth["amount"]["value"]) == ("disbursement", "30")
    assert raw(first)["value"] == [{"value-date": "2010-02-01", "text": "1000.50"}]


def test_money_in_another_currency_is_another_pledge(old):
    dollars = old[0]["pledge", "iati:GB-1-100-101;USD"]
    assert "amount" not in dollars and dollars["status"] == "disbursed"
    assert dollars["donors"] == [{"actor": "iati-org:GB-1"}]
    paid = old[0]["transaction", "iati:GB-1-100-101;3"]
    assert (paid["pledge"], paid["amount"]) == ("iati:GB-1-100-101;USD", {"value": "20", "currency": "USD"})


def test_what_is_refused_and_why(old):
    _, refusals, money = old
    assert [(refusal.where, refusal.problem["code"]) for refusal in refusals] == [
        ("iati_1.xml, activity 1", "no_transaction"),
        ("iati_1.xml, activity 2", "impossible_amount"),
        ("iati_1.xml, activity 2", "impossible_date"),
    ]
    assert refusals[2].money == [("GBP", Decimal(44))]
    assert money == Counter({"GBP": Decimal(1074), "USD": Decimal(20)})  # 999 that only came in are named in DROPPED


def test_providers_with_their_parts_are_stated(new):
    pledge = new[0]["pledge", "iati:XM-EX-7"]
    assert pledge["apportionment"] == "stated"
    assert pledge["donors"] == [
        {"actor": "iso3166-1:DEU", "amount": {"value": "100", "currency": "EUR"}},
        {"actor": "iso3166-1:FRA", "amount": {"value": "50", "currency": "EUR"}},
    ]
    assert (pledge["title"], pledge["purpose"]) == ("Shelter", "Roofs before winter\n\nWarm homes")
    assert (pledge["category"], pledge["finance_type"], pledge["announced_on"]) == (
        "humanitarian",
        "loan",
        "2022-03-01",
    )
    assert raw(pledge)["title"][0]["narrative"][0] == {"text": "Abri"}
    assert raw(pledge)["participating-org"][0]["narrative"] == [{"text": "Roofers"}]


def test_what_others_commit_to_it_stands_apart(new):
    pledge = new[0]["pledge", "iati:XM-EX-7;incoming"]
    assert pledge["donors"] == [{"actor": "iso3166-1:NOR"}]
    assert pledge["amount"] == {"value": "70", "currency": "EUR"}


def test_a_promise_alone_has_no_transaction(new):
    pledge = new[0]["pledge", "iati:XM-EX-7;CHF"]
    assert (pledge["amount"]["value"], pledge["announced_on"]) == ("5", "2022-02-01")
    assert ("transaction", "iati:XM-EX-7;d") not in new[0]
    assert raw(pledge)["transaction"][0]["ref"] == "d"
    assert new[2] == Counter({"EUR": Decimal(220), "CHF": Decimal(5)})


def test_a_cancelled_activity_agrees_with_its_transactions(new):
    for (kind, name), pledge in new[0].items():
        if kind == "pledge":
            own = [data for data in new[0].values() if data.get("pledge") == name]
            assert pledge["status"] == "cancelled"
            assert contradiction(pledge, own) is None


def test_everything_is_there_before_it_is_referred_to():
    seen: set[str] = set()
    for entry in iati.read([FIXTURES / "iati_1.xml", FIXTURES / "iati_2.xml"], look):
        if isinstance(entry, Item):
            data = entry.operation["data"]
            actors = [donor["actor"] for donor in data.get("donors", [])] + [data.get("publisher"), data.get("pledge")]
            wanted = {name for name in [*actors, *(s["source"] for s in data.get("sources", []))] if name}
            assert {name for name in wanted if not name.startswith(("iso3166-1:", "parley:"))} <= seen
            seen.add(entry.operation["identifier"])


# --- broken and hostile files --------------------------------------------------------------------------------------

GOOD = (FIXTURES / "iati_2.xml").read_bytes()
BOMB = b"<!DOCTYPE x [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;" * 10) for n in range(12)
) + b"]><iati-activities>&a11;</iati-activities>"  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (GOOD.replace(b"</title>", b"</tittle>"), "ill_formed", "line 6, column"),
        (GOOD[:-30], "ill_formed", "line 22, column 3"),
        (GOOD.replace(b"winter", b"winter & snow"), "ill_formed", "line 7, column"),
        (GOOD.replace(b"winter", b"\xff\xfe"), "ill_formed", "line 7, column"),
        (GOOD.replace(b'encoding="UTF-8"', b'encoding="klingon"'), "ill_formed", "encoding"),
        (b"", "ill_formed", "line 1, column"),
        (BOMB, "hostile_xml", "declares"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><iati-activities/>', "hostile_xml", "declares"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "hostile_xml", "declares"),
        (b"<html/>", "unknown_form", "<html>"),
        (b"<iati-activities>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</iati-activities>", "too_large", "deeper"),
    ],
)  # fmt: skip
def test_nothing_of_a_broken_file_is_loaded(tmp_path, body, code, says):
    (tmp_path / "broken.xml").write_bytes(body)
    records, [refusal], _ = read(tmp_path / "broken.xml")
    assert records == {}
    assert refusal.problem["code"] == code
    assert says in refusal.problem["detail"] and "broken.xml" in refusal.problem["detail"]


def test_an_endless_text_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(iati, "SILENCE", 1 << 20)
    (tmp_path / "long.xml").write_bytes(b"<iati-activities><a>" + b"x" * (2 << 20) + b"</a></iati-activities>")
    _, [refusal], _ = read(tmp_path / "long.xml")
    assert refusal.problem["code"] == "too_large"


def test_a_long_activity_takes_several_citations(tmp_path):
    places = b"".join(
        b'<location ref="%d"><name><narrative>%s</narrative></name></location>' % (n, b"x" * 500) for n in range(99)
    )
    (tmp_path / "long.xml").write_bytes(GOOD.replace(b"<own:colour>", places + b"<own:colour>"))
    records, _, _ = read(tmp_path / "long.xml")
    located = [json.loads(source["locator"]) for source in records["pledge", "iati:XM-EX-7"]["sources"]]
    assert len(located) > 2
    assert [place["ref"] for entry in located for place in entry["raw"].get("location", [])] == [
        str(n) for n in range(99)
    ]


DOCS = Path(__file__).parents[2] / "docs" / "formats" / "iati.md"


def test_all_that_is_dropped_is_documented():
    text = DOCS.read_text(encoding="utf-8")
    elements = [name for name in iati.DROPPED if not name.startswith("transaction ")]
    assert [name for name in elements if f"`{name}`" not in text] == []


# --- the real thing ------------------------------------------------------------------------------------------------

REAL = next((p / "shared" / "data" / "iati" for p in Path(__file__).parents if (p / "shared" / "data").is_dir()), None)


@pytest.mark.skipif(REAL is None, reason="the real files are not here")
@pytest.mark.parametrize("name", ["CD.xml", "many_activities.xml", "default_currency.xml"])
def test_a_real_file_comes_out_whole(name):
    expected: Counter = Counter()
    for activity in ElementTree.parse(REAL / name).getroot().iter("iati-activity"):
        for value in activity.iterfind("transaction/value"):
            expected[value.get("currency") or activity.get("default-currency")] += Decimal(value.text)
    records, refusals, money = read(REAL / name)
    assert money == expected
    assert {refusal.problem["code"] for refusal in refusals} <= {"no_transaction"}
    stored = sum(Decimal(data["amount"]["value"]) for (kind, _), data in records.items() if kind == "transaction")
    assert stored == sum(expected.values())
