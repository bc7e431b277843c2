"""/v1/actors"""

from collections import defaultdict
from typing import Any

import orjson
from flask import Response

import db
from api.http import answer, collection
from schemas.actors import ActorArgs, ActorBody
from schemas.match import MatchBody, Matches, forms
from schemas.names import pattern, readings
from schemas.problems import Json, Refused, faults

blp = collection(ActorBody, ActorArgs)
sql = db.load("actors")
ASKED = MatchBody()


@blp.route("/match", methods=["POST"])
@blp.arguments(ASKED, location="json")
@blp.response(200, Matches)
def match_actors(asked: Any) -> Response:
    """Find the actors that names mean

    Writes nothing and needs no key: it is a question, sent by POST because it is long. For each of up to 500 names,
    up to five candidates. The first is `sure` when the name is one of its spellings and nobody else's, whole, in any
    script; `Canada, Government of` is read as `Canada`, `Korea, Republic of` as `Republic of Korea`. An ingestion
    client should take a sure match, and ask a person about any other.
    """
    if errors := list(faults(ASKED.validate(asked))):
        raise Refused(422, "validation_failed", f"{len(errors)} fault(s) in the body.", errors)
    rows: list[Json] = [
        {"number": number, "rank": rank, "form": form, "pattern": pattern(form)}
        for number, name in enumerate(dict.fromkeys(asked["names"]))
        for rank, form in enumerate(forms(name))
    ]
    columns = {column: [row[column] for row in rows] for column in ("number", "rank", "form", "pattern")}
    found = defaultdict(list)
    for row in db.rows(sql.match, columns | {"kind": asked.get("kind")}):
        found[row["number"]].append(row)
    matches = {name: match(name, found[number]) for number, name in enumerate(dict.fromkeys(asked["names"]))}
    return answer(orjson.dumps({"matches": [matches[name] for name in asked["names"]]}))


def match(name: str, rows: list[Json]) -> Json:
    """What is known of one name; sure is what the most literal of its forms that means anybody means alone."""
    whole = [row["rank"] for row in rows if row["rank"] is not None]
    literal = min(whole, default=None)
    rows = sorted(rows, key=lambda row: row["rank"] != literal)  # a stable sort: else the best first
    candidates = [
        {"actor": orjson.Fragment(row["label"]), "score": round(row["score"], 3), "matched": spelling(row)}
        for row in rows[:5]
    ]
    return {"name": name, "sure": whole.count(literal) == 1, "candidates": candidates}


def spelling(row: Json) -> str:
    """The spelling that matched, as the actor has it."""
    names = orjson.loads(row["names"])
    return str(next((name for name in names if row["matched"] in readings([name])), names[0]))
