"""/v1/batches"""

import gzip
import hashlib
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import IO, Any

import orjson
import psycopg
import structlog
import uuid_utils.compat
from flask import Response, current_app, request

import db
from api import apart, http
from api.http import allow, answer, describe, parse_json, recall, refuse, remember, target
from db import jobs, records
from db.packed import pack, put_aside
from schemas.base import BODIES
from schemas.batches import COUNTED, LIMITS, OPS, Batch, BatchArgs, BatchBody, BatchHeaders, OperationBody, known_types
from schemas.fields import UUID_TEXT, stamp
from schemas.lists import Args
from schemas.problems import MAX_FAULTS, Json, Refused, Telling, fault, faults


class Parser(http.Parser):
    """Leaves the body alone: it is read row by row. What a header asks for beyond what we do is ignored."""

    def parse(self, argmap: Any, req: Any = None, *, location: str | None = None, **kwargs: Any) -> Any:
        return super().parse(argmap, req, location=location, **kwargs) if location == "query" else None


class Blueprint(http.Blueprint):
    ARGUMENTS_PARSER = Parser()


blp = Blueprint("batches", __name__, url_prefix="/v1/batches", description="Many rows in one request, for machines.")
sql = db.load("batches")
log = structlog.get_logger()
KEPT = timedelta(days=30)
WAITING = 100  # batches of one provider that may wait: each fills the disk with up to 64 MiB
LARGE = 256 * 1024  # bytes; what is larger is worked on in a process of its own, so that readers need not wait
ATTEMPTS = 10  # a batch that its worker dies of may not be begun for ever
TICK = 0.5  # seconds between two words of progress
SILENCE = 20  # seconds after which a worker that says nothing has lost its batch: frozen, or its machine is gone
TAKEN_IN = {name: {"$ref": f"#/components/headers/{name}"} for name in ("Location", "Preference-Applied")}
LATER = {"Preference-Applied": "respond-async"}
OPERATION = OperationBody()
OURS = "Something went wrong on our side, and nothing was kept. The id of the batch helps us find it."
ROW = f"A row has at most {http.MAX_BODY >> 20} MiB, as a request of its own has."
LINES = {
    "schema": {
        "type": "string",
        "description": "One operation a line, each a JSON object like the entries of `operations`.",
        "maxLength": LIMITS["application/x-ndjson"][1],
        "pattern": r"^[^\u0000]*$",
    },
    "example": '{"op":"upsert","type":"actor","identifier":"example:office","data":{"name":"Office","kind":"other"}}\n'
    '{"op":"delete","type":"person","identifier":"example:nobody","reason":"There is no such person."}\n',
}


class GetBatchArgs(Args):
    pass


@blp.route("", methods=["POST"])
@blp.doc(requestBody={"content": {"application/x-ndjson": LINES}})
@blp.arguments(BatchBody(), location="json")
@blp.arguments(BatchHeaders(), location="headers")
@blp.arguments(BatchArgs(), location="query")
@blp.response(200, Batch)
@blp.alt_response(202, schema=Batch, description="Accepted", headers=TAKEN_IN)
def create_batch(_body: Any, _headers: Any, args: Json) -> Response:
    """Write many rows at once

    As `application/x-ndjson` (one operation a line; 50,000 rows or 64 MiB) or `application/json` (5,000 rows or 8 MiB);
    a row has at most 1 MiB, and all together refer to at most 200,000 records by names that differ.
    Rows may refer to records that other rows of the batch make, in any order. Good rows land and bad ones are told,
    each with all its faults; with `atomic=true` it is all or nothing (422). One batch is one transaction.

    With `Prefer: respond-async` it is only taken in (202) and worked off later, in the order in which this provider
    sent its batches: `Location` says where its progress and in the end its results are found.
    """
    allow("write")
    with tempfile.NamedTemporaryFile() as body:
        digest, size = receive(body)
        sent = (body.name, digest, args)
        return apart.do(take, *sent) if size > LARGE else take(*sent)


