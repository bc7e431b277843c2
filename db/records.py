"""The life of a record: every write is a set that is resolved, logged and projected under one lock, or not at all."""

import re
from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from hashlib import sha256
from itertools import chain
from typing import Any, Literal, TypeVar
from uuid import UUID

import orjson
import uuid_utils.compat
from marshmallow.fields import Field
from psycopg.waiting import Ready, Wait

import db
from db import Connection, Direct, Statement, consequences, surgery
from db.packed import Aside, Packed, put_aside, unpack
from schemas import base, claims
from schemas.base import BODIES
from schemas.fields import UUID_TEXT, Edtf, Ref, stamp
from schemas.problems import Json, Refused, Telling, fault, pointer

sql = db.load("records")
CHUNK = 1000  # rows that are rendered at a time: their text, not their number, is what takes memory
FEW = 20  # operations: up to so many, planning would take longer than the work
REFERENCES = 200_000  # that a set may have, all different: what they name is kept in memory
AHEAD = 8  # statements that wait while one is on its way

NOBODY: Json = {"ids": [], "targets": []}
#: what ``known`` tells last
KNOWN = (
    "id",
    "type",
    "version",
    "position",
    "state",
    "provider",
    "admin",
    "label",
    "label_position",
    "merged_into",
    "reason",
)

Name = tuple[str, str, str, str, int, int | None]  # type, scheme and identifier lead to an id, from when until when
T = TypeVar("T")


@dataclass(frozen=True)
class By:
    """Who writes: a key, or rather what of it the log keeps."""

    provider: str
    name: str
    admin: bool = False


@dataclass(slots=True)
class Operation:
    """One row of a set. ``target`` is what ``fields.address`` makes of a path or a row's identifier."""

    op: Literal["create", "replace", "patch", "delete", "merge", "restore"]
    type: str
    target: Json | None = None
    data: Any = None  # JSON, or a patch that was packed
    if_match: frozenset[int] | Literal["any"] | None = None
    only_new: bool = False
    must_match: bool = False
    reason: str | None = None
    into: Json | None = None
    erase: bool = False
    problem: Refused | None = None  # what was wrong with it before anything was looked up
    loaded_bytes: bytes | Aside | None = None
    loaded_names: tuple[tuple[str, str], ...] = ()
    loaded = Packed()  # what it brings, validated, its references not yet looked up


@dataclass(slots=True)
class Outcome:
    """What became of an operation. ``doc`` is the served document, ready to be sent."""

    status: Literal["created", "updated", "unchanged", "deleted", "failed"] = "failed"
    type: str = ""
    id: str | None = None
    version: int | None = None
    stamp: int | None = None
    doc: bytes | None = None
    problem: Refused | None = None


@dataclass(slots=True)
class Record:
    """A record while a set is applied to it: what it was, and in ``document`` what it will be."""

    id: str
    type: str
    provider: str
    version: int = 0
    position: int = 0
    state: str = "new"
    hash: bytes = b""
    label: str = ""
    label_position: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    merged_into: str | None = None
    reason: str | None = None
    admin: bool = False
    document_bytes: bytes | Aside | None = None
    document_names: tuple[tuple[str, str], ...] = ()
    overlay: Json = field(default_factory=dict)
    was_bytes: bytes | Aside | None = None
    was_names: tuple[tuple[str, str], ...] = ()
    was_overlay: Json = field(default_factory=dict)
    was_state: str = "new"
    whole: bool = True  # whether its document was read, too
    rows: list[int] = field(default_factory=list)
    drafts: list[bytes | Aside | None] = field(default_factory=list)  # after each row, with references as sent
    document = Packed()
    was = Packed()

    @property
    def alive(self) -> bool:
        return self.document_bytes is not None

    @property
    def renamed(self) -> bool:
        """Whether other identifiers than before lead to it. Those of the deleted stay reserved, and those of the merged
        go on leading to it, and by it to its target."""
        if self.alive and self.was_state == "live":
            return self.document_names != self.was_names
        return self.alive or self.was_state == "new"

    def has(self, name: str) -> bool:
        """Whether the document may have a property of this name: told without unpacking it."""
        return self.document_bytes is not None and f'"{name}":'.encode() in bytes(self.document_bytes)

    def had(self, name: str) -> bool:
        """The same of what it was."""
        return self.was_bytes is not None and f'"{name}":'.encode() in bytes(self.was_bytes)


def write(
    operations: list[Operation],
    by: By,
    *,
    atomic: bool = True,
    batch: str | None = None,
    show: bool = False,
    conn: Direct | None = None,
    begun: bool = False,
) -> list[Outcome]:
    """Apply a set of operations in one transaction.

    Bad rows are reported in their outcome; with ``atomic`` (and always for a set of one) nothing at all is kept then.
    With ``show`` the outcomes have the served documents. Given a connection, the caller's transaction is used, so that
    more can be stored in it; but one that was ``begun`` by ``beginning`` is for this set alone, and ends with it.
    """
    if conn is None:
        with db.transaction(*beginning(len(operations))) as conn:
            return write(operations, by, atomic=atomic, batch=batch, show=show, conn=conn, begun=True)
    for operation in operations:
        if operation.op in ("create", "replace") and operation.loaded_bytes is None and operation.problem is None:
            load(operation)
    work = Set(conn, by, operations, begun)
    problems = work.settle()
    outcomes = [Outcome(type=operation.type, problem=problems.get(row)) for row, operation in enumerate(operations)]
    if not problems or not atomic:
        work.keep(batch, outcomes)
        if show:
            work.show(outcomes)
    return outcomes


