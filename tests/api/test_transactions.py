"""Transactions: what later happened to pledges, and what it makes of them."""

import json

import pytest

from schemas.transactions import TransactionArgs
from tests.world import untested, walk

FILTERS = {
    "pledge=w:cash": "commitment revision",
    "pledge={shells},w:hospital": "delivery payment",
    "pledge=w:talk": "",
    "kind=commitment,delivery": "commitment delivery",
    "kind=cancellation": "",
    "from=2025-07-01": "revision delivery",  # and not what has no day
    "to=2025-07-30": "commitment revision",
    "from=2025-07-05&to=2025-07-30": "revision",
    "from=2025-07-05&to=2025-07-30&date_match=certain": "",
    "from=2025-07&to=2025-07&date_match=certain": "revision",
    "from=2025-07-05&to=2025-07-30&date_match=possible": "revision",
    "pledge=w:cash&kind=revision": "revision",
    "q=rounds": "delivery",
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items())
def test_filters(aid, query, found):
    assert aid.find("transactions", query) == found.split()


def test_every_filter_is_tested():
    assert untested(TransactionArgs, FILTERS) == set()


SORTS = {
    "sort=dated": "commitment revision delivery payment",
    "sort=-dated": "delivery revision commitment payment",
    "sort=amount": "payment commitment revision delivery",
    "sort=-amount": "revision commitment payment delivery",
}


@pytest.mark.parametrize(("query", "found"), SORTS.items())
def test_sorts_page_by_page(aid, query, found):
    assert walk(aid, "transactions", f"{query}&limit=1") == found.split()


CITED = {"sources": [{"source": "w:paper"}]}
EUR = {"value": "1", "currency": "EUR"}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/kind", "/pledge"]),
        ({"pledge": "w:cash", "kind": "gift"}, ["/kind"]),
        ({"pledge": "w:north", "kind": "delivery"}, ["/pledge"]),
        ({"pledge": "w:cash", "kind": "revision"}, ["/amount"]),
        ({"pledge": "w:cash", "kind": "revision", "amount": EUR | {"value": "-1"}}, ["/amount/value"]),
        ({"pledge": "w:cash", "kind": "delivery", "items": [{"quantity": 1}], "dated": ".."},
         ["/dated", "/items/0/description"]),
        ({"pledge": "w:cash", "kind": "delivery", "sources": []}, ["/sources"]),
        ({"pledge": "w:cash", "kind": "delivery", "status": "delivered"}, ["/status"]),
    ],
)  # fmt: skip
def test_what_is_no_transaction(aid, signed, body, pointers):
    answer = signed(aid.client.application, "write", "world").post("/v1/transactions", json=CITED | body)
    assert answer.status_code == 422
    assert sorted(fault["pointer"] for fault in answer.json["errors"]) == pointers


def test_a_pledge_shows_what_they_made_of_it(aid):
    cash, shells, hospital = (aid.get("pledges", name) for name in ("cash", "shells", "hospital"))
    assert (cash["status"], cash["amount"]) == ("committed", {"value": "150.00", "currency": "EUR"})  # and not 250
    assert (shells["status"], shells["amount"]) == ("delivered", None)
    assert (hospital["status"], hospital["amount"]["value"]) == ("disbursed", "100.00")


@pytest.fixture
def story(writer):
    """A pledge of 100 with nothing done yet: `tell` a transaction, read the `pledge`, `change` it."""
    writer.put("/v1/sources/w:paper", json={"kind": "news"})
    writer.put("/v1/actors/w:north", json={"name": "Northland", "kind": "state"})
    body = CITED | {"donors": [{"actor": "w:north"}], "status": "announced", "amount": EUR | {"value": "100"}}
    made = writer.post("/v1/pledges", json=body)
    assert made.status_code == 201, made.text

    class Story:
        id = made.json["id"]

        def tell(self, kind, value=None, dated=None, client=writer):
            amount = {"amount": EUR | {"value": value}} if value else {}
            day = {"dated": dated} if dated else {}
            answer = client.post("/v1/transactions", json=CITED | amount | day | {"pledge": self.id, "kind": kind})
            assert answer.status_code == 201, answer.text
            return answer

        def pledge(self):
            pledge = writer.get(f"/v1/pledges/{self.id}").json
            return pledge["status"], pledge["amount"]["value"], pledge["version"]

        def change(self, change):
            headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
            return writer.patch(f"/v1/pledges/{self.id}", data=json.dumps(change), headers=headers)

    return Story()


def test_step_by_step(story):
    assert story.pledge() == ("announced", "100", 1)
    story.tell("commitment", "100", "2025-01-01")
    assert story.pledge() == ("committed", "100", 2)
    story.tell("revision", "150", "2025-02-01")
    assert story.pledge() == ("committed", "150", 3)
    story.tell("revision", "120", "2025-01-15")  # told later, but it was earlier
    assert story.pledge() == ("committed", "150", 3)
    story.tell("disbursement", "70", "2025-03-01")
    assert story.pledge() == ("disbursed", "150", 4)
    story.tell("cancellation", None, "2025-04-01")
    assert story.pledge() == ("cancelled", "150", 5)
    story.tell("disbursement", "80", "2025-05-01")
    assert story.pledge() == ("disbursed", "150", 6)


def test_deleting_a_transaction_undoes_it(story, writer):
    made = story.tell("delivery")
    assert story.pledge() == ("delivered", "100", 2)
    assert writer.delete(f"/v1/transactions/{made.json['id']}", headers={"If-Match": "*"}).status_code == 204
    assert story.pledge() == ("announced", "100", 3)


@pytest.mark.parametrize("change", [{"status": "pledged"}, {"status": "cancelled"}, {"amount": EUR | {"value": "151"}}])
def test_a_pledge_cannot_contradict_its_transactions(story, change):
    story.tell("allocation")
    story.tell("revision", "150")
    before = story.pledge()
    answer = story.change(change)
    assert (answer.status_code, answer.json["code"]) == (422, "contradicts_transactions")
    assert story.pledge() == before
    assert story.change({"status": "disbursed", "note": "It got there."}).status_code == 200
    assert story.pledge()[:2] == ("disbursed", "150")


def test_a_pledge_and_its_transactions_come_in_one_batch(fresh_app, signed):
    client = signed(fresh_app)
    client.put("/v1/sources/w:paper", json={"kind": "news"})
    client.put("/v1/actors/w:north", json={"name": "Northland", "kind": "state"})
    pledge = CITED | {"donors": [{"actor": "w:north"}], "status": "announced", "amount": EUR}
    rows = [
        {"op": "upsert", "type": "transaction", "identifier": "w:paid",
         "data": CITED | {"pledge": "w:pledge", "kind": "disbursement", "amount": EUR}},
        {"op": "upsert", "type": "pledge", "identifier": "w:pledge", "data": pledge},
    ]  # fmt: skip
    batch = client.post("/v1/batches", json={"operations": rows})
    assert batch.json["counts"]["created"] == 2
    assert client.get("/v1/pledges/w:pledge").json["status"] == "disbursed"
    assert client.put("/v1/pledges/w:pledge", json=pledge).headers["Parley-Result"] == "unchanged"
    said_anew = client.put("/v1/pledges/w:pledge", json=pledge | {"status": "pledged"})
    assert (said_anew.status_code, said_anew.json["code"]) == (422, "contradicts_transactions")
    for amount, status in ((EUR | {"currency": "HRK"}, 200), (EUR | {"currency": "XYZ"}, 422)):
        assert client.put("/v1/pledges/w:pledge", json=pledge | {"amount": amount}).status_code == status
