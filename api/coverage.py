"""/v1/coverage"""

from threading import Lock

import orjson
from flask import Response, current_app

import db
from api.http import Blueprint, answer
from schemas.base import BODIES
from schemas.coverage import Coverage
from schemas.lists import Args
from schemas.problems import Json

blp = Blueprint("coverage", __name__, url_prefix="/v1/coverage", description="How much there is, and of what.")
sql = db.load("coverage")
NOTHING = {"count": 0, "earliest": None, "latest": None, "changed_at": None,
           "checksum": "d41d8cd98f00b204e9800998ecf8427e"}  # fmt: skip


@blp.route("", methods=["GET"])
@blp.arguments(Args(), location="query")
@blp.response(200, Coverage)
def get_coverage(args: Json) -> Response:
    """See what there is

    How many records of each type and from each source, from which day to which, and when they last changed. The
    checksums let the holder of a copy prove that it is complete at the same `cursor`.
    """
    known: Known = current_app.extensions.setdefault("coverage", Known())
    return answer(known.now())


class Known:
    """Reckoned once for each position of the log: it takes a second where there are a million records."""

    def __init__(self) -> None:
        self.lock, self.position, self.body = Lock(), -1, b""

    def now(self) -> bytes:
        with self.lock:
            head = db.row(sql.position)
            if head and head["position"] != self.position:
                row = db.row(sql.coverage)
                assert row is not None  # it has no condition
                self.position, self.body = row["position"], document(row)
            return self.body


def document(row: Json) -> bytes:
    types = row["types"] or {}
    return orjson.dumps(
        {
            "cursor": f"{row['position']:x}",
            "types": [
                {"type": type, "collection": body.collection} | types.get(type, NOTHING)
                for type, body in sorted(BODIES.items())
            ],
            "sources": row["sources"] or [],
            "sources_total": row["sources_total"],
        }
    )
