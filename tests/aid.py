"""What was promised in the made-up world of world.py and words.py, and what came of it."""

from urllib.parse import quote

from flask.testing import FlaskClient

from tests.world import CITED, Json, World

AID: dict[str, dict[str, Json]] = {
    "pledges": {
        "cash": {"title": "Cash for the budget", "donors": [{"actor": "w:north"}], "recipients": ["w:host"],
                 "category": "financial", "finance_type": "grant", "status": "announced", "process": "w:talks",
                 "amount": {"value": "100.00", "currency": "EUR"}, "announced_on": "2025-06-24",
                 "announced_at": "w:summit"},
        "shells": {"title": "Ammunition", "donors": [{"actor": "w:north", "role": "lead"}, {"actor": "w:south"}],
                   "apportionment": "unsplit", "recipients": ["w:host"], "category": "military",
                   "finance_type": "in_kind", "status": "announced", "announced_on": "2025-07?",
                   "items": [{"description": "35 mm rounds", "quantity": 1000, "quantity_delivered": 999,
                              "unit": "rounds"}]},
        "hospital": {"title": "A hospital", "category": "humanitarian", "status": "pledged",
                     "donors": [{"actor": "w:north", "amount": {"value": "60.5", "currency": "USD"}},
                                {"actor": "w:south", "amount": {"value": "39.5", "currency": "USD"}},
                                {"actor": "w:league", "role": "channel"}],
                     "apportionment": "stated", "amount": {"value": "100.00", "currency": "USD"},
                     "recipients": ["w:host"], "announced_on": "2025-07-21", "announced_at": "w:third"},
        "bridge": {"title": "A bridge", "category": "infrastructure", "finance_type": "loan", "status": "announced",
                   "donors": [{"actor": "w:south", "share": "0.25"}, {"actor": "w:league", "share": "0.75"}],
                   "apportionment": "stated", "amount_min": {"value": "1000", "currency": "NOK"},
                   "amount_max": {"value": "2000", "currency": "NOK"}, "recipients": ["w:host", "w:ministry"],
                   "announced_on": "2025", "sources": [{"source": "w:gazette"}]},
        "trucks": {"title": "Trucks", "donors": [{"actor": "w:league"}], "status": "delivered",
                   "amount": {"value": "5000", "currency": "JPY"}, "items": [{"description": "Trucks", "quantity": 5}]},
        "talk": {"title": "Talk of a factory", "donors": [{"actor": "w:south"}], "status": "discussed",
                 "recipients": ["w:host"], "amount": {"value": "7.00", "currency": "EUR"}, "effective_from": "2025"},
        "broken": {"title": "A broken promise", "donors": [{"actor": "w:south"}], "status": "cancelled",
                   "amount": {"value": "9.00", "currency": "EUR"}, "announced_on": "2024-01-10",
                   "items": [{"description": "Promises"}]},
        "buses": {"title": "Buses", "donors": [{"actor": "w:south"}], "status": "announced",
                  "amount": {"value": "10.00", "currency": "EUR"}, "announced_on": "1998-12-31"},
        "coaches": {"title": "Coaches", "donors": [{"actor": "w:south"}], "status": "allocated",
                   "supersedes": "w:buses", "amount": {"value": "12.345", "currency": "EUR"},
                   "recipients": ["w:host", "w:ministry"], "announced_on": "1998-12-31",
                   "items": [{"description": "Coaches", "quantity": 3, "quantity_delivered": 3}]},
        "lapsed": {"title": "Grain", "donors": [{"actor": "w:host"}], "status": "expired", "announced_on": "2025-08",
                   "items": [{"description": "Grain"}]},
        "atleast": {"title": "Coal", "donors": [{"actor": "w:host"}], "status": "announced", "finance_type": "other",
                    "amount_min": {"value": "500", "currency": "UAH"}, "announced_on": "2025-09-01/..",
                    "items": [{"description": "Coal", "quantity_delivered": 1}, {"description": "Sacks"}]},
        "channelled": {"donors": [{"actor": "w:league", "role": "channel"}], "apportionment": "unsplit",
                       "status": "committed", "amount": {"value": "1000", "currency": "NOK"},
                       "announced_on": "2025-07-20"},
    },
    "transactions": {
        "commitment": {"pledge": "w:cash", "kind": "commitment", "dated": "2025-06-30",
                       "amount": {"value": "100.00", "currency": "EUR"}},
        "revision": {"pledge": "w:cash", "kind": "revision", "dated": "2025-07",
                     "amount": {"value": "150.00", "currency": "EUR"}},
        "delivery": {"pledge": "w:shells", "kind": "delivery", "dated": "2025-08-02",
                     "items": [{"description": "35 mm rounds", "quantity": 999}]},
        "payment": {"pledge": "w:hospital", "kind": "disbursement",
                    "amount": {"value": "30", "currency": "USD"}},
    },
}  # fmt: skip


def write(world: World, client: FlaskClient) -> World:
    """Upsert all aid into a world; the client has to be the one that wrote the world."""
    for collection, records in AID.items():
        for name, body in records.items():
            answer = client.put(f"/v1/{collection}/w:{quote(name)}", json=CITED | body)
            assert answer.status_code == 201, answer.text
            world.ids[name] = answer.json["id"]
    return world
