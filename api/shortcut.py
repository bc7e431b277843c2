"""Plain requests, answered in front of Flask by the same functions with the same bytes, in a fraction of the time.

What it does not know, and every fault, falls through to Flask, which answers alone where `PARLEY_SHORTCUT` is off. A
test holds the two beside each other, header for header and byte for byte.
"""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import lru_cache
from io import BytesIO
from time import monotonic, perf_counter
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from flask import Flask
from flask_compress.flask_compress import _choose_algorithm, _compress_data

import db
from api import http, limits, operations
from api.cursors import today
from db import lists, records, together
from db.memory import Memory
from schemas.fields import address
from schemas.lists import load_args

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Start = Callable[..., Any]

PLAIN = {None, "*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"}
#: headers that make another request of a plain one
UNUSUAL = {"HTTP_RANGE", "HTTP_ORIGIN", "HTTP_IDEMPOTENCY_KEY", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"}
PATH = re.compile(r"/v1/([a-z]+)(?:/([A-Za-z0-9._:-]+))?")
LENGTH = re.compile("[1-9][0-9]{0,6}")
#: beside the collections, what is a function of the database and the address alone
OTHERS = {"search", "coverage"}
OF_THE_BODY = {"content-type", "content-length", "content-encoding", "content-language"}  # not in a 304
OF_THE_REQUEST = {"x-request-id", "ratelimit"}  # not in another one's answer
LOOKS, WORTH, PAUSE = 16, 0.2, 1.0  # of so many looks this share must be hits, or there is none for so many seconds
STATUS = {200: "200 OK", 201: "201 CREATED", 304: "304 NOT MODIFIED"}


class Answer(NamedTuple):
    """All of an answer that is the same for everyone who asks."""

    route: str
    headers: Headers
    body: bytes
    etag: str | None


class Kept(NamedTuple):
    state: bytes
    answer: Answer


class Caller(NamedTuple):
    """Who asks, and what is left to him."""

    key: Any
    quota: limits.Quota | None


def init_app(app: Flask) -> None:
    """To be called before whatever else wraps the application, so that an address is already the reader's own."""
    if app.config.get("SHORTCUT", True) and app.config.get("PUBLIC_READ", True):
        # Flask's own documented way to put WSGI in front of it; its annotation says method, so mypy objects
        app.wsgi_app = Shortcut(app)  # type: ignore[assignment, method-assign]


class Shortcut:
    """WSGI in front of the application: what was answered before, while nothing has changed since, plain reads, and
    single records that are created."""

    def __init__(self, app: Flask) -> None:
        self.app, self.inner = app, app.wsgi_app
        room = int(app.config.get("MEMORY", 32)) * 2**18  # a quarter of what documents may take
        self.kept: Memory[Kept] = Memory(room)
        self.asked: Memory[bool] = Memory(room // 16)
        self.luck = Luck()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        found = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None or environ.get("HTTP_ACCEPT") not in PLAIN or not UNUSUAL.isdisjoint(environ):
            return self.inner(environ, start)
        if environ.get("SCRIPT_NAME"):
            return self.inner(environ, start)
        method, started = environ["REQUEST_METHOD"], perf_counter()
        if method == "GET" and (found[1] in http.LISTS or found[1] in OTHERS) and not environ.get("CONTENT_LENGTH"):
            with self.app.app_context():
                return self.look(environ, start, started, found)
        if method == "POST" and found[1] in http.LISTS and found[2] is None and brings_json(environ):
            with self.app.app_context():
                return self.create(environ, start, started, found[1])
        return self.inner(environ, start)

    def admit(self, environ: Environ) -> Caller | None:
        """Who asks, counted; None of whom Flask is to refuse."""
        key, quota, sent = None, None, environ.get("HTTP_AUTHORIZATION")
        if sent is not None and (key := http.find_key(sent)) is None:
            return None
        if limiter := self.app.extensions.get("limits"):
            quota = environ["parley.quota"] = limiter.ask(limits.name(key, environ.get("REMOTE_ADDR")), cost=1)
            if quota.exceeded:
                return None
        return Caller(key, quota)

    def look(self, environ: Environ, start: Start, started: float, found: re.Match[str]) -> Iterable[bytes]:
        """Read, or let Flask read."""
        state = None
        try:
            if (caller := self.admit(environ)) is None:
                return self.inner(environ, start)
            name = (found[0], environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT_ENCODING", ""), today())
            one = found[2] is not None and not name[1]  # its version is as quickly asked as whether anything changed
            answer, state = (None, None) if one else self.again(name)
            if answer is None and (answer := self.read(found[1], found[2], *name[:3])) and state:
                self.kept.put(name, Kept(state, answer), len(answer.body) + 2000)
        except Exception:  # a fault: Flask meets it too, and knows what to say of it
            return self.inner(environ, start)
        if answer is None:
            return self.overhear(environ, start, name, state) if state else self.inner(environ, start)
        return send(answer, environ, start, started, caller)

    def create(self, environ: Environ, start: Start, started: float, collection: str) -> Iterable[bytes]:
        """Create a record, or let Flask do so, or say why it was not: it is told what came of it."""
        body, _ = http.LISTS[collection]
        try:
            if (caller := self.admit(environ)) is None or not caller.key:
                return self.inner(environ, start)
            by, length = http.writer(caller.key, "write"), int(environ["CONTENT_LENGTH"])
            raw = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = BytesIO(raw)
            if len(raw) < length:  # it broke off
                return self.inner(environ, start)
            data = http.parse_json(raw)
        except Exception:
            return self.inner(environ, start)
        made: Future[records.Outcome] = Future()
        try:
            made.set_result(together.create(records.Operation("create", body.type, data=data), by))
        except Exception as error:  # it may have been kept, so it must not be tried again
            made.set_exception(error)
        if made.exception() or (outcome := made.result()).problem:
            environ["parley.made"] = made
            return self.inner(environ, start)
        assert outcome.version and outcome.stamp and outcome.doc
        more = {"Location": f"/v1/{collection}/{outcome.id}", "Parley-Result": outcome.status}
        etag = http.entity_tag(outcome.version, outcome.stamp)
        encodings = environ.get("HTTP_ACCEPT_ENCODING", "")
        answer = dressed(self.app, f"/v1/{collection}", outcome.doc, etag, more, encodings)
        return send(answer, environ, start, started, caller, 201)

    def again(self, name: tuple[Any, ...]) -> tuple[Answer | None, bytes | None]:
        """What was answered before, if the database is still in the state that it was read in.

        Else the state now, if it is worth keeping what will be answered: for what is asked the second time, and unless
        looks have been in vain of late.
        """
        if self.kept.limit == 0 or not self.luck.worth_a_look():
            return None, None
        kept = self.kept.get(name)
        if kept is None and self.asked.get(name) is None:
            self.asked.put(name, True, 200)
            return None, None
        state: bytes = db.ask(STATE, {}, "lookup")[0][0]
        hit = kept is not None and kept.state == state
        self.luck.had(hit)  # where more is asked in turn than there is room for, all is gone before it is asked again
        return (kept.answer if kept and hit else None), state

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
        if status == STATUS[200] and told["Content-Type"] == http.JSON:
            etag = told.get("ETag", "").removeprefix("W/").strip('"') or None
            same = [(name, value) for name, value in headers if name.lower() not in OF_THE_REQUEST]
            self.kept.put(name, Kept(state, Answer(environ["parley.route"], same, body, etag)), len(body) + 2000)
        return [body]


def brings_json(environ: Environ) -> bool:
    """Whether a whole JSON body of fair length is announced, and nothing else."""
    length = environ.get("CONTENT_LENGTH", "")
    plain = environ.get("CONTENT_TYPE") == http.JSON and not environ.get("QUERY_STRING")
    return plain and LENGTH.fullmatch(length) is not None and int(length) <= http.MAX_BODY


def send(
    answer: Answer, environ: Environ, start: Start, started: float, caller: Caller, status: int = 200
) -> Iterable[bytes]:
    """Answer this request."""
    body, headers, quota = answer.body, answer.headers, caller.quota
    sent = environ.get("HTTP_IF_NONE_MATCH")
    if sent is not None and status == 200 and answer.etag is not None and http.fresh(answer.etag, sent):
        status, body = 304, b""
        headers = [pair for pair in headers if pair[0].lower() not in OF_THE_BODY and pair[0] != "ETag"]
        headers.append(("ETag", f'"{answer.etag}"'))
    id = operations.request_id(environ.get("HTTP_X_REQUEST_ID", ""))
    own = [("X-Request-Id", id)]
    if quota:
        own.append(("RateLimit", limits.told(quota)))
    method, key = environ["REQUEST_METHOD"], caller.key and caller.key["id"]
    operations.note(method, environ["PATH_INFO"], answer.route, status, perf_counter() - started, id, key)
    start(STATUS[status], headers + own)
    return [body]


def dressed(app: Flask, route: str, body: bytes, etag: str, more: dict[str, str], encodings: str) -> Answer:
    """What Flask and its extensions put around a body."""
    tag, coding = f'"{etag}"', []
    if app.config.get("COMPRESS", True):
        algorithm = choice(encodings) if len(body) >= operations.COMPRESS_FROM else None
        coding.append(("Vary", "Accept-Encoding"))
        if algorithm:
            body, tag = _compress_data(app, body, algorithm), f"W/{tag}"
            coding.append(("Content-Encoding", algorithm))
    if limiter := app.extensions.get("limits"):
        coding.append(("RateLimit-Policy", limiter.policy))
    headers = [
        ("Content-Type", http.JSON),
        ("ETag", tag),
        ("Cache-Control", "no-cache"),
        ("Content-Length", str(len(body))),
        *more.items(),
        *coding,
        *CONSTANT,
    ]
    return Answer(route, headers, body, etag)


@lru_cache(256)
def choice(encodings: str) -> str | None:
    chosen: str | None = _choose_algorithm(operations.ALGORITHMS, encodings)
    return chosen


class Luck:
    """Whether it is worth asking if anything has changed: not where writers are quicker than readers, or where what
    was kept makes room for others before it is asked again."""

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
CONSTANT = [
    *operations.SECURE.items(),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", operations.EXPOSED),
]
