"""How this API speaks HTTP: strict requests, problems, conditions, cursors, and the operations every collection has."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

import flask_smorest
import marshmallow as ma
import orjson
import psycopg
from flask import Flask, Response, abort, current_app, g, request
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

import db
from api.cursors import DAY, Cursors
from api.operations import PROBES
from api.pages import PROBLEMS
from db import keys, lists, records, together
from schemas import base
from schemas.base import Body
from schemas.fields import Enum, Ref, Text, about, address, stamp
from schemas.lists import SORT, Args, GetArgs, ListArgs, QueryBoolean, load_args
from schemas.problems import Json, Refused, fault, faults
from schemas.revisions import RevisionArgs, RevisionPage

JSON = "application/json"
PATCH = "application/merge-patch+json"
PROBLEM = "application/problem+json"
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
QUESTIONS = {"match_actors"}  # too long for a query, so asked by POST; they write nothing
MAX_BODY = 1024 * 1024
MAX_INTEGER = 2**53 - 1  # beyond it, JSON's numbers are no longer exact everywhere (RFC 8259, 6)

NO_IDS = {"summary", "ladder", "match"}  # what stands below a collection, and is no record of it
LISTS: dict[str, tuple[type[Body], Args]] = {}  # the collections, with the parameters of their lists

sql = db.load("http")


# --- problems ------------------------------------------------------------------------------------------------------


def problem(
    status: int,
    code: str | None = None,
    detail: str | None = None,
    errors: list[Json] | None = None,
    headers: Iterable[tuple[str, str]] = (),
    **more: Any,
) -> Response:
    """An RFC 9457 problem."""
    code = code or re.sub(r"\W+", "_", HTTPStatus(status).phrase.lower())
    instance = quote(request.path[:1000], safe="/-._~!$&'()*+,;=:@")
    body = describe(Refused(status, code, detail or "", errors, **more))
    body |= {"instance": instance, "request_id": g.get("request_id", "")}
    response = Response(orjson.dumps(body, default=str), status=status, content_type=PROBLEM)
    for name, value in headers:
        response.headers.add(name, value)
    response.headers["Cache-Control"] = "no-store"
    return response


def describe(error: Refused) -> Json:
    """A problem without the request it belongs to: of one row of a batch."""
    known = PROBLEMS.get(error.code)
    title = known["title"] if known else HTTPStatus(error.status).phrase
    return {
        "type": known["type"] if known else "about:blank",
        "title": title,
        "status": error.status,
        "detail": error.detail or title,
        "code": error.code,
        "errors": error.errors,
    } | error.more


def refuse(error: Refused) -> Response:
    headers = {
        401: [("WWW-Authenticate", 'Bearer realm="parley"')],
        415: [("Accept-Patch", PATCH)] if request.method == "PATCH" else [("Accept", JSON)],
        429: [("Retry-After", "30")],
        503: [("Retry-After", "5")],
    }.get(error.status, [])
    return problem(error.status, error.code, error.detail, error.errors, headers, **error.more)


def refuse_http(error: HTTPException) -> Response:
    """What Flask and Werkzeug refuse, with their headers (Allow, Retry-After …)."""
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect is no problem
    hidden = ("content-type", "content-length")
    headers = [(name, value) for name, value in error.get_headers() if name.lower() not in hidden]
    code = {400: "bad_request", 413: "content_too_large", 500: "internal_error"}.get(error.code)
    return problem(error.code, code, None if error.code >= 500 else error.description, headers=headers)


def refuse_away(error: Exception) -> Response:
    """The database is away, or did not answer in time."""
    current_app.logger.warning("database unavailable: %s", type(error).__name__)
    return refuse(Refused(503, "unavailable", "The database does not answer just now. Try again."))


def refuse_data(error: Exception) -> Response:
    """A value that passed our checks and still is nothing PostgreSQL can read: the client's fault, but ours to mend."""
    current_app.logger.error("unforeseen data error", exc_info=error)
    return problem(400, "bad_request", "A value cannot be read.")


def fail(error: Exception) -> Response:
    """A fault of ours: told without a word of what is inside."""
    current_app.logger.error("unhandled error", exc_info=error)
    return problem(500, "internal_error", "Something went wrong on our side. The request id helps us find it.")


