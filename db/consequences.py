"""What a write makes of other records: claims, transactions and successions change what a record shows.

A record is logged as it is shown. Beside it stands the *overlay*: for each property that does not show what was
written, ``{"by": "claims"|"transactions", "written", "shown", "claimed"?}``: the next write starts from it.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import db
from schemas import claims, pledges
from schemas.base import BODIES, properties
from schemas.fields import Edtf, Ref
from schemas.problems import Json, Refused, fault, pointer

if TYPE_CHECKING:
    from db.records import Record, Set

sql = db.load("consequences")

#: A chain along this property never comes back to where it began.
ACYCLIC = {"pledge": "supersedes", "round": "parent", "actor": "parent"}


def apply(work: "Set") -> dict[int, Refused]:
    """Let the set change what other records show; tell which rows cannot stand."""
    problems = _cycles(work)
    for step in (_successions, _transactions, _claims):
        problems |= step(work)
    return problems


def restore(record: "Record") -> None:
    """Begin from what was written: put it back where the log holds what was shown."""
    if record.overlay and (document := record.document) is not None:
        for name, entry in record.overlay.items():
            _put(document, name, entry.get("written"))
        record.document = document


def keep_written(record: "Record") -> None:
    """Whoever sends back what is shown has not meant to change what was written."""
    if record.was_overlay and record.rows and (document := record.document) is not None:
        for name, entry in record.was_overlay.items():
            if document.get(name) == entry.get("shown"):
                _put(document, name, entry.get("written"))
        record.document = document


def shown(record: "Record") -> Json:
    """The document with its overlay, as it is logged and served."""
    document = dict(record.document or {})
    for name, entry in record.overlay.items():
        _put(document, name, entry.get("shown"))
    return document


def _written(record: "Record", name: str) -> Any:
    """What was written of a property before this set."""
    entry = record.was_overlay.get(name)
    return entry.get("written") if entry else (record.was or {}).get(name)


def _put(document: Json, name: str, value: Any) -> None:
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value


def _children(work: "Set", kind: str, name: str, ids: Iterable[str]) -> "dict[str, list[Record]]":
    """The live records of a type that refer to these by a property, in the order of their making."""
    found: dict[str, Record] = {}
    if known := [id for id in ids if id in work.stored]:
        args = {"ids": known, "type": kind, "path": pointer(name)}
        found = {str(row["id"]): work.remember(row) for row in work.conn.execute(sql.children, args)}
    found |= {record.id: record for record in work.touched.values() if record.type == kind}
    children: dict[str, list[Record]] = defaultdict(list)
    for record in found.values():
        current = work.touched.get(record.id, record)
        if current.has(name) and name in (document := current.document or {}):
            children[document[name]["id"]].append(current)
    return children


def _affected(work: "Set", kind: str, name: str) -> set[str]:
    """The records to which touched ones of a type refer, or referred, by a property."""
    found = set()
    for record in work.touched.values():
        if record.type == kind:
            for document in (record.document if record.has(name) else None, record.was if record.had(name) else None):
                if document and name in document:
                    found.add(document[name]["id"])
    return found


def _own(kind: str, work: "Set") -> set[str]:
    return {record.id for record in work.touched.values() if record.type == kind and record.alive}


def _may(work: "Set", child: "Record", target: "Record") -> bool:
    """Only the provider of a record, or an admin, alters what it shows."""
    if child.rows:
        return work.by.admin or work.by.provider == target.provider
    return child.admin or child.provider == target.provider


def _cycles(work: "Set") -> dict[int, Refused]:
    problems = {}
    for kind, name in ACYCLIC.items():
        touched = [r for r in work.touched.values() if r.type == kind and r.rows and r.has(name)]
        touched = [record for record in touched if name in (record.document or {})]
        if not touched:
            continue
        starts = [record.document[name]["id"] for record in touched if record.document]
        edges = {
            str(row["from_id"]): str(row["to_id"])
            for row in work.conn.execute(sql.chain, {"ids": starts, "path": pointer(name)})
        }
        for record in work.touched.values():
            if record.type == kind:
                edges.pop(record.id, None)
                if record.has(name) and name in (document := record.document or {}):
                    edges[record.id] = document[name]["id"]
        for record in touched:
            seen, at = {record.id}, edges.get(record.id)
            while at is not None and at not in seen:
                seen.add(at)
                at = edges.get(at)
            if at == record.id:
                text = f"Following {name} from here leads back to this {kind}."
                problems[record.rows[-1]] = Refused(422, "cycle", text, [fault(pointer(name), "cycle", text)])
    return problems


def _successions(work: "Set") -> dict[int, Refused]:
    """A pledge that another supersedes says which."""
    problems: dict[int, Refused] = {}
    own = _own("pledge", work)
    affected = _affected(work, "pledge", "supersedes")
    if not own | affected:
        return problems
    successors = _children(work, "pledge", "supersedes", own | affected)
    for record in work.affect(affected | own):
        heirs = successors.get(record.id, [])
        for heir in heirs:
            if heir.rows and len(heirs) > 1:
                text = f"The pledge {record.id} is superseded by another already."
                problems[heir.rows[-1]] = Refused(409, "conflict", text, [fault("/supersedes", "conflict", text)])
            elif heir.rows and not _may(work, heir, record):
                text = f"The pledge {record.id} belongs to the provider {record.provider}."
                errors = [fault("/supersedes", "not_your_record", text)]
                problems[heir.rows[-1]] = Refused(403, "not_your_record", text, errors)
        if record.alive and (heirs or record.was_state != "new") and (document := record.document) is not None:
            _put(document, "superseded_by", {"id": heirs[0].id, "type": "pledge"} if heirs else None)
            record.document = document
    return problems


def _transactions(work: "Set") -> dict[int, Refused]:
    """Status and amount of a pledge follow from its transactions, where there are any."""
    problems: dict[int, Refused] = {}
    affected = _affected(work, "transaction", "pledge") | _own("pledge", work)
    if not affected:
        return problems
    children = _children(work, "transaction", "pledge", affected)
    for record in work.affect(affected):
        keep_written(record)
        if not (children.get(record.id) or record.was_overlay) or (document := record.document) is None:
            continue
        counted = [child for child in children.get(record.id, []) if _may(work, child, record)]
        documents = [child.document for child in counted if child.document is not None]
        earlier = [child.document for child in counted if child.document is not None and not child.rows]
        anew = {name for name in ("status", "amount") if document.get(name) != _written(record, name)}
        said = document | {name: (record.was or {}).get(name) for name in {"status", "amount"} - anew}
        if anew and record.rows and earlier and (text := pledges.contradiction(said, earlier)):
            errors = [fault(pointer("status" if "status" in anew else "amount"), "contradicts_transactions", text)]
            problems[record.rows[-1]] = Refused(422, "contradicts_transactions", text, errors)
        follows = pledges.outcome(document, documents) if documents else {}
        record.overlay = {name: entry for name, entry in record.overlay.items() if entry["by"] != "transactions"}
        for name in ("status", "amount"):
            written = document.get(name)
            if name in follows and follows[name] != written:
                record.overlay[name] = _entry("transactions", written, follows[name])
    return problems


def _claims(work: "Set") -> dict[int, Refused]:
    """A property with claims shows the preferred value, or null where none is preferred."""
    by_claims = [r for r in work.touched.values() if any(e["by"] == "claims" for e in r.was_overlay.values())]
    affected = _affected(work, "claim", "record") | {record.id for record in by_claims}
    if not affected:
        return {}
    children = _children(work, "claim", "record", affected)
    for record in work.affect(affected):
        keep_written(record)
        if (written := record.document) is None:
            continue
        record.overlay = {name: entry for name, entry in record.overlay.items() if entry["by"] != "claims"}
        by_property: dict[str, list[Json]] = defaultdict(list)
        for child in children.get(record.id, []):
            claim = child.document
            if claim is not None and _may(work, child, record) and claim["rank"] != "deprecated":
                by_property[claim["property"].removeprefix("/")].append(claim)
        for name, found in by_property.items():
            asserted = [claim for claim in found if claim["stance"] == "asserted"]
            preferred = [claim["value"] for claim in asserted if claim["rank"] == "preferred"]
            value = preferred[0] if preferred and all(other == preferred[0] for other in preferred) else None
            claimed = [claim["value"] for claim in asserted]
            record.overlay[name] = _entry("claims", written.get(name), value) | {"claimed": claimed}
    return {}


def _entry(by: str, written: Any, value: Any) -> Json:
    entry = {"by": by, "written": written, "shown": value}
    return {name: part for name, part in entry.items() if part is not None}


def check_claim(work: "Set", record: "Record") -> Refused | None:
    """The value of a claim has to be one that the property could have."""
    document = record.document or {}
    target = work.record(document["record"]["id"])
    value, errors = claims.check_value(BODIES[target.type], document["property"], document.get("value"))
    if not errors and isinstance(kind := claims.claimable(BODIES[target.type])[document["property"][1:]], Ref):
        value, errors = work.resolve(kind, value)
    if errors:
        return Refused(422, "validation_failed", f"{len(errors)} fault(s) in the claim.", errors)
    if value is not None:
        record.document = document | {"value": value}
    return None


def contested(record: "Record") -> list[str]:
    """JSON Pointers of the properties that have claims."""
    return sorted(pointer(name) for name, entry in record.overlay.items() if entry["by"] == "claims")


def hulls(record: "Record", days: Any) -> Json:
    """For the projection: a contested date possibly falls on any claimed day, and surely on none."""
    if not record.overlay:
        return {}
    kinds = dict(properties(BODIES[record.type]))
    made: Json = {}
    for name, entry in record.overlay.items():
        if isinstance(kinds.get(name), Edtf) and entry.get("claimed"):
            spans = [days(value) for value in entry["claimed"]]
            made[name] = {
                "earliest": min((span["earliest"] for span in spans), key=_by_day),
                "latest": max((span["latest"] for span in spans), key=_by_day),
                "certain": False,
            }
    return made


def _by_day(day: str) -> str:
    return {"-infinity": "", "infinity": "~"}.get(day, day)