def beginning(count: int) -> list[Statement]:
    """What a transaction that writes so many operations begins with: from then on nobody else writes."""
    return [(sql.lock, {}), (sql.plan_once, {})] if count <= FEW else [(sql.lock, {})]


def load(operation: Operation) -> None:
    """Validate a row that brings a whole record."""
    try:
        loaded = _document(BODIES[operation.type], operation.data)
        _add_identifier(loaded, operation.target)
        operation.loaded = loaded
    except Refused as problem:
        operation.problem = problem  # told when its row's turn comes, after what is wrong with its target


def _document(body: type[base.Body], data: Any) -> Json:
    document, errors = base.load(body, data)
    if errors:
        raise Refused(422, "validation_failed", f"{len(errors)} fault(s) in the body.", errors)
    return document


def _patched(body: type[base.Body], document: Json | None, change: Any) -> Json:
    """A merge patch applied. A misspelt null would vanish unseen, so its name is looked at before."""
    known = {*base.READ_ONLY, *(name for name, _ in base.properties(body))}
    names = change.keys() - known if isinstance(change, dict) else set()
    unknown = [fault(pointer(name), "unknown_property", "Unknown field.") for name in names if change[name] is None]
    try:
        patched = _document(body, base.merge_patch(document, change))
    except Refused as problem:
        problem.errors += unknown
        raise
    if unknown:
        raise Refused(422, "validation_failed", f"{len(unknown)} fault(s) in the body.", unknown)
    return patched