def init_app(app: Flask) -> None:
    """Problems for every error."""
    app.url_map.merge_slashes = False
    app.url_map.converters["record"] = RecordId
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.register_error_handler(Refused, refuse)
    app.register_error_handler(HTTPException, refuse_http)
    for away in db.AWAY:
        app.register_error_handler(away, refuse_away)
    app.register_error_handler(psycopg.DataError, refuse_data)
    app.register_error_handler(Exception, fail)


# --- who asks ------------------------------------------------------------------------------------------------------


def authenticate() -> None:
    """Find the key of the request, before its quota is charged."""
    header = request.headers.get("Authorization")
    g.key = None if header is None or request.path in PROBES else find_key(header)


def find_key(header: str) -> Any:
    """The living key of an `Authorization` header, or None."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    return db.read(lambda conn: keys.find(conn, token.strip()), "lookup")


def admit() -> None:
    """Refuse a bad key even where none is needed, and everybody else where reading is not public."""
    if g.key is None and "Authorization" in request.headers and request.path not in PROBES:
        raise Refused(401, "unauthorized", "The key is unknown, expired or revoked.")
    public = current_app.config.get("PUBLIC_READ", True) or not request.path.startswith("/v1/")
    if g.key is None and not public and not request.path.startswith("/v1/openapi.") and request.method != "OPTIONS":
        raise Refused(401, "unauthorized", "This server answers only with a key.")
    asks = (request.endpoint or "").rpartition(".")[2] in QUESTIONS
    if request.url_rule and request.method in WRITES and not asks:
        allow("write")  # before a body is read or a fault in it told


def allow(scope: str) -> records.By:
    """Refuse a request whose key lacks the scope; tell the log who it is."""
    if g.key is None:
        raise Refused(401, "unauthorized", "Writing needs a key: Authorization: Bearer <key>.")
    return writer(g.key, scope)


def writer(key: Any, scope: str) -> records.By:
    """The holder of a key, as the log knows him."""
    if scope not in key["scopes"]:
        raise Refused(403, "forbidden", f"This key lacks the scope {scope}.")
    return records.By(key["provider"], key["name"], "admin" in key["scopes"])


class RecordId(BaseConverter):
    """An id in a path, slashes and all: an encoded slash arrives bare. What stands below a record is no part of it."""

    part_isolating = False
    regex = rf"(?!(?:{'|'.join(sorted(NO_IDS))})$)(?:(?!/(?:merge|restore|revisions|citation)$).)+"


# --- what is asked -------------------------------------------------------------------------------------------------


def read_json() -> Any:
    """The body as JSON, read as strictly as RFC 8259 and I-JSON (RFC 7493) allow."""
    wanted = PATCH if request.method == "PATCH" else JSON
    if request.mimetype != wanted:
        raise Refused(415, "unsupported_media_type", f"Send {wanted}.")
    raw = request.get_data()
    if request.content_length is None and len(raw) >= MAX_BODY:  # Werkzeug cuts a body sent in chunks off there
        raise Refused(413, "content_too_large", "The body is too large.")
    return parse_json(raw)


def parse_json(raw: bytes) -> Any:
    try:
        orjson.loads(raw)  # refuses bad UTF-8, lone surrogates and deep nesting, and is quick about it
        return json.loads(raw, object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite, parse_int=_exact)
    except (ValueError, RecursionError) as error:
        text = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise Refused(400, "invalid_json", f"The body is not valid JSON: {text[:200]}.") from None


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {double!r} stands twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number


def _exact(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise ValueError(f"{text[:20]}… is too large a number")
    return int(text)


class Parser(FlaskParser):
    """Reads queries and bodies; a body is validated by the write path, once, like any row of a set."""

    def offered(self) -> tuple[str, ...]:
        """The content types in which the answer can be had."""
        return (JSON,)

    def parse(self, argmap: Any, req: Any = None, *, location: str | None = None, **kwargs: Any) -> Any:
        if location == "query":
            acceptable(*self.offered())
            try:
                unquote_to_bytes(request.query_string).decode()
            except UnicodeDecodeError:
                raise Refused(400, "invalid_query", "The query is not UTF-8.") from None
            return load_args(argmap, list(request.args.items(multi=True)))
        return read_json()


def acceptable(*kinds: str) -> str:
    """Which of the content types the reader likes best, the first where all are alike; none is refused.

    A charset or another parameter makes no difference.
    """
    accepted = MIMEAccept((wanted.partition(";")[0], weight) for wanted, weight in request.accept_mimetypes)
    best = accepted.best_match([*kinds, PROBLEM]) if accepted else kinds[0]
    if best is None:
        raise Refused(406, "not_acceptable", f"There is only {' or '.join(kinds)}.")
    return best if best in kinds else kinds[0]


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # the library is untyped
    """Documents with flask-smorest, reads strictly."""

    ARGUMENTS_PARSER = Parser()


def target(id: str) -> Json:
    """Whom a path names: an id, or scheme:identifier."""
    try:
        return address(id)
    except ma.ValidationError:
        raise Refused(404, "not_found", "Neither an id (UUID) nor scheme:identifier.") from None


def tags(header: str | None) -> frozenset[int] | str | None:
    """The versions an ``If-Match`` names; what a proxy or a compressor hangs on behind the version is forgiven."""
    if header is None:
        return None
    if header.strip() == "*":
        return "any"
    return frozenset(int(version) for version in re.findall(r'(?:^|[\s,])(?:W/)?"(\d{1,9})(?:[-:;][^"]*)?"', header))


def if_match(required: bool) -> Any:
    found = tags(request.headers.get("If-Match"))
    if found is None and required:
        raise Refused(428, "precondition_required", "Send If-Match with the ETag of the version you have read.")
    return found


def fresh(etag: str, sent: str | None) -> bool:
    """Whether `If-None-Match` says that the client has it already (weak comparison, RFC 9110 13.1.2; a compressor's
    suffix is forgiven)."""
    if sent is None:
        return False
    return sent.strip() == "*" or etag in {tag.partition(":")[0] for tag in re.findall(r'"([^"]*)"', sent)}


# --- what is answered ----------------------------------------------------------------------------------------------


def answer(
    body: bytes, status: int = 200, etag: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Ready JSON; a reader who has it already gets 304."""
    response = Response(body, status=status, content_type=JSON)
    if etag is not None:
        response.headers["ETag"] = f'"{etag}"'
        if request.method in ("GET", "HEAD") and fresh(etag, request.headers.get("If-None-Match")):
            response.status_code = 304
            response.set_data(b"")
            del response.headers["Content-Type"]
    response.headers["Cache-Control"] = "no-cache"
    response.headers.update(headers or {})
    return response


