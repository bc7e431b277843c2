"""/v1/batches"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import orjson
import uuid_utils.compat
from flask import Response, request

import db
from api import http
from api.http import allow, answer, describe, parse_json, problem, recall, remember, target
from db import records
from schemas.base import BODIES
from schemas.batches import COUNTED, LIMITS, Batch, BatchArgs, BatchBody, OperationBody, known_types
from schemas.fields import UUID_TEXT, stamp
from schemas.lists import Args
from schemas.problems import Json, Refused, fault, faults


class Parser(http.Parser):
    """Leaves the body alone: it is read row by row."""

    def parse(self, argmap: Any, req: Any = None, *, location: str | None = None, **kwargs: Any) -> Any:
        return None if location == "json" else super().parse(argmap, req, location=location, **kwargs)


class Blueprint(http.Blueprint):
    ARGUMENTS_PARSER = Parser()


blp = Blueprint("batches", __name__, url_prefix="/v1/batches", description="Many rows in one request, for machines.")
sql = db.load("batches")
KEPT = timedelta(days=30)
OPERATION = OperationBody()


class GetBatchArgs(Args):
    pass


@blp.route("", methods=["POST"])
@blp.arguments(BatchBody(), location="json")
@blp.arguments(BatchArgs(), location="query")
@blp.response(200, Batch)
def create_batch(_: Any, args: Json) -> Response:
    """Write many rows at once

    As `application/x-ndjson` (one operation a line; 50,000 rows or 64 MiB) or `application/json` (5,000 rows or 8 MiB).
    Rows may refer to records that other rows of the batch make, in any order. Good rows land and bad ones are told,
    each with all its faults; with `atomic=true` it is all or nothing (422). One batch is one transaction.
    """
    by = allow("write")
    key = request.headers.get("Idempotency-Key")
    with tempfile.SpooledTemporaryFile(max_size=1024 * 1024) as body:
        digest = receive(body)
        operations = [operation(row) for row in read(body)]
    id, now = str(uuid_utils.compat.uuid7()), datetime.now(UTC)
    with db.transaction() as conn:
        if key is not None and (stored := recall(conn, key, digest)):
            return stored
        with conn.transaction(force_rollback=bool(args["dry_run"])):
            outcomes = records.write(operations, by, atomic=bool(args["atomic"]), batch=id, conn=conn)
        response = tell(conn, id, by, args, now, outcomes)
        if key is not None:
            remember(conn, key, digest, response)
    return response


@blp.route("/<id>")
@blp.arguments(GetBatchArgs(), location="query")
@blp.response(200, Batch)
def get_batch(args: Json, id: str) -> Response:
    """Get what became of a batch

    For 30 days, and only for keys of the provider that sent it (or an admin).
    """
    by = allow("read")
    since = datetime.now(UTC) - KEPT
    row = db.row(sql.one, {"id": id, "since": since}) if UUID_TEXT.match(id) else None
    if row is None or not (by.admin or row["provider"] == by.provider):
        raise Refused(404, "not_found", "No such batch, or not one of this provider's.")
    return answer(document(row))


def receive(body: IO[bytes]) -> bytes:
    """Put the request's body aside, so that no more of it than one row is ever held in memory; returns its hash."""
    kind = request.mimetype
    if kind not in LIMITS:
        raise Refused(415, "unsupported_media_type", f"Send {' or '.join(LIMITS)}.")
    limit, length = LIMITS[kind][1], request.content_length
    if length is None and kind != "application/json":
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
    body.seek(0)
    return digest.digest()


def _too_large(kind: str) -> str:
    rows, size = LIMITS[kind]
    return f"A batch has at most {rows} rows and {size >> 20} MiB as {kind}. Send several, or NDJSON."


def read(body: IO[bytes]) -> Iterator[Any]:
    """The rows: JSON values, or what is wrong with a line."""
    kind = request.mimetype
    if kind == "application/json":
        whole = parse_json(body.read())
        rows = whole.get("operations") if isinstance(whole, dict) else None
        if not isinstance(rows, list) or whole.keys() - {"operations"}:
            errors = [fault("/operations", "invalid", "Must be a list, and the only property.")]
            raise Refused(422, "validation_failed", 'Send {"operations": [...]}.', errors)
        if len(rows) > LIMITS[kind][0]:
            raise Refused(413, "content_too_large", _too_large(kind))
        yield from rows
        return
    count = 0
    for line in body:
        if line.strip():
            count += 1
            if count > LIMITS[kind][0]:
                raise Refused(413, "content_too_large", _too_large(kind))
            try:
                yield parse_json(line)
            except Refused as error:
                yield error


def operation(row: Any) -> records.Operation:
    """A row as the write path takes it; what is wrong with it is told when its turn comes."""
    made = records.Operation("replace", "")
    try:
        _fill(made, row)
    except Refused as error:
        made.problem = error
    return made


def _fill(made: records.Operation, row: Any) -> None:
    if isinstance(row, Refused):
        raise row
    if not isinstance(row, dict):
        raise Refused(
            422, "validation_failed", "A row must be a JSON object.", [fault("", "invalid", "Not an object.")]
        )
    errors = list(faults(OPERATION.validate(row)))
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
    made.data = data
    if made.op == "replace":
        records.load(made)
        made.data = {"id": data["id"]} if "id" in data else None  # what was sent is kept no longer than it is needed


def _own_name(data: Any) -> str | None:
    """What an exported record is called, where the row does not say it again."""
    if not isinstance(data, dict):
        return None
    names = data.get("identifiers")
    first = names[0] if isinstance(names, list) and names and isinstance(names[0], dict) else {}
    if isinstance(first.get("scheme"), str) and isinstance(first.get("identifier"), str):
        return f"{first['scheme']}:{first['identifier']}"
    return data["id"] if isinstance(data.get("id"), str) else None


def tell(
    conn: db.Connection, id: str, by: records.By, args: Json, now: datetime, outcomes: list[records.Outcome]
) -> Response:
    """Keep and answer what became of the rows."""
    results = []
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
        results.append(result)
    counts = dict.fromkeys(COUNTED, 0) | Counter(outcome.status for outcome in outcomes)
    if args["atomic"] and counts["failed"]:
        errors = [
            entry | {"pointer": f"/{index}{entry['pointer']}"}
            for index, outcome in enumerate(outcomes)
            if outcome.problem
            for entry in outcome.problem.errors or [fault("", outcome.problem.code, outcome.problem.detail)]
        ]
        bad = sum(outcome.problem is not None for outcome in outcomes)
        text = f"{bad} of {len(outcomes)} rows are faulty, so nothing was kept. Pointers begin with the row's number."
        return problem(422, "batch_failed", text, errors[:1000])
    row = {
        "id": id,
        "provider": by.provider,
        "status": "done",
        "atomic": bool(args["atomic"]),
        "dry_run": bool(args["dry_run"]),
        "total": len(outcomes),
        "done": len(outcomes),
        "counts": counts,
        "results": orjson.dumps(results),
        "created_at": now,
    }
    conn.execute(sql.forget, {"since": now - KEPT})
    conn.execute(sql.keep, row | {"counts": orjson.dumps(counts).decode()})
    return answer(document(row), headers={"Location": f"/v1/batches/{id}"})


def document(row: Json) -> bytes:
    shown = {name: row[name] for name in ("id", "status", "dry_run", "done", "total", "counts")}
    whole = shown | {"created_at": stamp(row["created_at"]), "results": orjson.Fragment(bytes(row["results"] or b"[]"))}
    return orjson.dumps(whole, default=str)
