"""Plain reads, answered in front of Flask by the same functions with the same bytes, in a fraction of the time.

What it does not know, and every fault, falls through to Flask, which answers alone where `PARLEY_SHORTCUT` is off. A
test holds the two beside each other, header for header and byte for byte.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from time import monotonic, perf_counter
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from flask import Flask
from flask_compress.flask_compress import _choose_algorithm, _compress_data

import db
from api import http, limits, operations
from api.cursors import today
from db import lists
from db.memory import Memory
from schemas.fields import address
from schemas.lists import load_args

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Start = Callable[..., Any]

PLAIN = {None, "*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"}
#: headers that make another question of a plain one
UNUSUAL = {"HTTP_AUTHORIZATION", "HTTP_RANGE", "HTTP_ORIGIN"}
PATH = re.compile(r"/v1/([a-z]+)(?:/([A-Za-z0-9._:-]+))?")
#: beside the collections, what is a function of the database and the address alone
OTHERS = {"search", "coverage"}
OF_THE_BODY = {"content-type", "content-length", "content-encoding", "content-language"}  # not in a 304
LOOKS, WORTH, PAUSE = 64, 0.2, 1.0  # of so many looks this share must be hits, or there is none for so many seconds


class Answer(NamedTuple):
    """All of an answer that is the same for everyone who asks."""

    route: str
    headers: Headers
    body: bytes
    etag: str | None


class Kept(NamedTuple):
    state: bytes
    answer: Answer


def init_app(app: Flask) -> None:
    """To be called before whatever else wraps the application, so that an address is already the reader's own."""
    if app.config.get("SHORTCUT", True) and app.config.get("PUBLIC_READ", True):
        # Flask's own documented way to put WSGI in front of it; its annotation says method, so mypy objects
        app.wsgi_app = Shortcut(app)  # type: ignore[assignment, method-assign]