def entity_tag(version: int, stamp: int) -> str:
    """Version and label stamp: it changes whenever a byte of the served document does."""
    return f"{version}-{stamp:x}"


def body_tag(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def link(path: str | None) -> dict[str, str]:
    """The next page as a header (RFC 8288)."""
    return {"Link": f'<{path}>; rel="next"'} if path else {}


def cursors() -> Cursors:
    if "cursors" not in current_app.extensions:
        row = db.row(sql.secret)
        assert row is not None
        current_app.extensions["cursors"] = Cursors(bytes(row["value"]))
    found: Cursors = current_app.extensions["cursors"]
    return found


SHAPE = ("limit", "fields", "include", "include_total", "lang", "allow_machine", "highlight")
UNBOUND = ("cursor", "position", "key", "last", *SHAPE)


def fingerprint(type: str, args: Json) -> str:
    """What a cursor is bound to: the type, the filters and the sort."""
    bound = {name: str(value) for name, value in args.items() if value is not None and name not in UNBOUND}
    return hashlib.blake2b(orjson.dumps([type, bound], option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def resume(type: str, args: Json) -> Json:
    """The args with the place where the cursor's page ended."""
    place: Json = {"position": None, "key": None, "last": None}
    if args["cursor"] is not None:
        position, key, last, bound = cursors().read(args["cursor"]) or [None] * 4
        if bound != fingerprint(type, args):
            text = "The cursor is mangled, older than a week, or was given for other parameters. Start anew without it."
            raise Refused(400, "invalid_cursor", text, [fault("cursor", "invalid_cursor", text, "query")])
        place = {"position": position, "key": key, "last": last}
    return args | place


def list_records(body: type[Body], args: Json) -> Response:
    whole, etag, headers = read_list(body, args, request.path, request.args.to_dict())
    return answer(whole, etag=etag, headers=headers)


def read_list(body: type[Body], args: Json, path: str, query: dict[str, str]) -> tuple[bytes, str, dict[str, str]]:
    """One page, its bytes as they come from the database: with its tag, and the headers that are its own."""
    page = lists.page(body.type, resume(body.type, args))
    total = {} if page.total is None else {"total": page.total}
    whole, etag, headers = spelt(body.type, args, page, total, path, query)
    return whole, etag, headers | in_language(page.languages)


def one_page(type: str, args: Json, page: lists.Page | lists.Found, more: Json) -> Response:
    whole, etag, headers = spelt(type, args, page, more, request.path, request.args.to_dict())
    return answer(whole, etag=etag, headers=headers)


def spelt(
    type: str, args: Json, page: lists.Page | lists.Found, more: Json, path: str, query: dict[str, str]
) -> tuple[bytes, str, dict[str, str]]:
    """A page of what was found, and the way to the next."""
    cursor = next = None
    if page.more:
        cursor = cursors().sign([page.position, page.key, page.id, fingerprint(type, args)])
        next = f"{path}?{urlencode(query | {'cursor': cursor}, safe=':,')}"
    end = {"next": next, "next_cursor": cursor} | more
    rest = orjson.dumps(end)[1:]
    items = page.items or [b""]
    items[0] = b'{"items":[' + items[0]
    items[-1] += b"]," + rest
    return b",".join(items), body_tag(page.tag + rest), link(next)


def nothing() -> Response:
    """204, which has no body and therefore is of no type."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def in_language(languages: str | None) -> dict[str, str]:
    """Which languages were chosen for the reader (RFC 9110, 8.5)."""
    return {"Content-Language": languages} if languages else {}


def find_record(body: type[Body], id: str, args: Json, rest: str = "") -> Json:
    """The record that a path names, or what there is to say instead; ``rest`` is what stands in the path behind it."""
    row: Json | None = lists.get(body.type, target(id), args)
    if row is not None and row["state"] == "merged" and args["version"] is None:
        query = "?" + request.query_string.decode() if request.query_string else ""
        path = f"/v1/{body.collection}/{row['merged_into']}{rest}{query}"
        abort(Response(status=308, headers={"Location": path}))
    if row is None or (row["doc"] is None and (row["state"] != "deleted" or args["version"] is not None)):
        what = "version" if row and args["version"] is not None else body.type
        raise Refused(404, "not_found", f"No such {what}.")
    if row["doc"] is None:
        when = stamp(row["updated_at"])
        raise Refused(410, "gone", f"This {body.type} was deleted.", deleted_at=when, reason=row["reason"])
    return row


def get_record(body: type[Body], id: str, args: Json) -> Response:
    row = find_record(body, id, args)
    text = row["doc"].encode()
    whole = not (args["include"] or args["fields"] or args["lang"] or args["allow_machine"] is not None)
    etag = entity_tag(row["version"], row["stamp"]) if whole else body_tag(text)
    headers = in_language(row["languages"])
    if args["version"] is not None and not args["include"]:
        # a version stays what it is; only its labels are today's, and an erasure has to reach every copy, so an hour
        headers |= {"Cache-Control": "max-age=3600, immutable"}
    return answer(text, etag=etag, headers=headers)


def write_record(body: type[Body], operation: records.Operation, scope: str = "write") -> Response:
    """One row through the write path, answered as HTTP wants it."""
    by = allow(scope)
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    if key is None and operation.op == "create":
        made = request.environ.get("parley.made")  # in front of Flask (shortcut.py), which is to say what came of it
        return written(body, operation, made.result() if made else together.create(operation, by))
    with db.transaction() as conn:
        if key is not None and (stored := recall(conn, key, request_hash())):
            return stored
        [outcome] = records.write([operation], by, show=True, conn=conn)
        response = written(body, operation, outcome)
        if key is not None:
            remember(conn, key, request_hash(), response)
    return response


def written(body: type[Body], operation: records.Operation, outcome: records.Outcome) -> Response:
    """What became of a write."""
    if outcome.problem:
        return refuse(outcome.problem)
    if outcome.doc is None:
        response = nothing()
    else:
        assert outcome.version is not None and outcome.stamp is not None
        status = 201 if outcome.status == "created" and operation.op != "restore" else 200
        response = answer(outcome.doc, status, entity_tag(outcome.version, outcome.stamp))
        if status == 201:
            response.headers["Location"] = f"/v1/{body.collection}/{outcome.id}"
    response.headers["Parley-Result"] = outcome.status
    return response


# --- Idempotency-Key -----------------------------------------------------------------------------------------------


def request_hash() -> bytes:
    return hashlib.sha256(b"\n".join([request.full_path.encode(), request.get_data()])).digest()


def recall(conn: db.Connection, key: str, digest: bytes) -> Response | None:
    """The answer that this key got before; while it is still being found, 409."""
    key = key.strip().strip('"')
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        text = "1–255 visible ASCII characters, quoted or bare."
        raise Refused(400, "bad_request", text, [fault("Idempotency-Key", "invalid", text, "header")])
    args = {"key_id": g.key["id"], "key": key, "since": datetime.now(UTC) - timedelta(seconds=DAY)}
    lock = conn.execute(sql.lock_key, {"lock": f"{g.key['id']} {key}"}).fetchone()
    if not (lock and lock["locked"]):
        raise Refused(409, "idempotency_in_flight", "The first request with this Idempotency-Key is still running.")
    row = conn.execute(sql.recall, args).fetchone()
    if row is None:
        return None
    if bytes(row["request_hash"]) != digest:
        raise Refused(422, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
    response = Response(bytes(row["body"]), row["status"], row["headers"])
    response.headers["Idempotent-Replayed"] = "true"
    return response


def remember(conn: db.Connection, key: str, digest: bytes, response: Response) -> None:
    """Keep the answer in the transaction of the write itself, so that both are there or neither."""
    now = datetime.now(UTC)
    kept = ("Content-Type", "ETag", "Location", "Parley-Result", "Cache-Control")
    conn.execute(sql.forget, {"since": now - timedelta(seconds=DAY)})
    conn.execute(
        sql.remember,
        {
            "key_id": g.key["id"],
            "key": key.strip().strip('"'),
            "request_hash": digest,
            "status": response.status_code,
            "headers": orjson.dumps(
                {name: response.headers[name] for name in kept if name in response.headers}
            ).decode(),
            "body": response.get_data(),
            "created_at": now,
        },
    )


# --- the operations every collection has ---------------------------------------------------------------------------


def collection(body: type[Body], args: type[ListArgs]) -> Blueprint:
    """A blueprint with the operations that all collections share; a resource adds what is its own."""
    noun, nouns = body.type, body.collection
    a_noun = f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
    one = base.shown(body)
    blp = Blueprint(nouns, __name__, url_prefix=f"/v1/{nouns}", description=(body.__doc__ or "").strip())
    sorts = Enum(*(minus + word for word in lists.sorts(noun) for minus in ("", "-")), metadata=SORT)
    list_args = type(args.__name__, (args,), {"sort": sorts})()
    LISTS[nouns] = (body, list_args)
    get_args = type(f"{one.__name__}GetArgs", (GetArgs,), {"of": body})()

    def operation(method: str, path: str, name: str, doc: str, *decorators: Any) -> Callable[[Any], None]:
        def register(view: Any) -> None:
            view.__name__, view.__doc__ = name, doc
            for decorate in reversed(decorators):
                view = decorate(view)
            blp.route(path, methods=[method])(view)

        return register

    @operation("GET", "", f"list_{nouns}", f"""List {nouns}

        All filters narrow together; a comma list means any of its values. The end of the list is `next: null`.
        A walk through the pages answers as of its first page, so that nothing is met twice or missed.
        """, blp.arguments(list_args, location="query"), blp.response(200, base.page(body)))  # fmt: skip
    def _(args: Json) -> Response:
        return list_records(body, args)

    @operation("POST", "", f"create_{noun}", f"""Create {a_noun}

        Needs a key with the scope `write`. With an `Idempotency-Key` it can be sent again without harm.
        """, blp.arguments(body(), location="json"), blp.response(201, one))  # fmt: skip
    def _(data: Any) -> Response:
        return write_record(body, records.Operation("create", noun, data=data))

    @operation("GET", "/<record:id>", f"get_{noun}", f"""Get {a_noun}

        By its id or by `scheme:identifier`. One that was merged answers 308, one that was deleted 410.
        """, blp.arguments(get_args, location="query"), blp.response(200, one))  # fmt: skip
    def _(args: Json, id: str) -> Response:
        return get_record(body, id, args)

    @operation("PUT", "/<record:id>", f"replace_{noun}", f"""Replace or upsert {a_noun}

        Under its id it replaces, and needs `If-Match`. Under `scheme:identifier` it is the upsert of ingestion clients:
        it creates (201) or replaces (200), `If-None-Match: *` creates only. Sending what is already there changes
        nothing, and `Parley-Result` says `unchanged`.
        """, blp.arguments(body(), location="json"), blp.response(200, one))  # fmt: skip
    def _(data: Any, id: str) -> Response:
        whom = target(id)
        only_new = request.headers.get("If-None-Match", "").strip() == "*"
        match = if_match(required=False)
        return write_record(
            body, records.Operation("replace", noun, whom, data, match, only_new, must_match="id" in whom)
        )

    @operation("PATCH", "/<record:id>", f"patch_{noun}", f"""Change {a_noun}

        By JSON merge patch (RFC 7396): what is sent replaces, null removes, lists are replaced whole. Needs
        `If-Match`.
        """, blp.arguments(base.patch(body)(), location="json", content_type=PATCH),
        blp.response(200, one))  # fmt: skip
    def _(data: Any, id: str) -> Response:
        return write_record(body, records.Operation("patch", noun, target(id), data, if_match(required=True)))

    @operation("DELETE", "/<record:id>", f"delete_{noun}", f"""Delete {a_noun}

        Needs `If-Match`. Refused (409) while other records refer to it. Its history stays, its identifiers stay
        reserved, and an upsert through one of them brings the same id back. With `erase=true` (admin) its content is
        taken out of every revision, too: what remains is that something was erased, when and why.
        """, blp.arguments(DeleteArgs(), location="query"), blp.response(204))  # fmt: skip
    def _(args: Json, id: str) -> Response:
        erase = bool(args["erase"])
        row = records.Operation("delete", noun, target(id), reason=args["reason"], erase=erase)
        row.if_match = if_match(required=not erase)
        return write_record(body, row, "admin" if erase else "write")

    @operation("POST", "/<record:id>/merge", f"merge_{noun}", f"""Merge {a_noun} into another

        For two records of the same thing; needs a key with the scope `admin`. Every reference follows, the target keeps
        its content and gains the identifiers, and `GET` of the old id or identifier answers 308. Answers the target.
        """, blp.arguments(MergeBody(), location="json"), blp.response(200, one))  # fmt: skip
    def _(data: Any, id: str) -> Response:
        into = into_whom(data)
        response = write_record(body, records.Operation("merge", noun, target(id), into=into), "admin")
        if response.status_code < 400:
            result = response.headers["Parley-Result"]
            response = get_record(body, id_of(into), get_args.load({}))
            response.headers["Parley-Result"] = result
        return response

    @operation("POST", "/<record:id>/restore", f"restore_{noun}", f"""Restore {a_noun}

        Brings a deleted {noun} back as it last stood; needs a key with the scope `admin`.
        """, blp.response(200, one))  # fmt: skip
    def _(id: str) -> Response:
        return write_record(body, records.Operation("restore", noun, target(id)), "admin")

    @operation("GET", "/<record:id>/revisions", f"list_{noun}_revisions", f"""List the revisions of {a_noun}

        Oldest first: when each was recorded, by whose key, and which properties it changed. `?version=` of the {noun}
        itself gives one of them whole.
        """, blp.arguments(RevisionArgs(), location="query"), blp.response(200, RevisionPage))  # fmt: skip
    def _(args: Json, id: str) -> Response:
        return list_revisions(body, id, args)

    return blp


class DeleteArgs(Args):
    reason = Text(max=500, metadata=about("Why; shown to whoever asks for the record later."))
    erase = QueryBoolean(metadata=about("Also take the content out of every revision (admin).", False))


class MergeBody(base.Schema):
    """Which record takes another one's place."""

    into = Ref(required=True, metadata=about("The record that stays.", "iso3166-1:UKR"))


def into_whom(data: Any) -> Json:
    try:
        into: Json = MergeBody().load(data)["into"]
    except ma.ValidationError as error:
        errors = list(faults(error.messages))
        raise Refused(422, "validation_failed", f"{len(errors)} fault(s) in the body.", errors) from None
    return into


def id_of(whom: Json) -> str:
    return str(whom.get("id") or f"{whom['scheme']}:{whom['identifier']}")


def list_revisions(body: type[Body], id: str, args: Json) -> Response:
    of = f"revisions of {body.type} {id}"
    row = lists.history(body.type, target(id), resume(of, args)["last"], args["limit"])
    if row["id"] is None:
        raise Refused(404, "not_found", f"No such {body.type}.")
    cursor = cursors().sign([None, None, row["last"], fingerprint(of, args)]) if row["more"] else None
    path = f"{request.path}?{urlencode(request.args.to_dict() | {'cursor': cursor})}" if cursor else None
    end = orjson.dumps({"next": path, "next_cursor": cursor})[1:]
    whole = b'{"items":[%b],%b' % ((row["items"] or "").encode(), end)
    return answer(whole, etag=body_tag(whole), headers=link(path))
