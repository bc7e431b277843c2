"""Whom a name means: sure where it is whole and one actor's alone, and candidates everywhere else."""

import pytest
from flask.testing import FlaskClient

from ingest import reference
from schemas.match import forms
from tests.conftest import running_app
from tests.openapi.validation import CheckedClient

SURE = {
    "United Kingdom": "iso3166-1:GBR",
    "United Kingdom of Great Britain and Northern Ireland": "iso3166-1:GBR",
    "Türkiye": "iso3166-1:TUR",
    "Turkey": "iso3166-1:TUR",
    "Турция": "iso3166-1:TUR",
    "Czech Republic": "iso3166-1:CZE",
    "South Korea": "iso3166-1:KOR",
    "Taiwan": "iso3166-1:TWN",
    "United States": "iso3166-1:USA",
    "The Netherlands": "iso3166-1:NLD",
    "Canada, Government of": "iso3166-1:CAN",
    "Government of Canada": "iso3166-1:CAN",
    "The Government of the Netherlands": "iso3166-1:NLD",
    "United States of America, Government of": "iso3166-1:USA",
    "Russian Federation, Government of": "iso3166-1:RUS",
    "Korea, Republic of": "iso3166-1:KOR",
    "Korea, Republic of, Government of": "iso3166-1:KOR",
    "Korea (the Republic of)": "iso3166-1:KOR",
    "Saudi Arabia (Kingdom of), Government of": "iso3166-1:SAU",
    "Congo, Democratic Republic of the": "iso3166-1:COD",
    "Iran (Islamic Republic of)": "iso3166-1:IRN",
    "Bahamas (the)": "iso3166-1:BHS",
    "EU (Commission and Council)": "parley:eu",
    "European Peace Facility": "parley:european-peace-facility",
    "European Investment Bank": "parley:european-investment-bank",
    "European Commission": "parley:european-commission",
    "European Commission's Humanitarian Aid and Civil Protection Department": "parley:echo",
    "World Food Programme (WFP)": "parley:wfp",
    "UNICEF": "parley:unicef",
    "Food & Agriculture Organization of the United Nations": "parley:fao",
    "Ukraine, Ministry of Defence": "parley:ua-mod",
    "Ministry of Defence (Netherlands)": "parley:nl-mod",
    "UK Ministry of Defence": "parley:gb-mod",
    "  norway ": "iso3166-1:NOR",
}
#: every donor of Ukraine that one of the trackers names
DONORS = [
    "Australia",
    "Austria",
    "Belgium",
    "Bulgaria",
    "Canada",
    "China",
    "Croatia",
    "Cyprus",
    "Denmark",
    "Estonia",
    "Finland",
    "France",
    "Germany",
    "Greece",
    "Hungary",
    "India",
    "Ireland",
    "Italy",
    "Japan",
    "Latvia",
    "Lithuania",
    "Luxembourg",
    "Malta",
    "Netherlands",
    "Norway",
    "Poland",
    "Portugal",
    "Romania",
    "Slovakia",
    "Slovenia",
    "Spain",
    "Sweden",
    "Switzerland",
    "Iceland",
    "Kuwait",
    "Qatar",
    "Kazakhstan",
]


@pytest.fixture(scope="module")
def asked(make_database, migrated, signed):
    """Asks without a key, on the reference actors."""
    with make_database("match", like=migrated) as url, running_app(url) as app:
        rows = [{"op": "upsert", "type": "actor", "identifier": name, "data": body}
                for _, name, body in reference.records()]  # fmt: skip
        twin = {"name": "Norlandia", "kind": "other"}
        rows += [{"op": "upsert", "type": "actor", "identifier": f"x:{n}", "data": twin} for n in (1, 2)]
        rows.append({"op": "upsert", "type": "actor", "identifier": "x:state", "data": twin | {"kind": "state"}})
        sent = signed(app, "write").post("/v1/batches", json={"operations": rows})
        assert sent.json["counts"]["created"] == len(rows)
        app.test_client_class = CheckedClient
        client = app.test_client()
        yield lambda names, **more: client.post("/v1/actors/match", json={"names": names, **more})


