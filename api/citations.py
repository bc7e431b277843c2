"""/v1/{collection}/{id}/citation"""

from datetime import UTC, datetime

import orjson
from flask import Response, request

from api import http
from api.http import JSON, acceptable, find_record
from schemas.base import Body
from schemas.citations import CitationArgs, CslItem, bibtex, cite
from schemas.exports import lists
from schemas.problems import Json

CSL, BIBTEX = "application/vnd.citationstyles.csl+json", "application/x-bibtex"
KINDS = (CSL, JSON, BIBTEX)


class Parser(http.Parser):
    def offered(self) -> tuple[str, ...]:
        return KINDS


class Blueprint(http.Blueprint):
    ARGUMENTS_PARSER = Parser()


blp = Blueprint("citations", __name__, url_prefix="/v1", description="How to cite a record, for good.")
MERGED = {"description": "It was merged into another record."}
WITH_SOURCES = {"include": ["sources"], "fields": None, "as_of": None, "lang": None, "allow_machine": None}


def get_citation(body: type[Body], id: str, args: Json) -> Response:
    row = find_record(body, id, args | WITH_SOURCES, "/citation")
    record = orjson.loads(row["doc"])
    address = f"{request.root_url}v1/{body.collection}/{record['id']}?version={record['version']}"
    citation = cite(body, record, address, datetime.now(UTC).date())
    kind = acceptable(*KINDS)
    text = bibtex(citation).encode() if kind == BIBTEX else orjson.dumps(citation)
    return Response(text, content_type=kind, headers={"Cache-Control": "no-cache", "Vary": "Accept"})


def register(body: type[Body]) -> None:
    def view(args: Json, id: str) -> Response:
        return get_citation(body, id, args)

    noun = body.type
    view.__name__ = f"get_{noun}_citation"
    view.__doc__ = f"""Cite {"an" if noun[0] in "aeiou" else "a"} {noun}

        As CSL-JSON, or as BibTeX for `Accept: {BIBTEX}`. The address in it names one version and stays as it is,
        whatever becomes of the {noun}. One that was merged answers 308, one that was deleted 410 (except with
        `version`).
        """
    same = {"schema": CslItem}
    for decorate in (
        blp.response(200, CslItem, content_type=CSL, description="The citation."),
        blp.doc(responses={200: {"content": {JSON: same, BIBTEX: {"schema": {"type": "string"}}}}, 308: MERGED}),
        blp.arguments(CitationArgs(), location="query"),
        blp.route(f"/{body.collection}/<path:id>/citation", methods=["GET"]),
    ):
        view = decorate(view)


for found in lists():
    register(found.of)