class Shortcut:
    """WSGI in front of the application: what was answered before, while nothing has changed since, and plain reads."""

    def __init__(self, app: Flask) -> None:
        self.app, self.inner = app, app.wsgi_app
        room = int(app.config.get("MEMORY", 32)) * 2**18  # a quarter of what documents may take
        self.kept: Memory[Kept] = Memory(room)
        self.asked: Memory[bool] = Memory(room // 16)
        self.luck = Luck()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        found = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if environ["REQUEST_METHOD"] != "GET" or found is None or environ.get("HTTP_ACCEPT") not in PLAIN:
            return self.inner(environ, start)
        if not (found[1] in http.LISTS or found[1] in OTHERS) or not UNUSUAL.isdisjoint(environ):
            return self.inner(environ, start)
        if environ.get("CONTENT_LENGTH") or environ.get("SCRIPT_NAME"):
            return self.inner(environ, start)
        started = perf_counter()
        with self.app.app_context():
            quota = None
            try:
                if "limits" in self.app.extensions:
                    quota = environ["parley.quota"] = limits.charge(environ.get("REMOTE_ADDR"))
                    if quota.exceeded:
                        return self.inner(environ, start)
                name = (found[0], environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT_ENCODING", ""), today())
                one = (
                    found[2] is not None and not name[1]
                )  # its version is as quickly asked as whether anything changed
                answer, state = (None, None) if one else self.again(name)
                if answer is None and (answer := self.read(found[1], found[2], *name[:3])) and state:
                    self.kept.put(name, Kept(state, answer), len(answer.body) + 2000)
            except Exception:  # a fault: Flask meets it too, and knows what to say of it
                return self.inner(environ, start)
            if answer is None:
                return self.overhear(environ, start, name, state) if state else self.inner(environ, start)
            return self.send(answer, quota, environ, start, started)

    def again(self, name: tuple[Any, ...]) -> tuple[Answer | None, bytes | None]:
        """What was answered before, if the database is still in the state that it was read in.

        Else the state now, if it is worth keeping what will be answered: for what is asked the second time, and unless
        writers are so quick that it would be in vain.
        """
        if self.kept.limit == 0 or not self.luck.worth_a_look():
            return None, None
        kept = self.kept.get(name)
        if kept is None and self.asked.get(name) is None:
            self.asked.put(name, True, 200)
            return None, None
        state: bytes = db.ask(STATE, {}, "lookup")[0][0]
        if kept is None:
            return None, state
        self.luck.had(kept.state == state)
        return (kept.answer, state) if kept.state == state else (None, state)

    def read(self, collection: str, id: str | None, path: str, query: str, encodings: str) -> Answer | None:
        """The answer to a plain list or the plain question for a record; None of anything else."""
        known = http.LISTS.get(collection)
        if known is None:
            return None
        body, schema = known
        if id is None:
            if not query.isascii():
                return None
            unquote_to_bytes(query).decode()  # what is no UTF-8 is a fault
            asked = parse_qsl(query, keep_blank_values=True)
            args = load_args(schema, asked)
            whole, etag, headers = http.read_list(body, args, path, dict(asked))
            return dressed(self.app, f"/v1/{collection}", whole, etag, headers, encodings)
        if query or id in http.NO_IDS or not (row := lists.live(body.type, address(id))):
            return None
        version, stamp, doc = row
        etag = http.entity_tag(int(version), int(stamp))
        return dressed(self.app, f"/v1/{collection}/<record:id>", doc, etag, {}, encodings)

    def overhear(self, environ: Environ, start: Start, name: Any, state: bytes) -> Iterable[bytes]:
        """Let Flask answer, and keep what it says."""
        said: list[Any] = []

        def listen(status: str, headers: Headers, error: Any = None) -> Any:
            said[:] = status, headers
            return start(status, headers, error)

        response = self.inner(environ, listen)
        try:
            body = b"".join(response)
        finally:
            close = getattr(response, "close", None)
            if close:
                close()
        status, headers = said
        told = dict(headers)
        if status == "200 OK" and told["Content-Type"] == http.JSON:
            etag = told.get("ETag", "").removeprefix("W/").strip('"') or None
            self.kept.put(name, Kept(state, Answer(environ["parley.route"], headers, body, etag)), len(body) + 2000)
        return [body]

    def send(
        self, answer: Answer, quota: limits.Quota | None, environ: Environ, start: Start, started: float
    ) -> Iterable[bytes]:
        status, body, headers = 200, answer.body, answer.headers
        if answer.etag is not None and http.fresh(answer.etag, environ.get("HTTP_IF_NONE_MATCH")):
            status, body = 304, b""
            headers = [(name, value) for name, value in headers if name.lower() not in OF_THE_BODY]
        id = operations.request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        own = {"X-Request-Id": id} | ({"RateLimit": limits.told(quota)} if quota else {})
        if status == 304:
            own["ETag"] = f'"{answer.etag}"'
        headers = [(name, own.get(name, value)) for name, value in headers]
        operations.note("GET", environ["PATH_INFO"], answer.route, status, perf_counter() - started, id, None)
        start("200 OK" if status == 200 else "304 NOT MODIFIED", headers)
        return [body]


def dressed(app: Flask, route: str, body: bytes, etag: str, more: dict[str, str], encodings: str) -> Answer:
    """What Flask and its extensions put around a body."""
    algorithm = choice(encodings) if len(body) >= operations.COMPRESS_FROM else None
    headers = {"Content-Type": http.JSON, "ETag": f'"{etag}"', "Cache-Control": "no-cache"} | more
    if algorithm and app.config.get("COMPRESS", True):
        body = _compress_data(app, body, algorithm)
        headers |= {"Content-Encoding": algorithm, "ETag": f'W/"{etag}"'}
    if "limits" in app.extensions:
        headers |= {"RateLimit": "", "RateLimit-Policy": limits.limiter().policy}
    if app.config.get("COMPRESS", True):
        headers["Vary"] = "Accept-Encoding"
    headers |= CONSTANT | {"Content-Length": str(len(body)), "X-Request-Id": ""}
    return Answer(route, list(headers.items()), body, etag)


@lru_cache(256)
def choice(encodings: str) -> str | None:
    chosen: str | None = _choose_algorithm(operations.ALGORITHMS, encodings)
    return chosen


class Luck:
    """Whether it is worth asking if anything has changed: where writers are quicker than readers, it always has."""

    def __init__(self) -> None:
        self.looks = self.hits = 0
        self.rests_until = 0.0

    def worth_a_look(self) -> bool:
        return monotonic() >= self.rests_until

    def had(self, hit: bool) -> None:
        self.looks += 1
        self.hits += hit
        if self.looks >= LOOKS:
            if self.hits < WORTH * self.looks:
                self.rests_until = monotonic() + PAUSE
            self.looks = self.hits = 0


#: Which transactions a reader sees: as long as it is the same, so is every answer. A replica's snapshot does not list
#: those under way, but it sees nothing new unless it has replayed more.
STATE = "SELECT pg_current_snapshot()::text || coalesce(' ' || pg_last_wal_replay_lsn(), '')"
CONSTANT = {
    **operations.SECURE,
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": operations.EXPOSED,
}
