"""/v1/rounds.ics: rounds as a calendar that can be subscribed to."""

from collections.abc import Iterator

import orjson
from flask import Response, request, stream_with_context

from api import http
from db import lists
from schemas.calendar import HEAD, TAIL, event
from schemas.exports import filters
from schemas.problems import Json
from schemas.rounds import RoundArgs

ICS = "text/calendar"
PAGE = {"limit": 500, "sort": "id", "include": ["claims"], "fields": None, "include_total": None, "lang": None,
        "allow_machine": None}  # fmt: skip


class Parser(http.Parser):
    def offered(self) -> tuple[str, ...]:
        return (ICS,)


class Blueprint(http.Blueprint):
    ARGUMENTS_PARSER = Parser()


blp = Blueprint("calendar", __name__, url_prefix="/v1", description="Rounds as a calendar.")
CONTENT = {ICS: {"schema": {"type": "string", "maxLength": 2**53 - 1, "description": "iCalendar (RFC 5545)."}}}


@blp.route("/rounds.ics", methods=["GET"])
@blp.arguments(filters(RoundArgs), location="query")
@blp.response(200, description="The calendar.")
@blp.doc(responses={200: {"content": CONTENT}})
def get_rounds_calendar(args: Json) -> Response:
    """Subscribe to rounds

    All rounds that the filters of their list find and of which any day is known, as all-day events. Where the day is
    imprecise or contested the event lasts over all days that it can be, and its summary and description say so.
    """
    pages = calendar(args | PAGE)
    first = next(pages)  # what fails now can still be told
    response = Response(stream_with_context(joined(first, pages)), content_type=f"{ICS}; charset=utf-8")
    response.headers["Content-Disposition"] = 'inline; filename="rounds.ics"'
    response.headers["Cache-Control"] = "no-cache"
    return response


def joined(first: bytes, pages: Iterator[bytes]) -> Iterator[bytes]:
    yield HEAD
    yield first
    yield from pages
    yield TAIL


def calendar(args: Json) -> Iterator[bytes]:
    """The events of one page of rounds after the other, all as of the first."""
    args |= {"position": None, "key": None, "last": None}
    root, more = request.root_url, True
    while more:
        page = lists.page("round", args)
        rounds = orjson.loads(b"[%b]" % b",".join(page.items))
        yield b"".join(event(one, f"{root}v1/rounds/{one['id']}") for one in rounds)
        args |= {"position": page.position, "key": page.key, "last": page.id}
        more = page.more
