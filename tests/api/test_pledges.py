"""Pledges: who gives what to whom; parts that have to add up; what became of them."""

import json
import re
from pathlib import Path

import psycopg
import pytest

from schemas.pledges import LADDER, PledgeArgs, contradiction, outcome
from tests.world import untested, walk

FILTERS = {
    "donor=w:north": "cash shells hospital",
    "donor={league}": "bridge trucks",  # not what only passes through its hands
    "donor=w:south,{host}": "shells hospital bridge talk broken buses coaches lapsed atleast",
    "donor=w:nobody": "",
    "recipient=w:ministry": "bridge coaches",
    "recipient={host}": "cash shells hospital bridge talk coaches",
    "status=cancelled,expired": "broken lapsed",
    "status=announced": "bridge buses atleast",  # and not cash, which was committed, nor shells, which were delivered
    "status=committed": "cash channelled",
    "category=financial": "cash",
    "category=military,humanitarian": "shells hospital",
    "finance_type=loan": "bridge",
    "finance_type=grant,other": "cash atleast",
    "currency=USD": "hospital",
    "currency=UAH,NOK": "bridge atleast channelled",
    "amount_from=101": "cash bridge trucks atleast channelled",  # cash was raised to 150
    "amount_from=2000.01": "trucks atleast",  # of coal there may be more
    "amount_to=12.345": "talk broken buses coaches",
    "amount_to=12.344": "talk broken buses",
    "amount_from=1500&amount_to=1500": "bridge atleast",
    "amount_from=-1&currency=EUR": "cash talk broken buses coaches",
    "announced_at=w:summit": "cash",
    "announced_at={third},w:summit": "cash hospital",
    "process=w:talks": "cash",
    "process=w:old": "",
    "undelivered=true": "atleast",
    "undelivered=false": "cash shells hospital bridge trucks talk broken buses coaches lapsed channelled",
    "from=2025-07-02": "shells hospital bridge lapsed atleast channelled",
    "to=1999": "buses coaches",
    "from=2025-07-20&to=2025-07-21": "shells hospital bridge channelled",
    "from=2025-07-20&to=2025-07-21&date_match=certain": "hospital channelled",
    "from=2025&to=2025&date_match=certain": "cash hospital bridge lapsed channelled",
    "from=2025-09-01&date_match=possible": "bridge atleast",
    "from=2025-09-01&date_match=certain": "",
    "donor=w:north&from=2025-07&status=pledged,disbursed": "hospital",
    "q=coaches": "coaches",
    "q=rounds": "shells",
    "source=w:gazette": "bridge",
    "identifier=w:cash,w:talk": "cash talk",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(aid, query, found):
    assert aid.find("pledges", query) == found.split()


def test_every_filter_is_tested():
    assert untested(PledgeArgs, FILTERS) == set()


SORTS = {
    "sort=announced_on": "buses coaches broken bridge cash shells channelled hospital lapsed atleast trucks talk",
    "sort=-announced_on": "atleast lapsed hospital channelled shells cash bridge broken coaches buses talk trucks",
    "sort=amount": "talk broken buses coaches hospital cash channelled trucks shells bridge lapsed atleast",
    "sort=-amount": "trucks channelled cash hospital coaches buses broken talk atleast lapsed bridge shells",
    "sort=title": "bridge broken hospital shells buses cash coaches atleast lapsed talk trucks channelled",
    "sort=-effective_from&donor=w:south": "talk coaches buses broken bridge hospital shells",
    "sort=-id&donor=w:north": "hospital shells cash",
    "sort=-announced_on&donor=w:north": "hospital shells cash",
}


@pytest.mark.parametrize(("query", "found"), SORTS.items())
@pytest.mark.parametrize("limit", [2, 500])
def test_sorts_page_by_page(aid, query, found, limit):
    assert walk(aid, "pledges", f"{query}&limit={limit}") == found.split()


@pytest.mark.parametrize("query", ["amount_from=1e3", "amount_from=", "amount_to=1,5", "currency=EURO", "currency=eur",
                                   "currency=EUR,,USD", "undelivered=yes", "status=promised", "donor=nobody",
                                   "amount_from=NaN", "amount_to=1" + "0" * 20, "superseded_by=w:coaches"])  # fmt: skip
def test_what_is_no_query(aid, query):
    answer = aid.client.get(f"/v1/pledges?{query}")
    assert answer.status_code == 400
    [fault] = answer.json["errors"]
    assert fault["pointer"] == query.partition("=")[0]


def test_a_list_is_one_query(aid, queries):
    filters = "donor=w:north&recipient=w:host&process=w:talks&announced_at=w:summit&undelivered=false"
    aid.client.get(f"/v1/pledges?{filters}&include=transactions&sort=-announced_on")
    [(query, values)] = queries
    with psycopg.connect(aid.client.application.config["DATABASE_URL"]) as conn:
        plan = "\n".join(row[0] for row in conn.execute(f"EXPLAIN VERBOSE {query}", values))
    assert "pledges" in plan
    assert "ids(" not in plan  # what filters name is looked up once, not for every row


def test_includes(aid):
    cash = aid.get("pledges", "cash", "include=transactions,actors,meetings")
    assert [entry["id"] for entry in cash["transactions"]] == [aid.ids["commitment"], aid.ids["revision"]]
    assert cash["donors"][0]["actor"] == aid.get("actors", "north")
    assert cash["announced_at"] == aid.get("meetings", "summit")
    assert [entry["id"] for entry in aid.get("meetings", "summit", "include=pledges")["pledges"]] == [aid.ids["cash"]]


def test_one_who_pays_pays_all_unless_told_otherwise(aid):
    cash = aid.get("pledges", "cash")
    assert cash["apportionment"] == "sole"
    [donor] = cash["donors"]
    assert (donor["role"], donor["amount"], donor["share"]) == ("donor", None, None)


# --- what has to add up --------------------------------------------------------------------------------------------


def money(value: object, currency: str = "EUR") -> dict:
    return {"value": value, "currency": currency}


def stated(*parts: dict, **more: object) -> dict:
    actors = ["w:north", "w:south", "w:host"]
    donors = [{"actor": actor} | part for actor, part in zip(actors, parts, strict=False)]
    return {"donors": donors, "apportionment": "stated"} | more


PLEDGE = {"title": "Test", "status": "announced", "donors": [{"actor": "w:north"}], "sources": [{"source": "w:paper"}]}
TWO = [{"actor": "w:north"}, {"actor": "w:south"}]

WRONG = [
    ({"donors": []}, {"/donors": "At least one donor"}),
    ({"donors": None}, {"/donors": "Missing data"}),
    ({"donors": [{"role": "donor"}], "status": "promised", "amount": 5},
     {"/donors/0/actor": "Missing data", "/status": "Must be one of", "/amount": "Invalid"}),
    ({"donors": TWO}, {"/apportionment": "2 donors pay"}),
    ({"donors": [{"actor": "w:north", "role": "channel"}]}, {"/apportionment": "Nobody pays"}),
    ({"donors": TWO, "apportionment": "sole"}, {"/apportionment": "exactly one donor"}),
    ({"donors": [{"actor": "w:north", "role": "channel"}], "apportionment": "sole"}, {"/apportionment": "exactly one"}),
    ({"donors": [{"actor": "w:north", "role": "channel"}], "apportionment": "stated"}, {"/donors": "nobody pays"}),
    ({"donors": [{"actor": "w:north", "amount": money("1")}]}, {"/donors/0/amount": "apportionment is sole"}),
    ({"donors": [{"actor": "w:north", "share": "1"}, {"actor": "w:south", "amount": money("1")}],
      "apportionment": "unsplit"},
     {"/donors/0/share": "apportionment is unsplit", "/donors/1/amount": "apportionment is unsplit"}),
    (stated({"share": "1"}, {"share": "0.5", "role": "channel"}), {"/donors/1/share": "A channel does not pay"}),
    (stated({"share": "1"}, {}), {"/donors/1/amount": "give an amount or a share"}),
    (stated({"share": "0.5"}, {"share": "0.499999999999"}), {"/donors": "add up to 0.999999999999, not to 1"}),
    (stated({"share": "0.6"}, {"share": "0.6"}, amount=money("1")), {"/donors": "add up to 1.2, not to 1"}),
    (stated({"amount": money("1")}, {"amount": money("2")}), {"/donors": "need an amount of the pledge"}),
    (stated({"amount": money("1")}, {"amount": money("2")}, amount=money("3.01")), {"/donors": "to 3, not to 3.01"}),
    (stated({"amount": money("0.1")}, {"amount": money("0.2")}, amount=money("0.300001")), {"/donors": "to 0.3, not"}),
    (stated({"amount": money("1")}, {"share": "0.5"}, amount=money("3")), {"/donors": "add up to 2.5, not to 3"}),
    (stated({"amount": money("1", "USD")}, {"amount": money("2")}, amount=money("3")),
     {"/donors/0/amount/currency": "The pledge is of EUR"}),
    (stated({"amount": money("-1")}, {"amount": money("2")}, amount=money("1")), {"/donors/0/amount/value": "Must"}),
    ({"amount": money("-0.01")}, {"/amount/value": "Must not be negative"}),
    ({"amount": money("2"), "amount_max": money("1.99")}, {"/amount_max/value": "Must not be less than amount."}),
    ({"amount": money("2"), "amount_min": money("3")}, {"/amount/value": "Must not be less than amount_min."}),
    ({"amount_min": money("3"), "amount_max": money("2")}, {"/amount_max/value": "less than amount_min."}),
    ({"amount": money("2"), "amount_max": money("3", "USD")}, {"/amount_max/currency": "one currency"}),
    ({"amount": money("-1"), "amount_min": money("-2"), "donors": TWO},
     {"/amount/value": "negative", "/amount_min/value": "negative", "/apportionment": "2 donors"}),
    ({"amount": money(1)}, {"/amount/value": "Not a string"}),
    ({"amount": money("1e3")}, {"/amount/value": "Not a decimal number"}),
    ({"amount": money("1", "XYZ")}, {"/amount/currency": "ISO 4217"}),
    ({"amount": {"value": "1"}}, {"/amount/currency": "Missing data"}),
    (stated({"share": "1.5"}), {"/donors/0/share": "from 0 to 1"}),
    (stated({"share": 0.5}), {"/donors/0/share": "Not a string"}),
    ({"items": [{"quantity": 1}]}, {"/items/0/description": "Missing data"}),
    ({"items": [{"description": "x", "quantity": -1, "quantity_delivered": "5", "uncertain": "yes"}]},
     {"/items/0/quantity": "greater than or equal to 0", "/items/0/quantity_delivered": "Not a number",
      "/items/0/uncertain": "Not a boolean"}),
    ({"items": [{"description": "x", "valuation": {"value": "1"}}]}, {"/items/0/valuation/currency": "Missing data"}),
    ({"announced_on": "2025-02-30", "effective_to": "soon"}, {"/announced_on": "", "/effective_to": ""}),
    ({"announced_on": ".."}, {"/announced_on": ""}),
    ({"sources": []}, {"/sources": "At least one source"}),
    ({"donor": "w:north"}, {"/donor": "Unknown field"}),
    ({"announced_at": "w:cash"}, {"/announced_at": "names no meeting or round"}),
    ({"donors": [{"actor": "w:paper"}], "recipients": ["w:nobody"], "supersedes": "w:cash2"},
     {"/donors/0/actor": "names no actor", "/recipients/0": "names no actor", "/supersedes": "names no pledge"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "faults"), WRONG)
def test_what_is_no_pledge(aid, signed, body, faults):
    answer = signed(aid.client.application, "write", "world").post("/v1/pledges", json=PLEDGE | body)
    assert answer.status_code == 422, answer.text
    told = {fault["pointer"]: fault["detail"] for fault in answer.json["errors"]}
    assert told.keys() == faults.keys()
    assert all(text in told[pointer] for pointer, text in faults.items()), told


RIGHT = [
    {"donors": TWO, "apportionment": "unsplit", "amount": money("1")},
    {"donors": [{"actor": "w:north"}, {"actor": "w:league", "role": "channel"}], "amount": money("0")},
    stated({"amount": money("0.1")}, {"amount": money("0.2")}, amount=money("0.30")),
    stated({"amount": money("999999999999999999.999999")}, {"amount": money("0.000001")},
           amount=money("999999999999999999.999999"), donors=[{"actor": "w:north", "share": "1.000"}]),
    stated({"share": "0.333333333333"}, {"share": "0.333333333333"}, {"share": "0.333333333334"}),
    stated({"amount": money("1")}, {"share": "0.5"}, amount=money("2")),
    {"donors": [{"actor": "w:north"}], "apportionment": "unsplit"},
    {"amount_min": money("1"), "amount": money("1.0"), "amount_max": money("1.00")},
    {"items": [{"description": "more than promised", "quantity": 5, "quantity_delivered": 7.5}]},
    {"title": None, "superseded_by": "nonsense", "id": "nonsense", "contested": ["/title"]},  # read-only is ignored
]  # fmt: skip


@pytest.mark.parametrize("body", RIGHT)
def test_what_is_one_and_can_be_sent_back(writer, body):
    writer.put("/v1/sources/w:paper", json={"kind": "news"})
    for name in ("north", "south", "host", "league"):
        writer.put(f"/v1/actors/w:{name}", json={"name": name, "kind": "state"})
    made = writer.post("/v1/pledges", json=PLEDGE | body)
    assert made.status_code == 201, made.text
    again = writer.put(f"/v1/pledges/{made.json['id']}", json=made.json, headers={"If-Match": made.headers["ETag"]})
    assert (again.status_code, again.headers["Parley-Result"]) == (200, "unchanged")
    if amount := body.get("amount"):
        assert made.json["amount"] == amount  # to the digit, as it was given


def test_as_many_donors_as_there_may_be(writer):
    """Indexes of pledges hold the donors, too; a page of one has room for them all, whatever stands beside them."""
    names = [f"w:giver-{number}" for number in range(151)]
    rows = [
        {"op": "upsert", "type": "actor", "identifier": name, "data": {"name": name, "kind": "other"}} for name in names
    ]
    assert writer.post("/v1/batches?atomic=true", json={"operations": rows}).status_code == 200
    writer.put("/v1/sources/w:paper", json={"kind": "news"})
    most = money("9" * 18 + ".999999")
    much = {
        "apportionment": "unsplit",
        "amount": most,
        "amount_min": most,
        "amount_max": most,
        "announced_on": "2025-07-02",
    }
    donors = [{"actor": name} for name in names]
    made = writer.post("/v1/pledges", json=PLEDGE | much | {"donors": donors[:150]})
    assert made.status_code == 201, made.text
    for query in (f"donor={names[149]}&sort=amount", f"donor={names[0]}&sort=-announced_on&from=2025"):
        assert [found["id"] for found in writer.get(f"/v1/pledges?{query}").json["items"]] == [made.json["id"]]
    answer = writer.post("/v1/pledges", json=PLEDGE | much | {"donors": donors})
    assert (answer.status_code, [fault["pointer"] for fault in answer.json["errors"]]) == (422, ["/donors"])


def test_a_merge_patch_is_held_to_the_same(aid, signed):
    writer = signed(aid.client.application, "write", "world")
    tag = writer.get("/v1/pledges/w:hospital").headers["ETag"]
    change = {"amount": money("100.01", "USD"), "superseded_by": "w:cash"}
    headers = {"If-Match": tag, "Content-Type": "application/merge-patch+json"}
    answer = writer.patch("/v1/pledges/w:hospital", data=json.dumps(change), headers=headers)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/donors"]


# --- succession ----------------------------------------------------------------------------------------------------


def test_who_supersedes_whom_is_shown_on_both(aid):
    old, new = aid.get("pledges", "buses"), aid.get("pledges", "coaches")
    assert new["supersedes"]["id"] == old["id"]
    label = {"id": new["id"], "type": "pledge", "name": "Coaches", "identifiers": new["identifiers"]}
    assert old["superseded_by"] == label
    assert (old["version"], new["superseded_by"]) == (2, None)
    schemas = aid.client.get("/v1/openapi.json").json["components"]["schemas"]
    assert "superseded_by" not in schemas["PledgePatch"]["properties"]
    assert schemas["PledgeBody"]["properties"]["superseded_by"]["readOnly"] is True


@pytest.mark.parametrize(("record", "target"), [("buses", "w:coaches"), ("cash", "w:cash")])
def test_succession_never_goes_round(aid, signed, record, target):
    writer = signed(aid.client.application, "write", "world")
    headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
    answer = writer.patch(f"/v1/pledges/w:{record}", data=json.dumps({"supersedes": target}), headers=headers)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/supersedes"


def test_a_pledge_has_one_successor(aid, signed):
    writer = signed(aid.client.application, "write", "world")
    answer = writer.post("/v1/pledges", json=PLEDGE | {"supersedes": "w:buses"})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (409, "/supersedes")


# --- the ladder ----------------------------------------------------------------------------------------------------


def test_the_ladder_is_published_and_written_down(aid):
    answer = aid.client.get("/v1/pledges/ladder")
    assert answer.status_code == 200
    written = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+?) \| (.+?) \| (.+?) \|$", Path("docs/aid.md").read_text(), re.M)
    published = [
        (
            rung["status"],
            str(rung["rung"] or "–"),
            rung["meaning"],
            ", ".join(f"{kind['code']} {kind['name']}" for kind in rung["iati_transaction_types"]) or "–",
            rung["fts_flow_status"] or "–",
        )
        for rung in answer.json["items"]
    ]
    assert written == published
    assert [rung.status for rung in LADDER] == [rung["status"] for rung in answer.json["items"]]
    assert aid.client.get("/v1/pledges/ladder?lang=de").status_code == 400


def step(kind: str, dated: str | None = None, amount: str | None = None) -> dict:
    return {"kind": kind} | ({"dated": dated} if dated else {}) | ({"amount": money(amount)} if amount else {})


OUTCOMES = [
    ("announced", [step("commitment")], "committed", "10"),
    ("announced", [step("disbursement"), step("commitment")], "disbursed", "10"),
    ("delivered", [step("commitment")], "delivered", "10"),  # what is written is higher
    ("disbursed", [step("delivery")], "disbursed", "10"),  # on one rung, what is written stays
    ("pledged", [step("disbursement"), step("delivery", "2025")], "disbursed", "10"),  # the undated one comes last
    ("pledged", [step("disbursement", "2025-02"), step("delivery", "2025-01")], "disbursed", "10"),
    ("pledged", [step("allocation"), step("cancellation")], "cancelled", "10"),
    ("pledged", [step("cancellation", "2025-01-02"), step("allocation", "2025-01")], "cancelled", "10"),
    ("pledged", [step("cancellation", "2025"), step("allocation", "2025-06")], "allocated", "10"),
    ("pledged", [step("cancellation", "2025"), step("revision", "2025-06", "3")], "pledged", "3"),
    ("cancelled", [step("commitment", "2025-06")], "committed", "10"),
    ("expired", [step("revision", "2025-06", "3")], "expired", "3"),
    ("announced", [step("revision", "2025-06", "3"), step("revision", "../2025-05", "4")], "announced", "3"),
    ("announced", [step("revision", None, "3"), step("revision", None, "4")], "announced", "4"),
    ("announced", [step("commitment", None, "5"), step("disbursement", None, "6")], "disbursed", "10"),
]


@pytest.mark.parametrize(("written", "steps", "status", "amount"), OUTCOMES)
def test_what_transactions_make_of_it(written, steps, status, amount):
    assert outcome({"status": written, "amount": money("10")}, steps) == {"status": status, "amount": money(amount)}


@pytest.mark.parametrize(
    ("pledge", "steps", "text"),
    [
        (
            {"status": "announced"},
            [step("commitment")],
            "cannot be announced: by its transactions the pledge is committed",
        ),
        ({"status": "committed"}, [step("commitment")], None),
        ({"status": "disbursed"}, [step("commitment"), step("delivery")], None),
        ({"status": "cancelled"}, [step("commitment")], "cannot be cancelled"),
        ({"status": "expired"}, [step("commitment"), step("cancellation")], "cannot be expired"),
        ({"status": "cancelled"}, [step("commitment"), step("cancellation")], None),
        ({"status": "delivered"}, [step("cancellation")], "the pledge is cancelled"),
        ({"status": "announced", "amount": money("10")}, [step("revision", None, "10.00")], None),
        ({"status": "announced"}, [step("revision", None, "10.00")], None),
        ({"status": "announced", "amount": money("11")}, [step("revision", None, "10")], "cannot be 11 EUR: the last"),
        ({"status": "announced", "amount": money("10", "USD")}, [step("revision", None, "10")], "made it 10 EUR"),
        ({"status": "announced", "amount": money("3")}, [step("commitment", None, "5")], "is committed"),
        ({"status": "discussed"}, [], None),
    ],
)
def test_what_transactions_contradict(pledge, steps, text):
    told = contradiction(pledge, steps)
    assert told is None if text is None else text in told
