"""Batches: many rows in one request."""

from marshmallow import fields

from schemas.base import BODIES, Open, Schema, some
from schemas.fields import Anything, Enum, Integer, Text, Timestamp, about
from schemas.lists import Args, QueryBoolean

COUNTED = ("created", "updated", "unchanged", "deleted", "failed")
#: At most so many rows and bytes in one request, by content type.
LIMITS = {"application/x-ndjson": (50_000, 64 * 1024 * 1024), "application/json": (5_000, 8 * 1024 * 1024)}


class BatchArgs(Args):
    atomic = QueryBoolean(metadata=about("All rows or none; by default the good land and the bad are told.", False))
    dry_run = QueryBoolean(metadata=about("Check everything and keep nothing.", False))


class BatchHeaders(Schema):
    prefer = Text(
        max=2000,
        data_key="Prefer",
        metadata=about("`respond-async`: take the batch in and answer 202; it is worked off later.", "respond-async"),
    )


OPS = Enum("upsert", "patch", "delete", required=True, metadata=about("What to do."))


class OperationBody(Schema):
    """One row of a batch."""

    op = OPS
    type = Text(max=50, required=True, metadata=about("The type of the record.", "actor"))
    id = Text(max=300, metadata=about("The record: its id; this or `identifier`."))
    identifier = Text(max=300, metadata=about("The record: `scheme:identifier`.", "kiel:DEM2"))
    data = Anything(metadata=about("The record (upsert) or the merge patch (patch)."))
    reason = Text(max=500, metadata=about("Why (delete)."))


class BatchBody(Schema):
    """A batch as JSON. As NDJSON, each line is one operation."""

    operations = some(OperationBody, max=LIMITS["application/json"][0], required=True, metadata=about("The rows."))


class Result(Open):
    """What became of one row."""

    index = Integer(0, 2**31 - 1, required=True, metadata=about("The row, from 0."))
    status = Enum(*COUNTED, required=True, metadata=about("What became of it."))
    type = Text(required=True, allow_none=True, metadata=about("The type of the record.", "actor"))
    id = fields.UUID(required=True, allow_none=True, metadata=about("The record."))
    version = Integer(1, 2**31 - 1, required=True, allow_none=True, metadata=about("Its version now."))
    problem = Anything(metadata=about("Why it failed: a problem as of one request, pointers relative to `data`."))


class Counts(Open):
    """How many rows ended how."""

    created = Integer(0, 2**31 - 1, required=True, metadata=about("New records."))
    updated = Integer(0, 2**31 - 1, required=True, metadata=about("Changed records."))
    unchanged = Integer(0, 2**31 - 1, required=True, metadata=about("Records that were so already."))
    deleted = Integer(0, 2**31 - 1, required=True, metadata=about("Deleted records."))
    failed = Integer(0, 2**31 - 1, required=True, metadata=about("Rows that could not be done."))


class Batch(Open):
    """What became of a batch."""

    id = fields.UUID(required=True, metadata=about("Its id, under which it is answered again for 30 days."))
    status = Enum("queued", "running", "done", "failed", "cancelled", required=True, metadata=about("How it stands."))
    dry_run = fields.Boolean(required=True, metadata=about("Whether nothing was kept."))
    done = Integer(
        0, 2**31 - 1, required=True, metadata=about("Rows read and checked so far; all are written at once.")
    )
    total = Integer(0, 2**31 - 1, required=True, metadata=about("Rows in all."))
    created_at = Timestamp(required=True, metadata=about("When it was received."))
    counts = fields.Nested(
        Counts, required=True, allow_none=True, metadata=about("How many rows ended how; null until then.")
    )
    problem = Anything(metadata=about("Why nothing of it was kept: a problem as of one request (failed)."))
    results = fields.List(
        fields.Nested(Result), required=True, metadata=about("One entry a row, in the order of the rows.")
    )


def known_types() -> str:
    return ", ".join(BODIES)
