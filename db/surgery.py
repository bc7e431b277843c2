"""What only an admin does to records: merge two that are one, restore a deleted one, erase what must not be kept."""

from typing import TYPE_CHECKING, Any

import orjson
from marshmallow.fields import Field

import db
from db import consequences
from schemas import base, claims
from schemas.base import BODIES
from schemas.fields import Ref
from schemas.problems import Json, Refused, fault, pointer

if TYPE_CHECKING:
    from db.records import Operation, Record, Set

sql = db.load("surgery")


def merge(work: "Set", record: "Record", operation: "Operation") -> None:
    """Put another record in this one's place: every reference follows, its identifiers lead there from now on."""
    target = work.find(operation.type, operation.into or {})
    if target is None or target.state != "live":
        text = f"There is no such {record.type} to merge into."
        raise Refused(422, "unknown_reference", text, [fault("/into", "unknown_reference", text)])
    if target.id == record.id:
        raise Refused(409, "conflict", f"A {record.type} cannot be merged into itself.")
    errors: list[Json] = []
    for row in work.conn.execute(sql.referrers, {"id": record.id}).fetchall():
        [referrer] = work.affect([str(row["from_id"])])
        if referrer.id == target.id:
            text = f"The {target.type} {target.id} would refer to itself."
            errors.append(fault(row["path"], "conflict", text))
        elif referrer.document is not None:
            referrer.document = redirect(referrer, record.id, target.id, errors)
    if errors:
        text = "Merged, these references would say two different things, or lead back to where they stand."
        raise Refused(409, "conflict", text, errors)
    [target] = work.affect([target.id])
    document = dict(target.document or {})
    names = [*document.get("identifiers", []), *(record.document or {}).get("identifiers", [])]
    document["identifiers"] = [name for place, name in enumerate(names) if name not in names[:place]]
    target.document = base.clean(document)
    for name in target.document.get("identifiers", []):
        work.owners[target.type, name["scheme"], name["identifier"]] = target.id
    record.document, record.state, record.merged_into, record.reason = None, "merged", target.id, operation.reason
    record.overlay = {}


def redirect(record: "Record", old: str, new: str, errors: list[Json]) -> Json:
    """A document with one reference put for another. Equal entries of a list collapse; unequal ones are a conflict."""
    was = record.document or {}

    def follow(kind: "Field[Any]", value: Any, at: tuple[str | int, ...]) -> Any:
        return value | {"id": new} if isinstance(kind, Ref) and value.get("id") == old else value

    def collapse(value: Any, was: Any, name: str) -> Any:
        if value == was or not isinstance(value, dict | list):
            return value
        if isinstance(value, dict):
            return {key: collapse(entry, was[key], name) for key, entry in value.items()}
        kept: list[Any] = []
        for entry in map(collapse, value, was, [name] * len(value)):
            if entry in kept:
                continue
            if any(_same(entry, other, new) for other in kept):
                text = f"{record.type} {record.id} names both, and says different things of them."
                errors.append(fault(pointer(name), "conflict", text))
            kept.append(entry)
        return kept

    document = base.walk(BODIES[record.type], was, follow)
    if record.type == "claim" and (value := claims.reference(document)) and value["id"] == old:
        document["value"] = value | {"id": new}
    return {name: collapse(value, was[name], name) for name, value in document.items()}


def _same(one: Any, other: Any, id: str) -> bool:
    """Whether two entries of a list are about the same record."""
    found = [_about(entry) for entry in (one, other)]
    return id in found[0] and id in found[1]


def _about(entry: Any) -> set[str]:
    parts = [entry, *entry.values()] if isinstance(entry, dict) else []
    return {part["id"] for part in parts if isinstance(part, dict) and "id" in part}


def follow(conn: db.Connection, record: "Record") -> None:
    """Whatever was merged into a record that is merged itself is now one step from what stands in its place."""
    conn.execute(sql.follow, {"id": record.id, "into": record.merged_into})


def restore(work: "Set", record: "Record", operation: "Operation") -> None:
    """Bring a deleted record back as it last stood."""
    if record.state != "deleted":
        raise Refused(409, "conflict", f"This {record.type} is not deleted.")
    row = work.conn.execute(sql.last, {"id": record.id}).fetchone()
    if row is None:
        raise Refused(410, "gone", f"What this {record.type} held was erased.")
    record.document, record.state, record.reason = row["document"], "live", None
    record.overlay = row["overlay"] or {}
    consequences.restore(record)
    record.overlay = {}


def erase(conn: db.Connection, record: "Record") -> None:
    """Take a deleted record's content out of every revision, and out of all that was made of it."""
    args = {"id": record.id, "old": record.label, "position": record.position}
    reference: Json = {"id": record.id, "type": record.type, "name": None, "identifiers": []}
    args["new"] = orjson.dumps(reference).decode()
    for statement in (sql.erase, sql.unserve, sql.unproject, sql.unname, sql.relabel, sql.unlabel, sql.forget):
        conn.execute(statement.replace("{table}", BODIES[record.type].collection), args)