def take(name: str, digest: bytes, args: Json) -> Response:
    """Write the rows of a file that was sent, or put them by."""
    by, key, later = allow("write"), request.headers.get("Idempotency-Key"), wants_later()
    batch: Json = {
        "id": str(uuid_utils.compat.uuid7()),
        "provider": by.provider,
        "atomic": bool(args["atomic"]),
        "dry_run": bool(args["dry_run"]),
        "created_at": datetime.now(UTC),
    }
    with Path(name).open("rb") as body:
        if later:
            batch |= {"total": sum(1 for _ in read(request.mimetype, body)), "body": compress(body)}
        else:
            operations = list(prepare(read(request.mimetype, body)))
    with db.transaction() as conn:
        if key is not None and (stored := recall(conn, key, digest)):
            if stored.status_code == 202:
                stored.headers.update(LATER)
            return stored
        conn.execute(sql.forget, {"since": batch["created_at"] - KEPT})
        if later:
            response = enqueue(conn, batch, by)
        else:
            batch |= apply(conn, batch, by, operations)
            if batch["problem"]:
                response = refuse(batch["problem"])
            else:
                conn.execute(sql.keep, stored_as(batch))
                response = answer(document(batch), headers={"Location": f"/v1/batches/{batch['id']}"})
        if key is not None:
            remember(conn, key, digest, response)
    return response


@blp.route("/<id>")
@blp.arguments(GetBatchArgs(), location="query")
@blp.response(200, Batch)
def get_batch(args: Json, id: str) -> Response:
    """Get how a batch stands and what became of it

    For 30 days, and only for keys of the provider that sent it (or an admin).
    """
    # a replica may not have it yet
    return answer(document(db.read(lambda conn: find(conn, id, allow("read")), "write")))


@blp.route("/<id>", methods=["DELETE"])
@blp.arguments(GetBatchArgs(), location="query")
@blp.response(200, Batch)
def cancel_batch(args: Json, id: str) -> Response:
    """Cancel a batch

    One that waits or is being worked off: nothing of it is kept. One that is done or has failed stays so (409).
    """
    by = allow("write")
    with db.transaction() as conn:
        find(conn, id, by)
        conn.execute(sql.cancel, {"id": id, "now": datetime.now(UTC)})
        row = find(conn, id, by)
    if row["status"] != "cancelled":
        raise Refused(409, "conflict", f"The batch is {row['status']} already.")
    return answer(document(row))


def find(conn: db.Connection, id: str, by: records.By) -> Json:
    """A batch that this key may see."""
    since = datetime.now(UTC) - KEPT
    row = conn.execute(sql.one, {"id": id, "since": since}).fetchone() if UUID_TEXT.match(id) else None
    if row is None or not (by.admin or row["provider"] == by.provider):
        raise Refused(404, "not_found", "No such batch, or not one of this provider's.")
    return row


def wants_later() -> bool:
    """Whether the client need not wait (RFC 7240)."""
    wishes = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return "respond-async" in {wish.partition(";")[0].strip() for wish in wishes}


def receive(body: IO[bytes]) -> tuple[bytes, int]:
    """Put the request's body aside, so that no more of it than one row is held in memory; its hash, and its length."""
    kind = request.mimetype
    if kind not in LIMITS:
        raise Refused(415, "unsupported_media_type", f"Send {' or '.join(LIMITS)}.")
    limit, length = LIMITS[kind][1], request.content_length
    if "Transfer-Encoding" in request.headers and kind != "application/json":
        text = "Send Content-Length: of lines that come in chunks nobody can tell whether all have arrived."
        raise Refused(400, "bad_request", text)
    request.max_content_length = limit
    digest, size = hashlib.sha256(request.full_path.encode()), 0
    while part := request.stream.read(1024 * 1024):
        size += len(part)
        if size > limit:
            raise Refused(413, "content_too_large", _too_large(kind))
        digest.update(part)
        body.write(part)
    if length is not None and size < length:  # whoever sent it is gone, and the server says nothing of that
        raise Refused(400, "bad_request", f"The body broke off after {size} of {length} bytes.")
    body.flush()
    return digest.digest(), size