class Set:
    """The records that a set of operations touches, while it is applied in memory."""

    def __init__(self, conn: Direct, by: By, operations: list[Operation], begun: bool = False) -> None:
        self.conn, self.by, self.operations, self.begun = conn, by, operations, begun
        self.asked: set[tuple[str, str]] = set()  # the names that were looked up …
        self.named: dict[tuple[str, str, str], str] = {}  # … and whom they name: (type, scheme, identifier) -> id
        self.stored: dict[str, Record] = {}  # by id, as the database has it
        self.periods: list[Period] = []  # what was projected last
        self.telling = Telling()
        targets = [whom for operation in operations for whom in (operation.target, operation.into) if whom]
        own = {name for operation in operations for name in operation.loaded_names}
        own |= {(target["scheme"], target["identifier"]) for target in targets if "scheme" in target}
        whole = {target["id"] for target in targets if "id" in target}
        whole |= {op.data["id"] for op in operations if isinstance(op.data, dict) and _is_id(op.data.get("id"))}
        names, ids = _referred((op.type, op.loaded_bytes) for op in operations if op.loaded_bytes)
        first = [] if begun else beginning(len(operations))
        at_once = (ids | whole) if len(ids | whole) <= CHUNK else set()
        asked = [
            self._ask_named(own | names),
            (sql.known, {"ids": sorted(at_once), "targets": sorted(whole & at_once)}),
        ]
        *_, [head], named, known = conn.run([*first, (sql.head, {}), *asked])
        self.position, self.now = int(head[0]), _time(head[1])
        self._learn_named(named)
        self._learn_known(known, whole)
        whole |= {id for (_, *name), id in self.named.items() if tuple(name) in own}
        self._find_known(ids | set(self.named.values()), whole)

    def _ask_named(self, wanted: set[tuple[str, str]]) -> Statement:
        self.asked |= wanted
        schemes, identifiers = zip(*sorted(wanted), strict=True) if wanted else ((), ())
        return sql.named, {"schemes": list(schemes), "identifiers": list(identifiers)}

    def _learn_named(self, found: Iterable[db.Row]) -> None:
        for row in found:
            type, scheme, identifier, id = (value.decode() for value in row)
            self.named[type, scheme, identifier] = id

    def _find_known(self, ids: Iterable[str], whole: Iterable[str] = ()) -> None:
        """Read records, and the documents of some of them."""
        whole = {id for id in whole if id not in self.stored or not self.stored[id].whole}
        if missing := {id for id in ids if id not in self.stored} | whole:
            args = {"ids": sorted(missing), "targets": sorted(whole)}
            if len(missing) <= CHUNK:
                [known] = self.conn.run([(sql.known, args)])
                self._learn_known(known, whole)
                return
            for row in self.conn.cursor().stream(sql.known, args, size=CHUNK):
                self.remember(row, str(row["id"]) in whole)

    def _learn_known(self, found: Iterable[db.Row], whole: set[str]) -> None:
        for row in found:
            known = _stored(row)
            self.remember(known, known["id"] in whole)

    def remember(self, row: Json, whole: bool = True) -> Record:
        """Keep a record as the database has it."""
        id, into, overlay = str(row["id"]), row["merged_into"], row["overlay"] or {}
        row = row | {"id": id, "merged_into": str(into) if into else None, "overlay": overlay}
        document = row.pop("document")
        record = Record(**row, was_overlay=overlay, was_state=row["state"], whole=whole)
        record.document = document
        record.was_bytes, record.was_names = record.document_bytes, record.document_names
        consequences.restore(record)
        self.stored[id] = record
        return record

    def record(self, id: str) -> Record:
        """A record as the set leaves it."""
        return self.touched.get(id) or self.stored[id]

    def affect(self, ids: Iterable[str]) -> list[Record]:
        """These records, to be changed as a consequence of the set."""
        ids = sorted(ids)
        self._find_known((), whole=[id for id in ids if id not in self.touched])
        for id in ids:
            if id not in self.touched and id in self.stored:
                self.touched[id] = replace(self.stored[id], rows=[], drafts=[])
        return [self.touched[id] for id in ids if id in self.touched]

    # --- applying ---

    def settle(self) -> dict[int, Refused]:
        """Apply all rows; drop the bad ones and start again without them, until the rest is sound."""
        problems: dict[int, Refused] = {}
        while True:
            found = self._attempt(problems.keys())
            if not found:
                return problems
            problems |= found

    def _attempt(self, bad: Iterable[int]) -> dict[int, Refused]:
        self.touched: dict[str, Record] = {}
        self.owners: dict[tuple[str, str, str], str] = {}  # what this set names, and whom
        problems: dict[int, Refused] = {}
        for row, operation in enumerate(self.operations):
            if row not in bad:
                try:
                    self._apply(row, operation)
                except Refused as problem:
                    problems[row] = self.telling.keep(problem)
        self._fetch_names()
        self.failed = {name for row in {*bad, *problems} for name in _names_of(self.operations[row])}
        self.unmade: set[str] = set()
        self.waiters: dict[str, list[Record]] = defaultdict(list)  # who refers to records of the set
        self.resolved: dict[tuple[Any, ...], Json] = {}  # what references to other records mean
        waiting = [record for record in self.touched.values() if record.alive and record.rows]
        while waiting:
            record = waiting.pop()
            if problems.keys().isdisjoint(record.rows) and (found := self._check(record)):
                row = found[0]
                problems[row] = self.telling.keep(found[1])
                if record.was_state != "live" and len(record.rows) == 1:
                    # who refers to it fails at once: one attempt for each link of a chain would take for ever
                    self.unmade.add(record.id)
                    self.failed |= {record.id, *_names_of(self.operations[row])}
                    waiting += self.waiters.pop(record.id, [])
        return problems or self._check_deletions() or consequences.apply(self)

    def _apply(self, row: int, operation: Operation) -> None:
        record = self.find(operation.type, operation.target)
        if record is None:
            record = self._newborn(operation)
        else:
            self._check_conditions(record, operation)
        match operation.op:
            case "merge":
                surgery.merge(self, record, operation)
            case "restore":
                surgery.restore(self, record, operation)
            case "delete":
                record.document, record.state, record.reason, record.overlay = None, "deleted", operation.reason, {}
            case "patch":
                change = unpack(operation.data) if isinstance(operation.data, bytes | Aside) else operation.data
                record.document = _patched(BODIES[record.type], record.document, change)
            case _:
                if operation.problem is not None:
                    raise operation.problem
                record.document_bytes, record.document_names = operation.loaded_bytes, operation.loaded_names
                record.state, record.reason = "live", None
        self.touched[record.id] = record
        record.admin = self.by.admin
        record.rows.append(row)
        record.drafts.append(record.document_bytes)
        for name in record.document_names:
            self.owners[record.type, *name] = record.id

    def find(self, type: str, target: Json | None) -> Record | None:
        """The record that an operation means, as the rows before it left it."""
        if target is None:
            return None
        id = target.get("id")
        if id is None:
            id = self._owner((type, target["scheme"], target["identifier"]))
        if id is None:
            return None
        if id in self.touched:
            return replace(self.touched[id])
        stored = self.stored.get(id)
        return replace(stored, rows=[], drafts=[]) if stored and stored.type == type else None

    def _newborn(self, operation: Operation) -> Record:
        target, data = operation.target or {}, operation.data
        if operation.op not in ("create", "replace") or ("id" in target and not self.by.admin):
            raise Refused(404, "not_found", f"No such {operation.type}.")
        if operation.if_match:
            raise Refused(412, "precondition_failed", f"No such {operation.type} yet, so no version of it matches.")
        id = target.get("id")
        if (
            id is None
            and operation.op == "replace"
            and self.by.admin
            and isinstance(data, dict)
            and _is_id(data.get("id"))
        ):
            id = str(UUID(data["id"]))  # so that an export loads into an empty Parley with its ids
        if id is not None and (id in self.stored or id in self.touched):
            raise Refused(409, "conflict", "That id belongs to another record.")
        return Record(id or str(uuid_utils.compat.uuid7()), operation.type, self.by.provider)

    def _check_conditions(self, record: Record, operation: Operation) -> None:
        noun = record.type
        if record.state == "merged":
            raise Refused(
                409, "merged", f"This {noun} was merged into {record.merged_into}.", target=record.merged_into
            )
        if not self.by.admin and record.provider != self.by.provider:
            raise Refused(403, "not_your_record", f"This {noun} belongs to the provider {record.provider}.")
        by_name = operation.op == "replace" and "scheme" in (operation.target or {})
        if record.state == "deleted" and not by_name and operation.op != "restore" and not operation.erase:
            raise Refused(410, "gone", f"This {noun} was deleted.", reason=record.reason)
        if operation.only_new and record.state == "live":
            raise Refused(412, "precondition_failed", f"This {noun} exists already (version {record.version}).")
        wanted = operation.if_match
        if operation.must_match and wanted is None:
            raise Refused(428, "precondition_required", "Send If-Match with the ETag of the version you have read.")
        if wanted is not None and wanted != "any" and record.version not in wanted:
            raise Refused(412, "precondition_failed", f"The {noun} has changed: it is at version {record.version}.")

    # --- checking what came of it ---

    def _check(self, record: Record) -> tuple[int, Refused] | None:
        """What is wrong with a record, and the row that is to blame."""
        if problem := self._check_identifiers(record):
            return record.rows[-1], problem
        for place, draft in enumerate(record.drafts):
            if draft is not None:
                if problem := self._check_references(record, unpack(draft)):
                    return record.rows[place], problem
                record.drafts[place] = record.document_bytes
        if problem := self._check_value(record):
            return record.rows[-1], problem
        return None

    def _check_identifiers(self, record: Record) -> Refused | None:
        errors = []
        for number, name in enumerate(record.document_names):
            key = (record.type, *name)
            before = self.named.get(key)
            owner = self.owners.get(key, before)
            if before and before != record.id and self._names(before, key):
                owner = before
            if owner is not None and owner in self.stored and self.record(owner).merged_into == record.id:
                continue  # the name of a record that was merged into this one
            if owner != record.id:
                text = f"{':'.join(name)} names {record.type} {owner}."
                errors.append(fault(pointer("identifiers", number), "identifier_taken", text))
        if errors:
            return Refused(409, "identifier_taken", "An identifier names one record at most.", errors)
        return None

    def _owner(self, key: tuple[str, str, str]) -> str | None:
        """Whom an identifier names, as the rows so far leave it."""
        owners = (self.owners.get(key), self.named.get(key))
        return next((id for id in owners if id and self._names(id, key)), None)

    def _names(self, id: str, key: tuple[str, str, str]) -> bool:
        record = self.touched.get(id)
        return record is None or not record.alive or key[1:] in record.document_names

    def _check_references(self, record: Record, draft: Json) -> Refused | None:
        """Make the draft the document, with every reference as id and type, or tell all that lead nowhere."""
        errors: list[Json] = []

        def resolve(kind: Field[Any], value: Any, at: tuple[str | int, ...]) -> Any:
            if not isinstance(kind, Ref):
                return value
            meant = (kind.types, *(value.get(name) for name in ("type", "id", "scheme", "identifier")))
            if meant in self.resolved:
                return self.resolved[meant]
            found = [other for other in self._candidates(kind, value) if other.alive or not other.rows]
            found = [other for other in found if other.state in ("live", "new") and other.id not in self.unmade]
            if len(found) == 1:
                answer = {"id": found[0].id, "type": found[0].type}
                if found[0].rows:
                    self.waiters[found[0].id].append(record)
                else:
                    self.resolved[meant] = answer  # nothing in this set can change it any more
                return answer
            named = value.get("id") or f"{value['scheme']}:{value['identifier']}"
            types = " or ".join(kind.types) or "record"
            if found:
                text = f"{named} names more than one {types}: send an object with type and id."
                errors.append(fault(pointer(*at), "ambiguous_reference", text))
            elif named in self.failed:
                errors.append(fault(pointer(*at), "reference_failed", f"The row that makes {named} failed itself."))
            else:
                errors.append(fault(pointer(*at), "unknown_reference", f"{named} names no {types}."))
            return value

        record.document = base.walk(BODIES[record.type], draft, resolve)
        if errors:
            code = errors[0]["code"] if len(errors) == 1 else "unknown_reference"
            return Refused(422, code, f"{len(errors)} reference(s) lead nowhere.", errors)
        return None

    def resolve(self, kind: Ref, value: Any) -> tuple[Any, list[Json]]:
        """A reference that stands where no schema says so: the value of a claim."""
        if value is None or value.keys() == {"id", "type"}:
            return value, []
        if "scheme" in value:
            self._learn_named(*self.conn.run([self._ask_named({(value["scheme"], value["identifier"])})]))
        self._find_known({value["id"]} if "id" in value else set(self.named.values()))
        found = [other for other in self._candidates(kind, value) if other.state in ("live", "new")]
        if len(found) == 1:
            return {"id": found[0].id, "type": found[0].type}, []
        text = f"Names {'no' if not found else 'more than one'} {' or '.join(kind.types) or 'record'}."
        return None, [fault("/value", "unknown_reference", text)]

    def _check_value(self, record: Record) -> Refused | None:
        return consequences.check_claim(self, record) if record.type == "claim" else None

    def _fetch_names(self) -> None:
        """Look up what nobody could know before the rows were applied: the references and names that patches bring."""
        brought = {id(operation.loaded_bytes) for operation in self.operations}
        drafts = (
            (r.type, draft) for r in self.touched.values() for draft in r.drafts if draft and id(draft) not in brought
        )
        names, ids = _referred(drafts)
        names.update(name for record in self.touched.values() for name in record.document_names)
        if unknown := names - self.asked:
            self._learn_named(*self.conn.run([self._ask_named(unknown)]))
        self._find_known(ids | set(self.named.values()))
        self._find_known({record.merged_into for record in self.stored.values() if record.merged_into})

    def _candidates(self, kind: Ref, value: Json) -> list[Record]:
        types = [value["type"]] if value.get("type") else list(kind.types or BODIES)
        if "id" in value:
            ids = [value["id"]]
        else:
            names = [(type, value["scheme"], value["identifier"]) for type in types]
            ids = [id for name in names if (id := self._owner(name))]
        found = [self.touched.get(id) or self.stored.get(id) for id in ids]
        found = [self.stored[r.merged_into] if r and r.merged_into else r for r in found]
        return [record for record in found if record and record.type in types]

    def _check_deletions(self) -> dict[int, Refused]:
        gone = {r.id: r for r in self.touched.values() if r.state == "deleted" and r.was_state == "live"}
        if not gone:
            return {}
        found: dict[str, list[Json]] = defaultdict(list)

        def look(other: Record, document: Json) -> Iterator[Record]:
            for path, ref in references(other.type, document):
                if ref["id"] in gone:
                    found[ref["id"]].append({"from_id": other.id, "from_type": other.type, "path": path})
                    yield gone[ref["id"]]

        args = {"ids": list(gone), "touched": list(self.touched), "each": max(100 // len(gone), 3)}
        for row in self.conn.execute(sql.referrers, args):
            found[str(row["to_id"])].append(row)
        for other in self.touched.values():
            list(look(other, other.document or {}))
        problems: dict[int, Refused] = {}
        waiting = [gone[id] for id in found]
        while waiting:
            record = waiting.pop()
            if record.rows[-1] not in problems:
                text = "{from_type} {from_id} refers to it."
                errors = [fault(row["path"], "still_referenced", text.format_map(row)) for row in found[record.id]]
                text = f"This {record.type} is still referred to."
                problems[record.rows[-1]] = Refused(409, "still_referenced", text, errors)
                waiting += look(record, record.was or {})  # it stays, and with it whatever it refers to
        return problems

    # --- keeping ---

    def keep(self, batch: str | None, outcomes: list[Outcome]) -> None:
        """Append what changed to the log and project it."""
        head, now = self.position, self.now
        for operation in self.operations:
            operation.loaded_bytes = None  # it is in the records by now
        changed = []
        for record in self.touched.values():
            hash = b"erased" if any(self.operations[row].erase for row in record.rows) else b""
            if record.alive:
                if record.overlay:
                    record.document = consequences.shown(record)
                hash = sha256(bytes(record.document_bytes or b"") + base.canonical(record.overlay)).digest()
            if hash == record.hash and record.state == record.was_state:
                continue
            record.hash = hash
            record.version += 1
            record.updated_at = now
            record.created_at = record.created_at or now
            record.position = head = head + 1
            changed.append(record)
        if changed:
            self._log(changed, now, batch)
        for record in changed:
            if record.hash == b"erased":
                surgery.erase(self.conn, record)
            if record.state == "merged":
                surgery.follow(self.conn, record)
        self._tell(outcomes, {record.id for record in changed})

    def _log(self, changed: list[Record], now: datetime, batch: str | None) -> None:
        renamed = []
        for record in changed:
            record.state = "live" if record.alive else record.state
            if (record.alive or not record.label) and (label := make_label(record)) != record.label:
                renamed.append((record.id, record.label, label, record.position))
                record.label, record.label_position = label, record.position
        labels = self._labels(changed)
        statements: list[Iterable[Statement]] = [
            keep_records(changed),
            name([record for record in changed if record.renamed]),
            *(self._append(portion, now, batch, labels) for portion in portions(changed)),
        ]
        if old_names := [name for name in renamed if name[1]]:
            ids, olds, news, positions = map(list, zip(*old_names, strict=True))
            statements.append([(sql.relabel, {"ids": ids, "olds": olds, "news": news, "positions": positions})])
        if self.begun and all(record.alive for record in changed):  # else there is more to be done
            statements.append([db.COMMIT])  # as soon as it can be: all others wait for it
        store(self.conn, chain.from_iterable(statements), at_once=len(changed) <= CHUNK)

    def _append(
        self, changed: list[Record], now: datetime, batch: str | None, labels: dict[str, Record]
    ) -> Iterator[Statement]:
        ops = {"live": "updated", "deleted": "deleted", "merged": "merged"}
        columns = _columns(changed, "position", "id", "type", "version", "admin", "merged_into", "reason", "hash") | {
            "recorded_at": now,
            "provider": self.by.provider,
            "key_name": self.by.name,
            "batch": batch,
            "op": ["created" if r.version == 1 and r.alive else ops[r.state] for r in changed],
            "changed": [f"{{{','.join(difference(r))}}}" for r in changed],  # names of properties need no quoting
            "overlay": [_text(r.overlay) if r.overlay else None for r in changed],
            "document": [bytes(r.document_bytes).decode() if r.document_bytes else None for r in changed],
        }
        yield sql.append, columns
        yield from close_periods([record for record in changed if record.was_state != "new"])
        self.periods = [Period(record, None) for record in changed if record.alive]
        yield from project(self.periods, labels)

    def _labels(self, changed: list[Record]) -> dict[str, Record]:
        met_now = [record for record in changed if record.overlay or not record.rows]  # changed by consequence
        named = {ref["id"] for record in met_now for _, ref in references(record.type, record.document or {})}
        self._find_known(named - self.touched.keys())
        return self.stored | self.touched

    def _tell(self, outcomes: list[Outcome], changed: set[str]) -> None:
        for record in self.touched.values():
            for place, row in enumerate(record.rows):
                outcome = outcomes[row]
                outcome.id, outcome.version = record.id, record.version
                if record.id not in changed:
                    outcome.status = "unchanged"
                elif record.state == "deleted":
                    outcome.status = "deleted"
                elif record.state == "merged":
                    outcome.status = "updated"
                else:
                    outcome.status = "created" if record.was_state != "live" and place == 0 else "updated"

    def show(self, outcomes: list[Outcome]) -> None:
        """Add the documents as they are served now, which a batch does not need."""
        made = {period.record.id: period for period in self.periods}
        for outcome in outcomes:
            if period := made.get(outcome.id or ""):
                outcome.doc, outcome.stamp = period.doc.encode(), period.stamp
            elif outcome.id and (row := self.conn.execute(sql.served, {"id": outcome.id}).fetchone()):
                outcome.doc, outcome.stamp = row["doc"].encode(), row["stamp"]


def _stored(row: db.Row) -> Json:
    """A row of ``known``, of PostgreSQL's text."""
    document, overlay, hash, created_at, updated_at, *rest = row
    texts = [None if value is None else value.decode() for value in rest]
    known: Json = dict(zip(KNOWN, texts, strict=True))
    return known | {
        "version": int(known["version"]),
        "position": int(known["position"]),
        "label_position": int(known["label_position"]),
        "admin": known["admin"] == "t",
        "hash": bytes.fromhex(hash[2:].decode()),
        "created_at": _time(created_at),
        "updated_at": _time(updated_at),
        "document": document and orjson.loads(document),
        "overlay": overlay and orjson.loads(overlay),
    }


def _time(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode())


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and UUID_TEXT.match(value) is not None


def _referred(documents: Iterable[tuple[str, bytes | Aside]]) -> tuple[set[tuple[str, str]], set[str]]:
    """All that documents refer to, by name and by id."""
    names: set[tuple[str, str]] = set()
    ids: set[str] = set()
    for type, document in documents:
        for _, ref in references(type, unpack(document)):
            if "scheme" in ref:
                names.add((ref["scheme"], ref["identifier"]))
            else:
                ids.add(ref["id"])
        if len(names) + len(ids) > REFERENCES:
            text = f"The rows refer to more than {REFERENCES} records. Send them in several batches."
            raise Refused(413, "content_too_large", text)
    return names, ids


def _names_of(operation: Operation) -> Iterator[str]:
    """All by which other rows can refer to what a row makes."""
    target = operation.target or {}
    names = [*operation.loaded_names, *([(target["scheme"], target["identifier"])] if "scheme" in target else [])]
    yield from (":".join(name) for name in names)
    yield from [target["id"]] if "id" in target else []


def _identifiers(document: Json) -> list[Json]:
    found: list[Json] = document.get("identifiers", [])
    return found


def _add_identifier(document: Json, target: Json | None) -> None:
    """A record that was put under an identifier has it, whether or not its body repeats it."""
    if target and "scheme" in target:
        name = {"scheme": target["scheme"], "identifier": target["identifier"]}
        if name not in _identifiers(document):
            document["identifiers"] = [name, *_identifiers(document)]


def _columns(records: Iterable[Any], *names: str) -> Json:
    return {name: [getattr(record, name) for record in records] for name in names}


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def references(type: str, document: Json) -> Iterator[tuple[str, Json]]:
    """All references of a document: the path (without list indices) and the reference."""
    yield from base.references(BODIES[type], document)
    if type == "claim" and (value := claims.reference(document)):
        yield "/value", value


def difference(record: Record) -> list[str]:
    """JSON Pointers of the top-level properties that differ from what they were, or that new claims are about."""
    pairs = [(record.was or {}, record.document or {}), (record.was_overlay, record.overlay)]
    return sorted({_pointer(k) for was, now in pairs for k in was.keys() | now.keys() if was.get(k) != now.get(k)})


_pointer = cache(pointer)  # for names of properties, of which there are not many


def make_label(record: Record) -> str:
    """The record as references to it show it."""
    document, body = record.document or {}, BODIES[record.type]
    return _text(
        {
            "id": record.id,
            "type": record.type,
            "name": document.get(body.label) if body.label else None,
            "identifiers": _identifiers(document),
        }
    )


# --- projecting: from the log to what is served; used by every write and by rebuild --------------------------------


@dataclass
class Period:
    """A record as it stood from its position up to another (None: still stands)."""

    record: Record
    to_position: int | None
    doc: str = ""  # as it is served, once it has been projected …
    stamp: int = 0  # … with the last position that changed it


def portions(items: list[T]) -> Iterator[list[T]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def store(conn: Connection, statements: Iterable[Statement], at_once: bool) -> None:
    """Execute statements: a few in one go; many by a thread, so that PostgreSQL works on some while others are made."""
    if at_once and isinstance(conn, Direct):
        conn.run(statements)
        return

    def send(query: str, args: Mapping[str, Any]) -> None:
        conn.execute(query, args)
        conn.wait(_sent(conn))

    # in a pipeline, too: so the parameters of the next are written while PostgreSQL works on the last
    with ThreadPoolExecutor(1) as aside, conn.pipeline() as pipeline:
        waiting: deque[Future[None]] = deque()
        for number, (query, args) in enumerate(statements, 1):
            waiting.append(aside.submit(send, query, args))
            if number % AHEAD == 0:
                waiting.append(aside.submit(pipeline.sync))  # till then psycopg keeps what was sent
            if len(waiting) > AHEAD:
                waiting.popleft().result()
        for done in waiting:
            done.result()


def _sent(conn: Connection) -> Generator[Wait, Ready | int, None]:
    """Until all is on its way: left to itself, libpq keeps what the socket does not take at once till the next call."""
    while conn.pgconn.flush():
        yield Wait.W


def keep_records(records: Iterable[Record]) -> Iterator[Statement]:
    """Write the identity of records."""
    names = ["id", "type", "version", "position", "state", "provider", "admin", "hash", "label", "label_position"]
    for portion in portions(list(records)):
        yield sql.keep, _columns(portion, *names, "created_at", "updated_at", "merged_into", "reason")


def name(renamed: list[Record]) -> Iterator[Statement]:
    """Write which identifiers lead to records from now on."""
    if before := [record for record in renamed if record.was_state != "new"]:
        yield _close("identifiers", "id", before)  # first: what one gives up, another may take
    for portion in portions(renamed):
        yield from write_names(
            (r.type, *name, r.id, r.position, None)
            for r in portion
            for name in dict.fromkeys(r.document_names if r.alive else r.was_names)
        )


def write_names(rows: Iterable[Name]) -> Iterator[Statement]:
    columns = ("types", "schemes", "identifiers", "ids", "from_positions", "to_positions")
    if values := [list(column) for column in zip(*rows, strict=True)]:
        yield sql.name, dict(zip(columns, values, strict=True))


def names_over_time(lives: Iterable[Record], records: dict[str, Record]) -> Iterator[Name]:
    """Which identifiers led where from when until when, given all records as they stood, in the order of the log."""
    open_rows: dict[tuple[str, str, str], tuple[str, int]] = {}  # what it leads to, since when
    for record in lives:
        if not record.renamed:
            continue
        for name in record.was_names:
            if open_rows.get(key := (record.type, *name), ("", 0))[0] == record.id:
                yield (*key, *open_rows.pop(key), record.position)
        for name in dict.fromkeys(record.document_names):
            if held := open_rows.get(key := (record.type, *name)):
                if records[held[0]].merged_into:
                    continue  # the name leads to what was merged, and by it to this one
                yield (*key, *held, record.position)  # given up in the same set
            open_rows[key] = record.id, record.position
    for key, held in open_rows.items():
        yield (*key, *held, None)


def close_periods(records: list[Record]) -> Iterator[Statement]:
    """End the open period of records that change."""
    if not records:
        return
    tables = {"served": "id", "links": "from_id"} | {BODIES[record.type].collection: "id" for record in records}
    for table, column in tables.items():
        yield _close(table, column, records)


def _close(table: str, column: str, records: list[Record]) -> Statement:
    args = {"ids": [record.id for record in records], "positions": [record.position for record in records]}
    return sql.close.format(table=table, id=column), args


def project(periods: list[Period], labels: dict[str, Record]) -> Iterator[Statement]:
    """Write rows of the projection: served documents, links, and each resource's own tables."""
    if not periods:
        return
    links: list[tuple[str, str, str, str, int, int | None]] = []
    rows: dict[str, list[tuple[Period, str]]] = defaultdict(list)  # by type
    for period in periods:
        record, body = period.record, BODIES[period.record.type]
        document = record.document or {}
        found = dict.fromkeys((path, ref["id"]) for path, ref in references(record.type, document))
        links += [(record.id, record.type, path, to, record.position, period.to_position) for path, to in found]
        period.stamp = max([record.position, *(labels[to].label_position for _, to in found)])
        typed = _text(base.walk(body, document, _type) | consequences.hulls(record, base.days))
        rows[record.type].append((period, typed))
    if links:
        names = ("from_id", "from_type", "path", "to_id", "position", "to_position")
        yield sql.link, dict(zip(names, map(list, zip(*links, strict=True)), strict=True))
    for type, of_type in rows.items():
        known = _common([period for period, _ in of_type], "created_at", "updated_at")
        yield _projection(type), known | {"typed": [typed for _, typed in of_type]}
    # what takes longest to render comes last: meanwhile PostgreSQL works on the rest, and all who write wait for both
    spellings, texts = [], []
    for period in periods:
        record, body = period.record, BODIES[period.record.type]
        document = record.document or {}
        period.doc = serve(record, document, labels)
        spellings.append(base.spellings(document) or None)
        texts.append(_text(base.words(body, document) | {"name": document.get(body.label or "", "")}))
    known = _common(periods, "type", "version") | _columns(periods, "stamp", "doc")
    yield sql.serve, known | {"spellings": spellings, "texts": texts}


def _common(periods: list[Period], *names: str) -> Json:
    records = [period.record for period in periods]
    return _columns(records, "id", "position", *names) | _columns(periods, "to_position")


@cache
def _projection(type: str) -> str:
    """A resource's ``project`` block, told where its rows come from."""
    block: str = db.load(BODIES[type].collection).project
    return f"WITH new AS ({sql.new})\n{block}"


def _type(kind: Field[Any], value: Any, at: tuple[str | int, ...]) -> Any:
    return base.days(value) if isinstance(kind, Edtf) else value


def serve(record: Record, document: Json, labels: dict[str, Record]) -> str:
    """The document as it is answered."""
    assert record.created_at is not None and record.updated_at is not None
    shown = base.show(BODIES[record.type], document, lambda ref: orjson.Fragment(labels[ref["id"]].label))
    return _text(
        {
            "id": record.id,
            "type": record.type,
            "version": record.version,
            "created_at": stamp(record.created_at),
            "updated_at": stamp(record.updated_at),
            "contested": consequences.contested(record),
        }
        | shown
    )


@put_aside()  # all documents there ever were are more than fits into memory
def rebuild(conn: Connection) -> int:
    """Make everything anew from the log, in the caller's transaction. Returns the number of revisions read."""
    conn.execute(sql.lock)
    projections = "".join(_projection(type) for type in BODIES)
    for table in ["served", "links", "identifiers", *re.findall(r"INSERT INTO (\w+)", projections)]:
        conn.execute(f"DELETE FROM {table}")  # noqa: S608 (names of our own tables)
    periods: list[Period] = []
    records: dict[str, Record] = {}
    for row in conn.cursor().stream(sql.log, size=CHUNK):
        id = str(row["id"])
        before = records.get(id)
        record = Record(
            id,
            row["type"],
            provider=before.provider if before else row["provider"],
            version=row["version"],
            position=row["position"],
            state={"deleted": "deleted", "merged": "merged"}.get(row["op"], "live"),
            hash=bytes(row["hash"]),
            label=before.label if before else "",
            label_position=before.label_position if before else 0,
            created_at=before.created_at if before else row["recorded_at"],
            updated_at=row["recorded_at"],
            merged_into=str(row["merged_into"]) if row["merged_into"] else None,
            reason=row["reason"],
            admin=row["admin"],
            overlay=row["overlay"] or {},
        )
        record.document = row["document"]
        if before is not None:
            if before.alive:
                record.was_bytes, record.was_names = before.document_bytes, before.document_names
            else:
                record.was_bytes, record.was_names = before.was_bytes, before.was_names
            record.was_state = before.state
        if record.alive:
            if (label := make_label(record)) != record.label:
                record.label, record.label_position = label, record.position
            periods.append(Period(record, row["to_position"]))
        elif not record.label or (before and before.document_bytes is None and before.was_bytes is None):  # erased
            record.label, record.label_position = make_label(record), record.position
        records[id] = record
    for record in records.values():
        while record.merged_into and (further := records[record.merged_into].merged_into):
            record.merged_into = further
    rows = list(names_over_time((period.record for period in periods), records))
    identities = [keep_records(records.values()), *map(write_names, portions(rows))]
    # of copies, which have their text no longer than it takes to send it
    projected = (project(list(map(replace, portion)), records) for portion in portions(periods))
    store(conn, chain.from_iterable(chain(identities, projected)), at_once=False)
    return len(periods)
