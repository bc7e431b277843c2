"""What pledges add up to: nothing twice, nothing divided, nothing invented."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import rates
from ingest import sample
from ingest.client import Client
from schemas.summary import EXCLUDED, KEYS, NOT_CONVERTED
from tests.conftest import running_app
from tests.openapi.validation import CheckedClient

Json = dict[str, Any]


def summary(client: Any, query: str) -> Json:
    answer = client.get(f"/v1/pledges/summary?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def named(account: Json, names: dict[str, str], part: str) -> set[str]:
    """The short names of the pledges in a part of an account."""
    return {names[id] for id in account[part]["ids"]}


def amounts(part: Json) -> dict[str, str | None]:
    return {money["currency"]: money["value"] for money in part["amounts"]}


# --- the reference world -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts(make_database, migrated, key):
    """A reader of the sample data; rates are loaded."""
    with make_database("summed", like=migrated) as url, running_app(url) as app:
        with psycopg.connect(url) as conn:
            rates.load(conn)
        with Client("http://test", key(app, "write", "sample"), httpx.WSGITransport(app=app)) as client:
            sample.load(client)
        app.test_client_class = CheckedClient
        yield app.test_client()


def test_the_pledges_of_one_article(facts):
    told = summary(facts, "group_by=donor&convert=EUR&explain=true")
    names = {entry["pledge"]["id"]: entry["pledge"]["identifiers"][0]["identifier"] for entry in
             told["explain"]["counted"]}  # fmt: skip
    groups = {group["key"]["donor"]["identifiers"][0]["identifier"]: group for group in told["groups"]}
    assert list(groups) == ["FRA", "DEU", "NLD", "NOR", "SWE", "UKR", "GBR"]  # by name

    netherlands = groups["NLD"]
    assert netherlands["exclusive"]["pledges"] == netherlands["pledges"] == 2
    assert amounts(netherlands["exclusive"]) == {"EUR": "325000000.00"}
    assert netherlands["converted"]["exclusive"] == dict.fromkeys(("value", "min", "max"), "325000000.00")
    assert netherlands["shared"] == {"pledges": 0, "without_amount": 0, "amounts": [], "ids": []}
    assert amounts(groups["NOR"]["exclusive"]) == {"EUR": "1000000000.00"}

    ammunition = {"germany-uk-gepard-ammunition"}
    for donor in ("DEU", "GBR"):
        shared = groups[donor]["shared"]
        assert (named(groups[donor], names, "shared"), shared["without_amount"], shared["amounts"]) == (
            ammunition,
            1,
            [],
        )
        assert groups[donor]["converted"]["shared"]["value"] is None
    assert named(groups["DEU"], names, "exclusive") == {"germany-patriot", "germany-long-range-drones"}

    for donor in ("FRA", "UKR"):
        assert amounts(groups[donor]["shared"]) == {"EUR": "200000000.00"}
        assert groups[donor]["exclusive"]["pledges"] == 0
    assert named(groups["UKR"], names, "shared") == {"france-ukraine-fund"}

    total = told["total"]
    assert total["pledges"] == 9
    assert named(total, names, "shared") == ammunition | {"france-ukraine-fund", "france-drone-factory"}
    assert amounts(total["exclusive"]) == {"EUR": "1325000000.00"}
    assert amounts(total["shared"]) == {"EUR": "200000000.00"}
    assert total["converted"]["all"]["value"] == "1525000000.00"
    assert (total["shared"]["without_amount"], total["exclusive"]["without_amount"]) == (2, 3)

    [left_out] = told["explain"]["excluded"]
    assert left_out["pledge"]["identifiers"][0]["identifier"] == "france-drone-financing"
    assert (left_out["reason"], left_out["detail"]) == ("discussed", EXCLUDED["discussed"])
    assert {names[id] for id in told["explain"]["without_amount"]} == ammunition | {
        "germany-patriot", "germany-long-range-drones", "sweden-package", "france-drone-factory"}  # fmt: skip


def test_it_is_one_query(facts, queries):
    summary(facts, "group_by=donor,recipient&convert=EUR&explain=true&q=drones&as_of=2100-01-01&status=announced")
    assert len(queries) == 1


# --- the made-up world ---------------------------------------------------------------------------------------------


def test_stated_parts_are_exclusive_and_bounds_are_both_told(aid):
    told = summary(aid.client, "group_by=donor&explain=true")
    groups = {group["key"]["donor"] and group["key"]["donor"]["name"]: group for group in told["groups"]}
    north, south, league = groups["Northland"], groups["Southland"], groups["League"]
    assert amounts(north["exclusive"]) == {"EUR": "150.00", "USD": "60.5"}  # the revised amount, and a stated part
    assert amounts(south["exclusive"]) == {"EUR": "12.345", "NOK": None, "USD": "39.5"}
    bounds = {
        money["currency"]: (money["value"], money["min"], money["max"]) for money in league["exclusive"]["amounts"]
    }
    assert bounds == {"NOK": (None, "750.00", "1500.00"), "JPY": ("5000", "5000", "5000")}
    assert (north["shared"]["pledges"], south["shared"]["pledges"], north["shared"]["amounts"]) == (1, 1, [])
    assert groups[None]["shared"]["amounts"][0]["value"] == "1000"  # only a channel is named
    [coal] = groups["Hostland"]["exclusive"]["amounts"]
    assert (coal["value"], coal["min"], coal["max"]) == (None, "500", None)  # at least 500
    assert told["groups"][-1]["key"] == {"donor": None}


def test_a_bound_that_one_lacks_the_sum_lacks(aid):
    told = summary(aid.client, "currency=NOK,UAH")
    money = {money["currency"]: (money["value"], money["min"], money["max"]) for money in told["total"]["by_currency"]}
    assert money == {"NOK": ("1000", "2000", "3000"), "UAH": (None, "500", None)}


def test_several_recipients_share(aid):
    told = summary(aid.client, "group_by=recipient&explain=true")
    groups = {group["key"]["recipient"] and group["key"]["recipient"]["name"]: group for group in told["groups"]}
    assert list(groups) == ["Hostland", "Ministry of Northland", None]
    for name in ("Hostland", "Ministry of Northland"):
        assert set(groups[name]["shared"]["ids"]) == {aid.ids["bridge"], aid.ids["coaches"]}
    assert set(groups["Hostland"]["exclusive"]["ids"]) == {aid.ids[name] for name in ("cash", "shells", "hospital")}
    assert set(groups[None]["exclusive"]["ids"]) == {aid.ids[name] for name in ("trucks", "atleast", "channelled")}
    assert amounts(told["total"]["shared"]) == {"EUR": "12.345", "NOK": None}


def test_two_keys(aid):
    told = summary(aid.client, "group_by=donor,currency&donor=w:north")
    keys = [(group["key"]["donor"]["name"], group["key"]["currency"], group["pledges"]) for group in told["groups"]]
    assert keys == [("Northland", "EUR", 1), ("Northland", "USD", 1), ("Northland", None, 1),
                    ("Southland", "USD", 1), ("Southland", None, 1)]  # fmt: skip
    assert told["total"]["pledges"] == 3


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("category", {"financial": 1, "humanitarian": 1, "infrastructure": 1, "military": 1, None: 4}),
        ("status", {"allocated": 1, "announced": 2, "committed": 2, "delivered": 2, "disbursed": 1}),
        ("currency", {"EUR": 2, "JPY": 1, "NOK": 2, "UAH": 1, "USD": 1, None: 1}),
        ("year", {"1998": 1, "2025": 5, None: 2}),
        ("month", {"1998-12": 1, "2025-06": 1, "2025-07": 3, None: 3}),
    ],
)
def test_keys_that_every_pledge_has_once(aid, by, groups):
    told = summary(aid.client, f"group_by={by}")
    assert {group["key"][by]: group["pledges"] for group in told["groups"]} == groups
    assert all(group["shared"]["pledges"] == 0 for group in [*told["groups"], told["total"]])
    assert told["total"]["pledges"] == sum(groups.values())


def test_what_is_left_out(aid):
    told = summary(aid.client, "explain=true")
    assert told["groups"] == []
    reasons = {entry["pledge"]["id"]: entry["reason"] for entry in told["explain"]["excluded"]}
    assert reasons == {aid.ids["talk"]: "discussed", aid.ids["broken"]: "cancelled", aid.ids["lapsed"]: "expired",
                       aid.ids["buses"]: "superseded"}  # fmt: skip
    counted = {entry["pledge"]["id"] for entry in told["explain"]["counted"]}
    assert counted == set(told["total"]["exclusive"]["ids"])
    assert len(counted) == told["total"]["pledges"] == 8
    assert set(told["explain"]["without_amount"]) == {aid.ids["shells"]}


def test_a_status_that_is_named_counts_but_never_a_superseded_one(aid):
    told = summary(aid.client, "status=cancelled,discussed,announced&explain=true&currency=EUR")
    assert {entry["pledge"]["id"] for entry in told["explain"]["counted"]} == {aid.ids["talk"], aid.ids["broken"]}
    assert [entry["pledge"]["id"] for entry in told["explain"]["excluded"]] == [aid.ids["buses"]]
    assert amounts(told["total"]["exclusive"]) == {"EUR": "16.00"}


@pytest.mark.parametrize(
    ("query", "found"),
    {
        "donor=w:league": "bridge trucks", "recipient=w:ministry": "bridge coaches",
        "status=delivered": "shells trucks", "category=military": "shells", "finance_type=loan": "bridge",
        "currency=JPY": "trucks",
        "amount_from=1500&amount_to=2500": "bridge atleast", "announced_at=w:summit": "cash", "process=w:talks": "cash",
        "undelivered=true": "atleast", "from=2025-07-20&to=2025-07-21&date_match=certain": "hospital channelled",
        "q=coal": "atleast", "source=w:gazette": "bridge", "id=w:cash": "cash", "identifier=w:trucks": "trucks",
        "updated_since=2100-01-01": "", "as_of=2020-01-01": "", "as_of=2100-01-01&q=trucks": "trucks",
    }.items(),
)  # fmt: skip
def test_filters_are_those_of_the_list(aid, query, found):
    told = summary(aid.client, f"{query}&explain=true")
    assert {entry["pledge"]["id"] for entry in told["explain"]["counted"]} == {aid.ids[name] for name in found.split()}
    if found:
        assert set(aid.find("pledges", query)) >= set(found.split())


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("group_by=donor,donor", "group_by"), ("group_by=donor,year,status", "group_by"), ("group_by=actor", "group_by"),
     ("group_by=", "group_by"), ("convert=eur", "convert"), ("convert=XYZ", "convert"), ("convert=EUR,USD", "convert"),
     ("explain=1", "explain"), ("limit=5", "limit"), ("cursor=x", "cursor"), ("include=actors", "include"),
     ("sort=id", "sort"), ("donor=nobody", "donor"), ("groupby=donor", "groupby")],
)  # fmt: skip
def test_what_is_refused(aid, query, pointer):
    answer = aid.client.get(f"/v1/pledges/summary?{query}")
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_more_than_can_be_explained(aid, monkeypatch):
    monkeypatch.setattr("db.summary.MOST", 3)
    answer = aid.client.get("/v1/pledges/summary?explain=true")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (400, "explain")
    assert summary(aid.client, "explain=true&q=coal")["total"]["pledges"] == 1
    assert summary(aid.client, "")["total"]["pledges"] == 8


# --- conversion ----------------------------------------------------------------------------------------------------


def test_conversion_prints_rate_and_day(aid):
    told = summary(aid.client, "convert=EUR&explain=true")
    entries = {entry["pledge"]["id"]: entry for entry in told["explain"]["counted"]}
    hospital = entries[aid.ids["hospital"]]  # on a Monday
    assert (hospital["rate_day"], hospital["imprecise"]) == ("2025-07-21", False)
    assert hospital["converted"]["value"] == str((100 * Decimal(hospital["rate"])).quantize(Decimal("0.01")))
    sunday = entries[aid.ids["channelled"]]
    assert (sunday["day"], sunday["rate_day"]) == ("2025-07-20", "2025-07-18")
    bridge = entries[aid.ids["bridge"]]  # announced some day in 2025, and no rate is published on New Year's Day
    assert (bridge["day"], bridge["rate_day"], bridge["imprecise"]) == ("2025-01-01", "2024-12-31", True)
    assert bridge["converted"]["value"] is None
    assert Decimal(bridge["converted"]["min"]) * 2 == pytest.approx(Decimal(bridge["converted"]["max"]), abs=1)
    cash = entries[aid.ids["cash"]]
    assert (cash["rate"], cash["rate_day"], cash["converted"]["value"]) == ("1", None, "150.00")
    used = {(rate["currency"], rate["day"]): rate for rate in told["rates"]}
    assert used.keys() == {("NOK", "2024-12-31"), ("NOK", "2025-07-18"), ("USD", "2025-07-21")}
    assert used["USD", "2025-07-21"]["rate"] == hospital["rate"]
    assert told["total"]["converted"]["imprecise"] == 1
    assert told["total"]["converted"]["pledges"] == 5


def test_what_is_not_converted_is_null_with_the_reason(aid):
    told = summary(aid.client, "convert=EUR&group_by=currency")
    told = {group["key"]["currency"]: group for group in told["groups"]}
    [yen] = told["JPY"]["not_converted"]
    assert yen == {"reason": "no_date", "detail": NOT_CONVERTED["no_date"], "currency": "JPY", "pledges": 1,
                   "ids": [aid.ids["trucks"]]}  # fmt: skip
    assert told["JPY"]["converted"]["all"] == {"value": None, "min": None, "max": None}
    assert [entry["reason"] for entry in told["UAH"]["not_converted"]] == ["no_series"]
    dollars = summary(aid.client, "convert=USD&currency=EUR")["total"]
    assert [(entry["reason"], entry["ids"]) for entry in dollars["not_converted"]] == [
        ("before_rates", [aid.ids["coaches"]])]  # fmt: skip
    assert dollars["converted"]["pledges"] == 1


@pytest.fixture(scope="module")
def purse(make_database, migrated, key):
    """An empty Parley with rates of its own: of USD from 2000, XAF never, RUB until 2022, ISK with a gap."""
    with make_database("purse", like=migrated) as url, running_app(url) as app:
        with psycopg.connect(url) as conn:
            rows = [("EUR", day, 1) for day in ("1999-01-04", "2000-01-03", "2022-03-01", "2022-03-10", "2025-01-02")]
            rows += [("USD", day, "1.25") for _, day, _ in rows[1:]]
            rows += [("RUB", "2000-01-03", 30), ("RUB", "2022-03-01", 117), ("JPY", "2025-01-02", "162.5"),
                     ("ISK", "1999-01-04", 80), ("ISK", "2025-01-02", 140)]  # fmt: skip
            conn.cursor().executemany("INSERT INTO rates (currency, day, per_euro) VALUES (%s, %s, %s)", rows)
        with Client("http://test", key(app, "write", "purse"), httpx.WSGITransport(app=app)) as client:
            client.upsert("sources", "p:s", {"kind": "other"})
            for number in range(4):
                client.upsert("actors", f"p:{number}", {"name": f"Actor {number}", "kind": "state"})
            yield client


def keep(client: Client, name: str, **body: Any) -> None:
    donors = body.pop("donors", [{"actor": "p:0"}])
    client.upsert(
        "pledges", f"p:{name}", {"status": "pledged", "donors": donors, "sources": [{"source": "p:s"}]} | body
    )


@pytest.mark.parametrize(
    ("currency", "target", "day", "rate", "rate_day", "reason"),
    [
        ("USD", "EUR", "2025-01-02", "0.8", "2025-01-02", None),
        ("EUR", "USD", "2025-01-02", "1.25", "2025-01-02", None),
        ("USD", "JPY", "2025-01-02", "130", "2025-01-02", None),
        ("JPY", "USD", "2025-01-09", "0.007692307692307692", "2025-01-02", None),  # 7 days are not too old
        ("USD", "EUR", "2025-01-10", None, None, "not_yet_known"),
        ("RUB", "EUR", "2022-03-08", "0.008547008547008547", "2022-03-01", None),
        ("RUB", "EUR", "2022-03-10", None, None, "series_ended"),
        ("EUR", "RUB", "2022-03-10", None, None, "series_ended"),
        ("USD", "RUB", "2022-03-02", "93.6", "2022-03-01", None),
        ("USD", "EUR", "1999-01-05", None, None, "before_series"),
        ("EUR", "JPY", "2022-03-01", None, None, "before_series"),
        ("ISK", "EUR", "2022-03-01", None, None, "gap"),
        ("USD", "EUR", "1998-12-31", None, None, "before_rates"),
        ("XAF", "EUR", "2025-01-02", None, None, "no_series"),
        ("EUR", "XAF", "2025-01-02", None, None, "no_series"),
        ("USD", "EUR", "../2025-01-02", None, None, "no_date"),
        ("USD", "EUR", None, None, None, "no_date"),
        ("EUR", "EUR", None, "1", None, None),
    ],
)
def test_rates(purse, currency, target, day, rate, rate_day, reason):
    keep(purse, "rated", amount={"value": "1000", "currency": currency}, announced_on=day)
    told = purse.get(f"/v1/pledges/summary?identifier=p:rated&convert={target}&explain=true")
    [entry] = told["explain"]["counted"]
    assert (entry["rate"], entry["rate_day"], entry["not_converted"]) == (rate, rate_day, reason)
    assert [left["reason"] for left in told["total"]["not_converted"]] == ([reason] if reason else [])
    wanted = None if rate is None else (1000 * Decimal(rate)).quantize(Decimal(1 if target == "JPY" else "0.01"))
    assert told["total"]["converted"]["all"]["value"] == (None if wanted is None else str(wanted))
    assert entry["converted"] == (None if wanted is None else dict.fromkeys(("value", "min", "max"), str(wanted)))


def test_sums_are_rounded_at_the_end(purse):
    """Three times a cent and a half is four cents and a half, not three times two."""
    for number in range(3):
        keep(purse, f"cents-{number}", amount={"value": "0.012", "currency": "EUR"}, announced_on="2025-01-02")
    told = purse.get("/v1/pledges/summary?identifier=p:cents-0,p:cents-1,p:cents-2&convert=USD")
    assert told["total"]["converted"]["all"]["value"] == "0.05"
    assert told["total"]["by_currency"][0]["value"] == "0.036"


def test_a_revision_leaves_stated_amounts_behind_but_not_shares(purse):
    eur = {"currency": "EUR"}
    parts = [{"actor": f"p:{n}", "amount": eur | {"value": value}} for n, value in enumerate(("60", "40"))]
    shares = [{"actor": f"p:{n}", "share": value} for n, value in enumerate(("0.6", "0.4"))]
    keep(purse, "parts", donors=parts, apportionment="stated", amount=eur | {"value": "100"})
    keep(purse, "shares", donors=shares, apportionment="stated", amount=eur | {"value": "100"})
    for name in ("parts", "shares"):
        revision = {"pledge": f"p:{name}", "kind": "revision", "amount": eur | {"value": "150"}}
        purse.upsert("transactions", f"p:revised-{name}", revision | {"sources": [{"source": "p:s"}]})
    told = purse.get("/v1/pledges/summary?group_by=donor&identifier=p:shares")
    assert [amounts(group["exclusive"]) for group in told["groups"]] == [{"EUR": "90"}, {"EUR": "60"}]
    told = purse.get("/v1/pledges/summary?group_by=donor&identifier=p:parts")
    assert [amounts(group["shared"]) for group in told["groups"]] == [{"EUR": "150"}] * 2
    assert amounts(told["total"]["shared"]) == {"EUR": "150"}


# --- the identity --------------------------------------------------------------------------------------------------

VALUES = st.decimals(0, 10**12, places=2)
DAYS = st.sampled_from([None, "1998", "2000-01-03", "2022-03-01", "2022-03-20", "2025-01-02?", "2025-01"])


@st.composite
def pledges(draw: Any) -> Json:
    """Any pledge: of any apportionment and status, with an amount, bounds or nothing."""
    currency = draw(st.sampled_from(["EUR", "USD", "RUB", "JPY"]))
    low, value, high = (
        {"value": str(number), "currency": currency} for number in sorted(draw(st.tuples(VALUES, VALUES, VALUES)))
    )
    actors = [f"p:{n}" for n in draw(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))]
    donors: list[Json] = [{"actor": actor, "role": draw(st.sampled_from(["donor", "lead"]))} for actor in actors]
    kind = draw(st.sampled_from(["unsplit", "shares", "amounts"] if len(donors) > 1 else ["sole", "unsplit", "shares"]))
    body: Json = {"apportionment": kind if kind in ("sole", "unsplit") else "stated", "donors": donors}
    body |= {
        "status": draw(st.sampled_from(["discussed", "announced", "pledged", "delivered", "cancelled", "expired"]))
    }
    body |= {"recipients": [f"p:{n}" for n in draw(st.lists(st.integers(0, 3), max_size=2))]}
    body |= {"announced_on": draw(DAYS), "amount": None, "amount_min": None, "amount_max": None}
    if kind == "amounts":
        cuts = [draw(VALUES) for _ in donors]
        for donor, cut in zip(donors, cuts, strict=True):
            donor["amount"] = {"value": str(cut), "currency": currency}
        return body | {"amount": {"value": str(sum(cuts)), "currency": currency}}
    if kind == "shares":
        left = Decimal(1)
        for donor in donors[1:]:
            share = draw(st.decimals(0, left, places=4))
            donor["share"], left = f"{share:f}", left - share
        donors[0]["share"] = f"{left:f}"
    shape = draw(st.sampled_from(["amount", "bounds", "all", "least", "most", "nothing"]))
    if shape in ("amount", "all"):
        body["amount"] = value
    if shape in ("bounds", "all", "least"):
        body["amount_min"] = low
    if shape in ("bounds", "all", "most"):
        body["amount_max"] = high
    return body


BOUNDS = ("value", "min", "max")


def add(parts: list[tuple[Json, int]]) -> dict[str, dict[str, Decimal | None]]:
    """Sums by currency: an unknown bound makes the sum unknown, an unknown value adds nothing."""
    found: dict[str, dict[str, list[Decimal | None]]] = defaultdict(lambda: {name: [] for name in BOUNDS})
    for money, _ in parts:
        for name in BOUNDS:
            found[money["currency"]][name].append(None if money[name] is None else Decimal(money[name]))
    return {
        currency: {
            "value": sum((n for n in sums["value"] if n is not None), Decimal()) if any(sums["value"]) else None,
            "min": None if None in sums["min"] else sum(sums["min"], Decimal()),
            "max": None if None in sums["max"] else sum(sums["max"], Decimal()),
        }
        for currency, sums in found.items()
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {key: {k: v or None for k, v in sums.items()} for key, sums in one.items()} == {
        key: {k: v or None for k, v in sums.items()} for key, sums in other.items()
    }


@given(st.lists(pledges(), min_size=1, max_size=6), st.sets(st.integers(1, 5)), st.sampled_from(KEYS))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_total_is_what_is_exclusive_and_what_is_shared_once(purse, given, heirs, second):
    names = [f"any-{number}" for number in range(6)]
    for name in names:  # the heirs of the example before go first
        purse.upsert("pledges", f"p:{name}", BLANK)
    for number, body in enumerate(given):
        heir = {"supersedes": f"p:any-{number - 1}"} if number in heirs else {}
        keep(purse, f"any-{number}", **(body | heir))
    chosen = "identifier=" + ",".join(f"p:{name}" for name in names[: len(given)])
    told = purse.get(f"/v1/pledges/summary?group_by=donor&convert=USD&explain=true&{chosen}")
    total, counted = told["total"], told["explain"]["counted"]
    ids = [entry["pledge"]["id"] for entry in counted]

    # superseded, cancelled, expired and discussed pledges never; each other one exactly once
    superseded = {number - 1 for number in heirs if number < len(given)}
    dead = {number for number, body in enumerate(given) if body["status"] in ("discussed", "cancelled", "expired")}
    assert len(ids) == len(set(ids)) == len(given) - len(superseded | dead) == total["pledges"]
    assert sorted(total["exclusive"]["ids"] + total["shared"]["ids"]) == sorted(ids)

    # grand total = Σ exclusive + Σ shared counted once, per currency, with both bounds
    exclusive = [(money, 0) for group in told["groups"] for money in group["exclusive"]["amounts"]]
    once = [(entry, 0) for entry in counted if entry["shared"] and entry["currency"]]
    assert same(add(exclusive), add([(money, 0) for money in total["exclusive"]["amounts"]]))
    assert same(add(once), add([(money, 0) for money in total["shared"]["amounts"]]))
    assert same(add(exclusive + once), add([(money, 0) for money in total["by_currency"]]))
    assert same(
        add([(entry, 0) for entry in counted if entry["currency"]]), add([(m, 0) for m in total["by_currency"]])
    )

    # what is shared stands whole in the group of each of its donors
    for group in told["groups"]:
        inside = [(entry, 0) for entry in counted if entry["pledge"]["id"] in group["shared"]["ids"]]
        assert same(add([part for part in inside if part[0]["currency"]]),
                    add([(money, 0) for money in group["shared"]["amounts"]]))  # fmt: skip

    # converted sums are sums of exact conversions, rounded at the end
    for name in BOUNDS:
        rated = [entry for entry in counted if entry["rate"]]
        exact = [Decimal(entry[name]) * Decimal(entry["rate"]) for entry in rated if entry[name] is not None]
        whole = bool(exact) and (name == "value" or len(exact) == len(rated))
        rounded = str(sum(exact).quantize(Decimal("0.01"), ROUND_HALF_UP)) if whole else None
        assert total["converted"]["all"][name] == rounded
    unrated = {entry["pledge"]["id"] for entry in counted if entry["currency"] and not entry["rate"]}
    assert {id for left in total["not_converted"] for id in left["ids"]} == unrated

    # however they are grouped, the whole is the same
    other = purse.get(f"/v1/pledges/summary?group_by=donor,{second if second != 'donor' else 'year'}&{chosen}")["total"]
    assert other["by_currency"] == total["by_currency"]
    assert other["pledges"] == total["pledges"]


BLANK = {"status": "discussed", "donors": [{"actor": "p:0"}], "sources": [{"source": "p:s"}]}