def _too_large(kind: str) -> str:
    rows, size = LIMITS[kind]
    return f"A batch has at most {rows} rows and {size >> 20} MiB as {kind}. Send several, or NDJSON."


def read(kind: str, body: IO[bytes] | gzip.GzipFile) -> Iterator[Any]:
    """The rows: JSON values, or what is wrong with a line."""
    if kind == "application/json":
        whole = parse_json(body.read())
        rows = whole.get("operations") if isinstance(whole, dict) else None
        if not isinstance(rows, list) or whole.keys() - {"operations"}:
            errors = [fault("/operations", "invalid", "Must be a list, and the only property.")]
            raise Refused(422, "validation_failed", 'Send {"operations": [...]}.', errors)
        if len(rows) > LIMITS[kind][0]:
            raise Refused(413, "content_too_large", _too_large(kind))
        for row in rows:
            yield row if len(orjson.dumps(row)) <= http.MAX_BODY else Refused(413, "content_too_large", ROW)
        return
    count = 0
    for line in _lines(body):
        if line.strip():
            count += 1
            if count > LIMITS[kind][0]:
                raise Refused(413, "content_too_large", _too_large(kind))
            try:
                yield parse_json(line) if len(line) <= http.MAX_BODY else Refused(413, "content_too_large", ROW)
            except Refused as error:
                yield error