def first(match):
    assert match["sure"], match
    [name] = [match["candidates"][0]["actor"]["identifiers"][0]]
    return f"{name['scheme']}:{name['identifier']}"


def test_names_as_trackers_write_them(asked):
    matches = asked(list(SURE)).json["matches"]
    assert {match["name"]: first(match) for match in matches} == SURE
    assert all(match["candidates"][0]["score"] == 1 for match in matches)


def test_every_donor_is_sure_and_a_state(asked):
    matches = asked(DONORS, kind="state").json["matches"]
    assert [match["name"] for match in matches if not match["sure"]] == []


@pytest.mark.parametrize(
    "name",
    [
        "United Kingdm",  # a slip: surely the United Kingdom, but not for a machine to say
        "United",
        "Korea",
        "Ministry of Defence",
        "Congo (Kinshasa and others)",
        "Germany and France",
        "Private (individuals & organizations)",
        "…",
        "Norlandia",
    ],
)
def test_nothing_is_guessed(asked, name):
    [match] = asked([name]).json["matches"]
    assert not match["sure"]


def test_candidates_come_best_first_with_the_spelling_that_matched(asked):
    [slip, ministry] = asked(["United Kingdm", "Ministry of Defence"]).json["matches"]
    best = slip["candidates"][0]
    assert (best["actor"]["name"], best["matched"]) == ("United Kingdom", "United Kingdom")
    assert 0.8 < best["score"] < 1
    assert len(ministry["candidates"]) == 5
    assert [entry["score"] for entry in slip["candidates"]] == sorted(
        (entry["score"] for entry in slip["candidates"]), reverse=True
    )
    [former] = asked(["Turkei"]).json["matches"]
    assert former["candidates"][0]["matched"] in ("Turkey", "Türkei")


def test_a_kind_may_settle_what_a_name_leaves_open(asked):
    assert asked(["Norlandia"], kind="state").json["matches"][0]["sure"]
    assert not asked(["Norlandia"], kind="other").json["matches"][0]["sure"]
    assert asked(["Norway"], kind="media").json["matches"] == [{"name": "Norway", "sure": False, "candidates": []}]


def test_names_come_back_in_their_order_and_as_often_as_asked(asked):
    names = ["Norway", "nobody at all", "Norway"]
    matches = asked(names).json["matches"]
    assert [match["name"] for match in matches] == names
    assert matches[0] == matches[2]


def test_five_hundred_names_at_once(asked):
    names = (list(SURE) + DONORS + [f"Some organisation number {n} of somewhere" for n in range(500)])[:500]
    assert len(asked(names).json["matches"]) == 500


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/names"),
        ({"names": []}, "/names"),
        ({"names": ["x"] * 501}, "/names"),
        ({"names": ["x", 7]}, "/names/1"),
        ({"names": [""]}, "/names/0"),
        ({"names": ["x" * 301]}, "/names/0"),
        ({"names": ["a\0b"]}, "/names/0"),
        ({"names": ["x"], "kind": "planet"}, "/kind"),
        ({"names": ["x"], "name": "y"}, "/name"),
    ],
)  # fmt: skip
def test_faults_are_told(asked, body, pointer):
    answer = asked(**({"names": None} | body))
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]


def test_it_writes_nothing_and_does_not_open_other_doors(client: FlaskClient):
    assert client.post("/v1/actors", json={"name": "x", "kind": "other"}).status_code == 401
    assert client.post("/v1/actors/match", json={"names": ["x"]}).status_code == 200
    assert client.get("/v1/actors/match").status_code == 405
    assert client.put("/v1/actors/match", json={}).status_code == 405


def test_hostile_names_have_few_forms():
    assert len(forms("government of " * 20)) <= 6
    assert forms("") == []
