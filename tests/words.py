"""What was said and written in the made-up world of world.py: something to find for every filter, and to leave."""

from urllib.parse import quote

from flask.testing import FlaskClient

from tests.world import CITED, Json, World

WORDS: dict[str, dict[str, Json]] = {
    "meetings": {
        "summit": {"kind": "summit", "name": "Summit in Port", "held_on": "2025-06-24/2025-06-25",
                   "venue": {"city": "Port", "country": "TUR"}, "convened_by": ["w:league"], "chaired_by": ["w:host"],
                   "participants": [{"actor": "w:north", "person": "w:ann", "position": "Minister",
                                     "attendance": "attended"}]},
        "visit": {"kind": "visit", "name": "A visit", "held_on": "2025-07-21", "venue": {"country": "FIN"},
                  "participants": [{"actor": "w:south", "person": "w:cy"},
                                   {"person": "w:ann", "attendance": "absent", "note": "Stayed at home."}]},
        "call": {"kind": "call", "name": "Call", "held_on": "2025-07-21~",
                 "participants": [{"actor": "w:south"}, {"actor": "w:north", "role": "caller"}]},
        "someday": {"kind": "other", "note": "Nothing is known of it."},
    },
    "documents": {
        "memo-north": {"kind": "memorandum", "title": "Memorandum of the North", "authors": ["w:north"],
                       "process": "w:talks", "round": "w:second", "status": "exchanged", "dated": "2025-06-02",
                       "provisions": [{"topic": "neutrality", "actor": "w:south"}, {"topic": "arms_control"}]},
        "memo-south": {"kind": "memorandum", "title": "Memorandum of the South", "authors": ["w:south"],
                       "process": "w:talks", "status": "exchanged", "provisions": [{"topic": "league_membership"}]},
        "outline": {"kind": "draft", "authors": ["w:south", "w:host"], "round": "w:third", "status": "draft",
                    "dated": "2025-07"},
        "treaty": {"kind": "agreement", "title": "A treaty", "process": "w:old", "status": "in_force",
                   "dated": "2001-09-01", "provisions": [{"topic": "neutrality", "summary": "Both stay neutral."}]},
    },
    "statements": {
        "offer": {"speaker": "w:ann", "position": "Minister", "on_behalf_of": "w:north", "said_on": "2025-05-16",
                  "mode": "verbatim", "act": "offer", "channel": "press_conference", "round": "w:first",
                  "topics": ["ceasefire"], "tracks": ["military"], "texts": [
                      {"lang": "uk", "text": "Ми пропонуємо перемир'я.", "original": True},
                      {"lang": "en", "text": "We offer a truce.", "original": False, "translated_from": "uk",
                       "translation": "human"},
                      {"lang": "de", "text": "Wir bieten einen Waffenstillstand an.", "original": False,
                       "translated_from": "uk", "translation": "machine", "engine": "A machine"}]},
        "rejection": {"speaker": "w:cy", "said_on": "2025-05-17", "mode": "paraphrase", "act": "rejection",
                      "channel": "interview", "summary": "No ceasefire before talks.", "about": ["w:first"],
                      "topics": ["ceasefire", "order"], "tracks": ["military", "political"],
                      "relations": [{"kind": "responds_to", "statement": "w:offer"}]},
        "denial": {"speaker": "w:ann", "speaker_actor": "w:ministry", "said_on": "2025-05-17/2025-05-20",
                   "mode": "partial_quote", "act": "denial", "about": ["w:memo-north", "w:ben"],
                   "relations": [{"kind": "denies", "statement": "w:rejection"}]},
        "report": {"speaker_actor": "w:press", "attribution_text": "a source", "mode": "summary", "act": "announcement",
                   "summary": "The third round begins on the 23rd.", "about": ["w:third"], "topics": ["round_date"],
                   "said_on": "2025-07?"},
        "toast": {"speaker": "w:dee", "mode": "paraphrase", "meeting": "w:summit", "said_on": "2025-06-25",
                  "channel": "plenary", "on_behalf_of": "w:league", "tracks": ["humanitarian"]},
        "recollection": {"speaker": "w:dee", "mode": "summary", "about": ["w:summit"], "said_on": "2025-07-21"},
        "composition": {"speaker": "w:cy", "mode": "paraphrase", "about": ["w:south-3", "w:call"]},
        "history": {"attribution_text": "An old hand", "mode": "paraphrase", "about": ["w:old"],
                    "summary": "The old talks were slow."},
        "outlook": {"attribution_text": "Somebody in the League", "mode": "paraphrase", "about": ["w:session"]},
    },
    "claims": {
        "23rd": {"record": "w:lasting", "property": "/number", "value": 4, "stance": "asserted",
                 "asserted_by": "w:press", "statement": "w:report", "asserted_on": "2025-07"},
        "24th": {"record": "w:lasting", "property": "/number", "value": 5, "stance": "asserted",
                 "asserted_by": "w:ann", "rank": "deprecated", "asserted_on": "2025-07-20"},
        "no": {"record": "w:lasting", "property": "/name", "value": "Last", "stance": "not_confirmed",
               "asserted_by": "w:ben"},
        "denied": {"record": "w:memo-south", "property": "/url", "stance": "denied", "rank": "preferred",
                   "asserted_by": "w:ann", "asserted_on": "2024"},
    },
}  # fmt: skip


def write(world: World, client: FlaskClient) -> World:
    """Upsert all words into a world; the client has to be the one that wrote the world."""
    for collection, records in WORDS.items():
        for name, body in records.items():
            answer = client.put(f"/v1/{collection}/w:{quote(name)}", json=CITED | body)
            assert answer.status_code == 201, answer.text
            world.ids[name] = answer.json["id"]
    return world
