"""OCHA's Financial Tracking Service: pages of the API, and the CSV with and without its row of HXL tags."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

import schemas.actors
import schemas.pledges
import schemas.sources
import schemas.transactions  # noqa: F401
from ingest import fts, reference
from ingest.items import Item, Refusal, Unmatched
from ingest.run import load as load_files
from schemas.base import BODIES, load
from tests.ingest.conftest import everything

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = {
    name.casefold(): address
    for _, address, body in reference.records()
    for name in [body["name"], *(other["name"] for other in body.get("other_names", []))]
}


def look(name: str) -> str:
    try:
        return NAMES[name.casefold().removesuffix(", government of").removesuffix(" (kingdom of)")]
    except KeyError:
        raise Unmatched(name, []) from None


def read(*files: Path) -> tuple[dict[tuple[str, str], dict], list[Refusal], Counter]:
    records, refusals, money = {}, [], Counter()
    for entry in fts.read(list(files), look):
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
def page():
    return read(FIXTURES / "fts.json")


def test_a_shared_flow_is_one_pledge_of_two_donors(page):
    pledge = page[0]["pledge", "fts:1001"]
    assert pledge["apportionment"] == "unsplit"
    assert pledge["donors"] == [
        {"actor": "iso3166-1:NOR"},
        {"actor": "iso3166-1:SWE"},
        {"actor": "fts-organization:77", "role": "channel"},
    ]
    assert pledge["recipients"] == ["iso3166-1:UKR"]
    assert (pledge["category"], pledge["status"]) == ("humanitarian", "disbursed")
    assert (pledge["announced_on"], pledge["effective_from"], pledge["effective_to"]) == ("2023-01-02", "2023", "2024")


def test_money_stays_as_it_was_promised(page):
    pledge = page[0]["pledge", "fts:1001"]
    assert pledge["amount"] == {"value": "1000", "currency": "EUR"}
    assert pledge["amount_basis"] == "stated"
    assert pledge["note"] == "FTS converts it to 1099.13 USD, at 0.9098 EUR for 1 USD."
    assert page[2] == Counter({"EUR": Decimal(1000), "USD": Decimal(250_718)})


def test_what_happened_is_a_transaction(page):
    paid = page[0]["transaction", "fts:1001-disbursement"]
    assert (paid["pledge"], paid["dated"]) == ("fts:1001", "2023-01-03")
    assert paid["amount"] == {"value": "1000", "currency": "EUR"}
    assert page[0]["transaction", "fts:1000-commitment"]["kind"] == "commitment"
    assert ("transaction", "fts:1003-commitment") not in page[0]  # a promise alone


def test_nought_is_no_amount_and_families_are_kept(page):
    parent = page[0]["pledge", "fts:1000"]
    assert "amount" not in parent
    assert parent["note"] == "FTS states an amount of 0, which is kept as none."
    [source] = parent["sources"]
    assert json.loads(source["locator"])["raw"]["childFlowIds"] == [1001]
    child = json.loads(page[0]["pledge", "fts:1001"]["sources"][0]["locator"])["raw"]
    assert child["parentFlowId"] == 1000
    assert [end["behavior"] for end in child["sourceObjects"]] == ["shared", "shared", "single"]
    assert "boundary" not in child and "boundary" in fts.DROPPED


def test_goods_are_delivered(page):
    pledge = page[0]["pledge", "fts:1002"]
    assert (pledge["finance_type"], pledge["status"], pledge["amount_basis"]) == ("in_kind", "delivered", "converted")
    assert page[0]["transaction", "fts:1002-delivery"]["kind"] == "delivery"


def test_money_passed_on_in_the_country_does_not_count_for_it_again(page):
    pledge = page[0]["pledge", "fts:1003"]
    assert pledge["donors"] == [{"actor": "fts-organization:88"}]
    assert pledge["recipients"] == ["fts-organization:77"]
    assert pledge["status"] == "pledged"


def test_organisations_come_under_their_own_id_before_they_are_needed():
    order = [
        entry.operation["identifier"] for entry in fts.read([FIXTURES / "fts.json"], look) if isinstance(entry, Item)
    ]
    assert order.index("fts-organization:77") < order.index("fts:1001")
    assert order.count("fts-organization:77") == 1


def test_what_is_refused_and_why(page):
    assert {refusal.row["id"]: refusal.problem["code"] for refusal in page[1]} == {
        "1004": "no_donor",
        "1005": "impossible_date",
        "1006": "unknown_actor",
    }
    assert page[1][0].where == "fts.json, flow 5"


def test_a_row_of_the_csv_says_the_same(page):
    records, [refusal], money = read(FIXTURES / "fts.csv")
    pledge = records["pledge", "fts:1001"]
    for name in ("title", "apportionment", "recipients", "amount", "announced_on", "effective_to", "status", "note"):
        assert pledge[name] == page[0]["pledge", "fts:1001"][name]
    assert pledge["donors"][2] == {"actor": "fts-organization:blanket-brigade", "role": "channel"}
    assert records["pledge", "fts:1002"]["recipients"] == ["iso3166-1:MDA", "iso3166-1:UKR"]
    assert refusal.problem["code"] == "no_donor"
    assert refusal.where == "fts.csv, row 5"
    assert money == Counter({"EUR": Decimal(1000), "USD": Decimal(250_005)})


def test_the_csv_needs_no_tags(tmp_path):
    lines = (FIXTURES / "fts.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "fts.csv").write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
    assert read(tmp_path / "fts.csv")[0] == read(FIXTURES / "fts.csv")[0]


def test_several_pages_are_read_in_order(page, tmp_path):
    whole = json.loads((FIXTURES / "fts.json").read_text(encoding="utf-8"))
    flows = whole["data"]["flows"]
    for name, part in (("a.json", flows[:3]), ("b.json", flows[3:])):
        (tmp_path / name).write_text(json.dumps(whole | {"data": {"flows": part}}), encoding="utf-8")
    assert read(tmp_path / "a.json", tmp_path / "b.json")[0] == page[0]


def test_both_forms_of_a_flow_keep_what_they_alone_say(peopled, tmp_path):
    lines = (FIXTURES / "fts.csv").read_text("utf-8").splitlines(keepends=True)[:3]
    (tmp_path / "fts.csv").write_text("".join(lines).replace(",UKR,", ",MDA,"))  # of the places, one that was asked for
    page, row = [FIXTURES / "fts.json"], [tmp_path / "fts.csv"]
    load_files(peopled, "fts", page)
    added = load_files(peopled, "fts", row)
    assert added.rows["pledge"] == Counter(updated=1)
    before = everything(peopled)
    assert load_files(peopled, "fts", page).unchanged == 8
    assert load_files(peopled, "fts", row).unchanged == 3
    assert everything(peopled) == before
    assert [one["name"] for one in peopled.get("/v1/pledges/fts:1001")["recipients"]] == ["Ukraine"]
    cites = [json.loads(entry["locator"]) for entry in peopled.get("/v1/pledges/fts:1001")["sources"]]
    assert [(at["form"], at["flow"]) for at in cites] == [("api", "1001"), ("csv", "1001")]
    assert "keywords" in cites[0]["raw"] and cites[1]["raw"]["destPlan"] == "Winter plan"


def test_a_later_row_of_the_csv_counts_for_more(peopled, tmp_path):
    head, _, row = (FIXTURES / "fts.csv").read_text("utf-8").splitlines()[:3]
    (tmp_path / "fts.csv").write_text(f"{head},updatedAt\n{row.replace(',UKR,', ',MDA,')},2023-01-07\n")
    load_files(peopled, "fts", [FIXTURES / "fts.json"])
    load_files(peopled, "fts", [tmp_path / "fts.csv"])
    assert [one["name"] for one in peopled.get("/v1/pledges/fts:1001")["recipients"]] == ["Moldova"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "error", "message": "no such plan"}',
        b'{"data": {"flows": [1]}}',
        b'{"data": {"flows": [',
        b'{"data": {"flows": [{"amountUSD": NaN}]}}',
        b"[" * 100_000,
        b'{"data": {"flows": [{"id": ' + b"9" * 10_000 + b"}]}}",
        b"\xff\xfe{",
        b"plan,requirements\nHUKR23,5\n",
        b"",
    ],
)
def test_what_is_no_page_is_refused_whole(tmp_path, body):
    (tmp_path / "odd").write_bytes(body)
    records, [refusal], _ = read(tmp_path / "odd")
    assert records == {}
    assert "odd" in refusal.problem["detail"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": None}, "no_identifier"),
        ({"id": "1 2"}, "no_identifier"),
        ({"status": "dreamt"}, "unknown_status"),
        ({"amountUSD": -5}, "impossible_amount"),
        ({"originalAmount": "much"}, "impossible_amount"),
        ({"originalCurrency": "euro"}, "unknown_currency"),
        ({"date": "soon"}, "impossible_date"),
        ({"sourceObjects": "Norway"}, "unknown_form"),
        ({"sourceObjects": [5]}, "unknown_form"),
        (
            {"sourceObjects": [{"type": "Organization", "name": 5, "organizationTypes": 5}], "amountUSD": True},
            "impossible_amount",
        ),
        ({"description": "x", "keywords": "y" * 30_000}, "too_long"),
    ],
)
def test_a_flow_of_which_nothing_can_be_made(tmp_path, change, code):
    whole = json.loads((FIXTURES / "fts.json").read_text(encoding="utf-8"))
    flow = whole["data"]["flows"][0] | change
    (tmp_path / "one.json").write_text(json.dumps({"data": {"flows": [flow]}}), encoding="utf-8")
    _, [refusal], _ = read(tmp_path / "one.json")
    assert refusal.problem["code"] == code


DOCS = Path(__file__).parents[2] / "docs" / "formats" / "fts.md"


def test_all_that_is_dropped_is_documented():
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in fts.DROPPED if f"`{name}`" not in text] == []


# --- the real thing ------------------------------------------------------------------------------------------------

REAL = next((p / "shared" / "data" / "fts" for p in Path(__file__).parents if (p / "shared" / "data").is_dir()), None)


@pytest.mark.skipif(REAL is None, reason="the real pages are not here")
def test_real_pages_come_out_whole():
    files = sorted(REAL.glob("*.json"))
    flows = [flow for file in files for flow in json.loads(file.read_text(encoding="utf-8"))["data"]["flows"]]
    expected: Counter = Counter()
    for flow in flows:
        if flow.get("originalAmount"):
            expected[flow["originalCurrency"]] += Decimal(str(flow["originalAmount"]))
        elif flow["amountUSD"]:
            expected["USD"] += Decimal(str(flow["amountUSD"]))
    records, refusals, money = read(*files)
    assert money == expected
    assert sum(kind == "pledge" for kind, _ in records) + len(refusals) == len(flows)
    assert {refusal.problem["code"] for refusal in refusals} == {"no_donor"}
