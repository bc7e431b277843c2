"""Citations: one version, for good, in two forms."""

import re
from datetime import UTC, datetime

import pytest

from schemas.base import BODIES
from schemas.citations import bibtex
from tests.world import CITED

BIBTEX = {"Accept": "application/x-bibtex"}


def test_what_is_cited(aid):
    answer = aid.client.get("/v1/rounds/w:first/citation")
    assert answer.mimetype == "application/vnd.citationstyles.csl+json"
    made = aid.client.get("/v1/rounds/w:first").json
    day = datetime.fromisoformat(made["updated_at"]).date()
    today = datetime.now(UTC).date()
    assert answer.json == {
        "id": f"round-{made['id']}-1",
        "type": "dataset",
        "title": "First",
        "version": "1",
        "publisher": "Parley",
        "URL": f"http://localhost/v1/rounds/{made['id']}?version=1",
        "issued": {"date-parts": [[day.year, day.month, day.day]]},
        "accessed": {"date-parts": [[today.year, today.month, today.day]]},
        "note": "Sources: Press, A newspaper, 2025-07, https://example.org/a?b=c,d&e=f",
    }


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_record_can_be_cited(aid, body):
    """One without a name by an identifier, one without sources without them."""
    for record in aid.client.get(f"/v1/{body.collection}").json["items"]:
        cited = aid.client.get(f"/v1/{body.collection}/{record['id']}/citation").json
        assert cited["title"] == (record.get(body.label or "") or
                                  f"{body.type.capitalize()} w:{record['identifiers'][0]['identifier']}")  # fmt: skip
        assert ("note" in cited) == bool(record["sources"])
        assert aid.client.get(f"/v1/{body.collection}/{record['id']}/citation", headers=BIBTEX).status_code == 200


def test_the_address_outlives_changes_and_deletion(fresh_app, signed):
    client = signed(fresh_app, "admin")
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    made = client.put("/v1/rounds/x:1", json=CITED | {"status": "proposed", "name": "Before"}).json
    client.put("/v1/rounds/x:1", json=CITED | {"status": "proposed", "name": "After"})
    new = client.get("/v1/rounds/x:1/citation").json
    old = client.get("/v1/rounds/x:1/citation?version=1").json
    assert (old["title"], old["version"], new["title"], new["version"]) == ("Before", "1", "After", "2")
    client.delete("/v1/rounds/x:1", headers={"If-Match": '"2"'})
    assert client.get("/v1/rounds/x:1/citation").status_code == 410
    assert client.get("/v1/rounds/x:1/citation?version=1").json == old
    assert client.get(old["URL"].removeprefix("http://localhost")).json["name"] == "Before"
    assert made["id"] in old["URL"]
    for missing in ("/v1/rounds/x:1/citation?version=9", "/v1/rounds/x:2/citation", "/v1/rounds/nobody/citation"):
        assert client.get(missing).status_code == 404


def test_of_a_merged_record_that_of_the_other(fresh_app, signed):
    client = signed(fresh_app, "admin")
    ids = [client.put(f"/v1/actors/x:{n}", json={"name": f"A {n}", "kind": "other"}).json["id"] for n in (1, 2)]
    client.post("/v1/actors/x:1/merge", json={"into": "x:2"})
    answer = client.get(f"/v1/actors/{ids[0]}/citation")
    assert (answer.status_code, answer.headers["Location"]) == (308, f"/v1/actors/{ids[1]}/citation")
    assert client.get(f"/v1/actors/{ids[0]}/citation?version=1").json["title"] == "A 1"


def test_bibtex(aid):
    answer = aid.client.get("/v1/rounds/w:first/citation", headers=BIBTEX)
    assert answer.mimetype == "application/x-bibtex"
    assert answer.headers["Vary"].startswith("Accept")
    lines = answer.text.splitlines()
    assert re.fullmatch(r"@misc\{round-[0-9a-f-]{36}-1,", lines[0]) and lines[-1] == "}"
    entry = dict(re.fullmatch(r"  (\w+) = \{(.*)\},?", line).groups() for line in lines[1:-1])
    assert entry["title"] == "{First}"
    assert entry["url"].endswith("?version=1") and "_" not in entry["note"]
    assert entry["note"] == r"Sources: Press, A newspaper, 2025-07, https://example.org/a?b=c,d\&e=f"
    assert entry["urldate"] == datetime.now(UTC).date().isoformat()


def test_tex_means_what_was_written():
    day = {"date-parts": [[2026, 1, 31]]}
    text = r"50% of {this} & \that_one ~ #1 $2 ^3" + "\nnext"
    made = bibtex({"id": "x", "title": text, "publisher": "Parley", "version": "1", "URL": "https://example.org/a_b",
                   "issued": day, "accessed": day})  # fmt: skip
    assert (
        r"title = {{50\% of \{this\} \& \textbackslash{}that\_one \textasciitilde{} \#1 \$2 \textasciicircum{}3 next}}"
        in made
    )
    assert "url = {https://example.org/a_b}" in made


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/vnd.citationstyles.csl+json"),
        ("application/json", "application/json"),
        ("application/x-bibtex;q=0.5, application/json", "application/json"),
        ("text/html, application/x-bibtex;q=0.9, */*;q=0.1", "application/x-bibtex"),
    ],
)
def test_the_form_follows_accept(aid, accept, kind):
    assert aid.client.get("/v1/rounds/w:first/citation", headers={"Accept": accept}).mimetype == kind


def test_who_wants_another_form_is_told(aid):
    answer = aid.client.get("/v1/rounds/w:first/citation", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")
    assert aid.client.get("/v1/rounds/w:first/citation?as_of=2025").status_code == 400