def _lines(body: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """The lines of a file; of one that is too long, only so much as shows that."""
    while part := body.readline(http.MAX_BODY + 1):
        yield part
        while len(part) > http.MAX_BODY and not part.endswith(b"\n"):
            part = body.readline(http.MAX_BODY + 1)


def prepare(rows: Iterable[Any]) -> Iterator[records.Operation]:
    """The rows as the write path takes them; what is wrong with one is told when its turn comes."""
    telling = Telling()
    for row in rows:
        made = records.Operation("replace", "")
        try:
            _fill(made, row)
        except Refused as error:
            made.problem = error
        if made.problem:
            telling.keep(made.problem)
        yield made


def _fill(made: records.Operation, row: Any) -> None:
    if isinstance(row, Refused):
        raise row
    if not isinstance(row, dict):
        raise Refused(
            422, "validation_failed", "A row must be a JSON object.", [fault("", "invalid", "Not an object.")]
        )
    errors = [] if plain(row) else list(faults(OPERATION.validate(row)))
    made.type = row["type"] if isinstance(row.get("type"), str) else ""
    if made.type not in BODIES and made.type:
        errors.append(fault("/type", "invalid", f"Must be one of: {known_types()}."))
    data = row.get("data")
    named: Any = row.get("identifier") or row.get("id") or _own_name(data)
    if not errors and named is None:
        errors.append(fault("/identifier", "required", "Say which record: identifier or id."))
    if not isinstance(data, dict):
        if not errors and row["op"] != "delete":
            errors.append(fault("/data", "required", "Must be a JSON object."))
        data = {}
    if errors:
        raise Refused(422, "validation_failed", f"{len(errors)} fault(s) in the row.", errors)
    try:
        made.target = target(named)
    except Refused:
        text = f"{named} is neither an id (UUID) nor scheme:identifier."
        raise Refused(422, "validation_failed", text, [fault("/identifier", "invalid", text)]) from None
    made.op = "replace" if row["op"] == "upsert" else row["op"]
    made.reason = row.get("reason")
    if made.op == "replace":
        made.data = data
        records.load(made)
        made.data = {"id": data["id"]} if "id" in data else None  # what was sent is kept no longer than it is needed
    elif made.op == "patch":
        made.data = pack(data)


def plain(row: Json) -> bool:
    """Whether a row is surely sound around its data, as nearly all are: found out faster than by its schema."""
    texts = [row.get(name, "") for name in ("type", "id", "identifier", "reason")]
    known = row.keys() <= OPERATION.fields.keys() and row.get("op") in OPS.words
    return known and "type" in row and all(type(text) is str and len(text) <= 50 for text in texts)


def _own_name(data: Any) -> str | None:
    """What an exported record is called, where the row does not say it again."""
    if not isinstance(data, dict):
        return None
    names = data.get("identifiers")
    first = names[0] if isinstance(names, list) and names and isinstance(names[0], dict) else {}
    if isinstance(first.get("scheme"), str) and isinstance(first.get("identifier"), str):
        return f"{first['scheme']}:{first['identifier']}"
    return data["id"] if isinstance(data.get("id"), str) else None


def apply(conn: db.Direct, batch: Json, by: records.By, operations: list[records.Operation]) -> Json:
    """Write the rows, and say what became of them."""
    with conn.transaction(force_rollback=batch["dry_run"]):
        outcomes = records.write(operations, by, atomic=batch["atomic"], batch=batch["id"], conn=conn)
    results = io.BytesIO()
    for index, outcome in enumerate(outcomes):
        result: Json = {
            "index": index,
            "status": outcome.status,
            "type": outcome.type or None,
            "id": outcome.id,
            "version": outcome.version,
        }
        if outcome.problem:
            result["problem"] = describe(outcome.problem)
        results.write((b"," if index else b"[") + orjson.dumps(result))
    results.write(b"]" if outcomes else b"[]")
    counts = dict.fromkeys(COUNTED, 0) | Counter(outcome.status for outcome in outcomes)
    problem = nothing_kept(outcomes) if batch["atomic"] and counts["failed"] else None
    return {
        "status": "failed" if problem else "done",
        "total": len(outcomes),
        "done": len(outcomes),
        "counts": counts,
        "results": results.getvalue(),
        "problem": problem,
    }


def nothing_kept(outcomes: list[records.Outcome]) -> Refused:
    """Why an atomic batch was refused."""
    errors = (
        entry | {"pointer": f"/{index}{entry['pointer']}"}
        for index, outcome in enumerate(outcomes)
        if outcome.problem
        for entry in outcome.problem.errors or [fault("", outcome.problem.code, outcome.problem.detail)]
    )
    bad = sum(outcome.problem is not None for outcome in outcomes)
    text = f"{bad} of {len(outcomes)} rows are faulty, so nothing was kept. Pointers begin with the row's number."
    return Refused(422, "batch_failed", text, list(islice(errors, MAX_FAULTS)))


def stored_as(batch: Json) -> Json:
    """A batch as its table takes it."""
    counts, problem = batch.get("counts"), batch.get("problem")
    return batch | {
        "counts": orjson.dumps(counts).decode() if counts else None,
        "problem": orjson.dumps(describe(problem)).decode() if problem else None,
        "finished_at": datetime.now(UTC),
    }


def document(row: Json) -> bytes:
    shown = {name: row[name] for name in ("id", "status", "dry_run", "done", "total", "counts")}
    whole = shown | {"created_at": stamp(row["created_at"]), "results": orjson.Fragment(bytes(row["results"] or b"[]"))}
    if row["problem"]:
        whole["problem"] = row["problem"]
    return orjson.dumps(whole, default=str)


# --- later ---------------------------------------------------------------------------------------------------------


def compress(body: IO[bytes]) -> bytes:
    """What was sent, as it waits."""
    packed = io.BytesIO()
    body.seek(0)
    with gzip.open(packed, "wb", compresslevel=1) as out:
        shutil.copyfileobj(body, out)
    return packed.getvalue()


def enqueue(conn: db.Connection, batch: Json, by: records.By) -> Response:
    """Take a batch in, unless this provider has too many already."""
    waiting = conn.execute(sql.queued, {"provider": by.provider}).fetchone()
    if waiting and waiting["number"] >= WAITING:
        text = f"{WAITING} batches of this provider wait already. Send more when some of them are done."
        raise Refused(429, "too_many_batches", text)
    batch = batch | {"status": "queued", "done": 0, "counts": None, "results": None, "problem": None}
    conn.execute(sql.enqueue, batch | {"key_name": by.name, "admin": by.admin, "media_type": request.mimetype})
    jobs.put(conn, "batch", lock=by.provider, id=batch["id"])
    return answer(document(batch), 202, headers=LATER | {"Location": f"/v1/batches/{batch['id']}"})


def take_turn() -> bool:
    """Work off the batch whose turn it is, if there is one; says whether there was."""
    with db.transaction() as conn:
        for waiting in conn.execute(sql.without_job).fetchall():  # sent to a server that knew no jobs
            jobs.put(conn, "batch", lock=waiting["provider"], id=str(waiting["id"]))
    return jobs.take(current_app.config["DATABASE_URL"], "batch", work_off)


def work_off(id: str) -> None:
    """Apply a batch: all of it, and once, whatever dies on the way.

    What was sent is locked meanwhile, and goes in the transaction of the write itself. A worker that dies loses its
    connection, thereby the lock, and the next one begins anew. So does one that is frozen: PostgreSQL ends what is idle
    in a transaction for too long, and whoever comes next ends what is silent in the midst of a pipeline, where
    PostgreSQL would wait for ever.
    """
    silence = f"{SILENCE}s"
    with db.transaction() as conn, db.connection("write") as aside:
        conn.execute(sql.be_noticed, {"silence": silence})
        try:
            batch = conn.execute(sql.take, {"id": id}, binary=True).fetchone()
        except psycopg.errors.LockNotAvailable:
            aside.execute(sql.end_if_silent, {"id": id, "silence": silence})
            raise
        if batch is None:  # it is done, but its worker did not live to say so
            return
        started = monotonic()
        if begun := aside.execute(sql.begin, batch).fetchone():
            batch |= begun
            try:
                if batch["attempts"] > ATTEMPTS:
                    raise RuntimeError(f"the worker died of it {ATTEMPTS} times")
                with conn.transaction():
                    batch |= attempt(conn, aside, batch)
                    if not conn.execute(sql.finish, stored_as(batch)).rowcount:
                        raise psycopg.Rollback  # cancelled
            except (*db.AWAY, psycopg.InterfaceError):
                raise  # the connection is lost; the batch is begun anew
            except Exception as error:
                failed = {"status": "failed", "counts": None, "results": None, "problem": error}
                if not isinstance(error, Refused):
                    log.error("batch failed", id=str(batch["id"]), exc_info=error)
                    failed["problem"] = Refused(500, "internal_error", OURS)
                conn.execute(sql.finish, stored_as(batch | failed))
        conn.execute(sql.drop, batch)
    apart.give_back()
    log.info("batch", id=str(batch["id"]), rows=batch.get("total"), duration_ms=round((monotonic() - started) * 1000))


def attempt(conn: db.Direct, aside: db.Connection, batch: Json) -> Json:
    """Apply what waited, and tell on another connection how far it is."""
    operations: list[records.Operation] = []
    by = records.By(batch["provider"], batch["key_name"], batch["admin"])
    told = monotonic()
    with put_aside(), gzip.open(io.BytesIO(batch.pop("body"))) as body:
        for made in prepare(read(batch["media_type"], body)):
            operations.append(made)
            if monotonic() > told + TICK:
                if not aside.execute(sql.tell, {"id": batch["id"], "done": len(operations)}).rowcount:
                    raise psycopg.Rollback  # cancelled
                conn.execute(sql.still_here)
                told = monotonic()
        return apply(conn, batch, by, operations)
