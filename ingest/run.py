"""Driving a format's input into the API: in chunks, in bounded memory, resumable, with an account of every row.

with Client(url, key) as client:
    report = load(client, "kiel", [Path("release_09.csv")], state=Path("kiel.state"), rejects=Path("refused.ndjson"))
print(report)
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from ingest.client import Client, Json, Look, Refused
from ingest.formats import FORMATS, ROWS
from ingest.items import Format, Item, Refusal
from ingest.state import State

SIZE = 4 << 20  # bytes of a batch
# one large batch: of rows that refer to each other over the borders of others, or of a dry run, which leaves nothing
# behind that a later batch could refer to
LARGE = (50_000, 16 << 20)
DANGLING = {"unknown_reference", "reference_failed"}
KEPT = ("created", "updated", "unchanged", "deleted")
CENT = Decimal("0.01")
Row = Item | Refusal


@dataclass
class Money:
    """What the input says it is worth in one currency, and where that went."""

    file: Decimal = Decimal()
    stored: Decimal = Decimal()
    refused: Decimal = Decimal()


@dataclass
class Report:
    """What became of the input."""

    rows: dict[str, Counter[str]] = field(default_factory=dict)  # by type of record, then by what became of them
    money: dict[str, Money] = field(default_factory=dict)  # by currency
    vanished: list[str] | None = None  # None: nobody knows what the dataset had before
    dry_run: bool = False
    seconds: float = 0.0

    def __getattr__(self, outcome: str) -> int:
        """`report.created`, `.updated`, `.unchanged`, `.deleted`, `.refused`: over all types."""
        if outcome not in (*KEPT, "refused"):
            raise AttributeError(outcome)
        return sum(counts[outcome] for counts in self.rows.values())

    @property
    def read(self) -> int:
        return sum(counts.total() for counts in self.rows.values())

    @property
    def unread(self) -> int:
        """Files of which nothing could be taken, or not all."""
        return self.rows.get("file", Counter())["refused"]

    def add(self, tally: Json) -> None:
        """Count one chunk."""
        for type, counts in tally["rows"].items():
            self.rows.setdefault(type, Counter()).update(counts)
        for currency, amounts in tally["money"].items():
            money = self.money.setdefault(currency, Money())
            for name, amount in amounts.items():
                setattr(money, name, getattr(money, name) + Decimal(amount))

    def __str__(self) -> str:
        heads = ["read", *KEPT, "refused"]
        lines = [["", *heads]]
        for type, counts in sorted(self.rows.items()):
            lines.append([type, *(f"{n:,}" for n in (counts.total(), *(counts[head] for head in heads[1:])))])
        lines.append(["all", *(f"{n:,}" for n in (self.read, *(getattr(self, head) for head in heads[1:])))])
        text = table(lines)
        if self.vanished is not None:
            text += f"\nvanished: {len(self.vanished)}"
            text += "".join(f"\n  {name}" for name in self.vanished[:20])
            text += f"\n  and {len(self.vanished) - 20:,} more" * (len(self.vanished) > 20)
        if self.money:
            text += "\n" + table(list(self._accounts()))
        return text + ("\nNothing was kept: this was a dry run." if self.dry_run else "")

    def _accounts(self) -> Iterator[list[str]]:
        """Money in the file, and where it went, to the cent; what was stored with no amount only where there is any."""
        rest = {code: money.file - money.stored - money.refused for code, money in self.money.items()}
        odd = any(abs(amount) >= CENT for amount in rest.values())
        yield ["money", "in the file", "stored", "refused", *["without an amount"] * odd]
        for code, money in sorted(self.money.items()):
            amounts = [money.file, money.stored, money.refused, *[rest[code]] * odd]
            yield [code, *(f"{amount.quantize(CENT):,f}" for amount in amounts)]


def table(lines: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


Watch = Callable[[Report, float | None], None]


def load(
    client: Client,
    format: str,
    files: list[Path],
    *,
    state: Path | None = None,
    settled: dict[str, str] | None = None,
    rejects: Path | None = None,
    dry_run: bool = False,
    rows: int = ROWS,
    watch: Watch = lambda report, done: None,
) -> Report:
    """Load files of a format, and tell what became of every row.

    Killed and called again with the same ``state``, it goes on where it was; called once more, it finds all unchanged
    and can tell what has vanished. ``settled`` says whom names mean that the server is not sure of. ``rejects`` becomes
    NDJSON of the rows that were refused. ``watch`` is told how it stands, and how much of the input is read (0 to 1)
    where the format knows.
    """
    module: Format = import_module(FORMATS[format])
    memory = State(None if dry_run else state, f"{format} on {client.http.base_url}")
    try:
        return Run(client, memory, dry_run).load(module, files, Look(client, settled), rows, rejects, watch)
    finally:
        memory.close()


class Run:
    """One pass over the input."""

    def __init__(self, client: Client, state: State, dry_run: bool) -> None:
        self.client, self.state, self.report = client, state, Report(dry_run=dry_run)

    def load(
        self, format: Format, files: list[Path], look: Look, rows: int, rejects: Path | None, watch: Watch
    ) -> Report:
        started = time.monotonic()
        self._check_server()
        seen: list[str] = []
        limits = LARGE if self.report.dry_run else (rows, SIZE)
        try:
            for chunk in chunks(format.read(files, look), *limits):
                self._count(chunk, seen)
                watch(self.report, chunk[-1][0].done)
            for chunk in chunks(map(revived, self.state.deferred(list(seen))), *LARGE):
                self._count(chunk, seen, last=True)
                watch(self.report, 1.0)
        finally:
            if rejects:
                write(rejects, self.state.rejects(seen))
        self._find_vanished(format)
        self.state.finish()
        self.report.seconds = time.monotonic() - started
        return self.report

    def _count(self, chunk: "Chunk", seen: list[str], last: bool = False) -> None:
        digest = self._digest(len(seen), chunk)
        self.report.add(self.state.acknowledged(digest) or self._send(digest, chunk, last))
        seen.append(digest)

    def _check_server(self) -> None:
        """What was acknowledged counts only while the server still has it."""
        if batch := self.state.last_batch():
            try:
                self.client.get(f"/v1/batches/{batch}")
            except Refused as refused:
                if refused.status != 404:
                    raise
                self.state.forget()

    def _digest(self, number: int, chunk: "Chunk") -> str:
        """The same for the same rows at the same place in the same run, and so the Idempotency-Key of a chunk."""
        digest = hashlib.sha256(f"{self.state.token} {number}".encode())
        for row, line in chunk:
            digest.update(line or orjson.dumps([row.where, row.problem], default=str))  # type: ignore[union-attr]
        return digest.hexdigest()

    def _send(self, digest: str, chunk: "Chunk", last: bool) -> Json:
        """Send what has to be sent, and note what became of it.

        A row that refers to what is not there may come before what it refers to: it waits until all was sent.
        """
        lines = [line for row, line in chunk if isinstance(row, Item)]
        batch, results = self._post(digest, lines) if lines else (None, [])
        answered = iter(results)
        rows: dict[str, Counter[str]] = {}
        money: dict[str, Money] = {}
        records: dict[tuple[str, str], bool] = {}
        refused, deferred = [], []
        for row, _ in chunk:
            if isinstance(row, Refusal):
                type, outcome, problem = "file" if row.file else "input", "refused", row.problem
            else:
                result = next(answered)
                type, outcome, problem = str(row.operation.get("type")), result["status"], result.get("problem") or {}
                if outcome == "failed":
                    if not last and problem.get("errors") and {e["code"] for e in problem["errors"]} <= DANGLING:
                        deferred.append(frozen(row))
                        continue
                    problem = self._explain(row, problem)
                    outcome = "refused" if problem else "created"
                name = name_of(row.operation), type
                records[name] = records.get(name, False) or outcome != "refused"
            rows.setdefault(type, Counter())[outcome] += 1
            count_money(money, row, outcome)
            if outcome == "refused":
                refused.append(dumps({"row": row.row, "where": row.where, "problem": problem}))
        amounts = {currency: {k: str(v) for k, v in vars(entry).items()} for currency, entry in money.items()}
        tally: Json = {"rows": rows, "money": amounts}
        self.state.acknowledge(digest, batch, tally, records, refused, deferred)
        return tally

    def _post(self, key: str, lines: list[bytes]) -> tuple[str | None, list[Json]]:
        """Send lines as one batch; in halves, where somebody on the way finds it too large."""
        try:
            answer = self.client.batch(b"\n".join(lines), key, dry_run=self.report.dry_run)
            return answer["id"], answer["results"]
        except Refused as refused:
            if refused.status != 413:
                raise
            if len(lines) == 1:
                return None, [{"status": "failed", "problem": refused.problem}]
        half = len(lines) // 2
        _, first = self._post(f"{key}-1", lines[:half])
        batch, second = self._post(f"{key}-2", lines[half:])
        return batch, first + second

    def _explain(self, item: Item, problem: Json) -> Json:
        """A reference is unknown because its own row was refused earlier: the reader of the report should know.

        In a dry run, nothing is there that an earlier chunk would have made. If nothing else is wrong: {}.
        """
        errors = []
        for error in problem.get("errors", []):
            name = reference(item.operation.get("data"), error["pointer"]) or ""
            stored = self.state.stored(name) if error["code"] == "unknown_reference" else None
            if stored is False:
                detail = f"The row that makes {name} was refused itself, in an earlier batch."
                errors.append(error | {"code": "reference_failed", "detail": detail})
            elif not (stored and self.report.dry_run):
                errors.append(error)
        if problem.get("errors") and not errors:
            return {}
        failed = errors and all(error["code"] == "reference_failed" for error in errors)
        return problem | {"errors": errors} | ({"code": "reference_failed"} if failed else {})

    def _find_vanished(self, format: Format) -> None:
        whole: dict[str, str] = getattr(format, "WHOLE", {})
        if self.state.earlier:
            mentioned = getattr(format, "MENTIONED", {"actor", "source"})
            self.report.vanished = [name for name, type in self.state.vanished() if type not in mentioned]
        elif not self.report.dry_run and (met := [type for type in whole if type in self.report.rows]):
            known = (name for type in met for name in self._known(type, whole[type]))
            self.report.vanished = [name for name in known if self.state.stored(name) is None]

    def _known(self, type: str, source: str) -> Iterator[str]:
        """The records of a dataset that the server has, by the names that its clients gave them."""
        scheme = source.partition(":")[0] + ":"
        path: str | None = f"/v1/{COLLECTIONS[type]}?source={source}&fields=id,identifiers&limit=500"
        while path:
            page = self.client.get(path)
            for record in page["items"]:
                names = [f"{name['scheme']}:{name['identifier']}" for name in record["identifiers"]]
                yield from [name for name in names if name.startswith(scheme)][:1]
            path = page["next"]


COLLECTIONS = {"pledge": "pledges", "transaction": "transactions", "person": "people", "statement": "statements"}


Chunk = list[tuple[Row, bytes]]


def chunks(rows: Iterable[Row], most: int, size: int) -> Iterator[Chunk]:
    """Rows with the lines that they become, in pieces of at most so many rows and bytes."""
    chunk: Chunk = []
    weight = 0
    for row in rows:
        row, line = encode(row)
        if chunk and (len(chunk) == most or weight + len(line) > size):
            yield chunk
            chunk, weight = [], 0
        chunk.append((row, line))
        weight += len(line) + 1
    if chunk:
        yield chunk


def encode(row: Row) -> tuple[Row, bytes]:
    """The line that a row becomes; what JSON cannot say is refused like anything else."""
    if isinstance(row, Refusal):
        return row, b""
    try:
        # a copy: orjson reserves eight bytes for each letter, and what it gives keeps them all
        return row, bytes(memoryview(orjson.dumps(row.operation)))
    except orjson.JSONEncodeError as error:
        problem = {"code": "not_json", "detail": f"This cannot be sent as JSON: {error}."}
        return Refusal(row.where, {"repr": repr(row.row)}, problem, row.money, row.done), b""


def frozen(item: Item) -> str:
    """An item to be kept for later."""
    return dumps({"operation": item.operation, "where": item.where, "row": item.row, "money": item.money})


def revived(text: str) -> Item:
    kept = orjson.loads(text)
    money = [(currency, Decimal(amount)) for currency, amount in kept.pop("money")]
    return Item(**kept, money=money)


def dumps(value: Json) -> str:
    return orjson.dumps(value, default=str).decode()


def name_of(operation: Json) -> str:
    """By what other rows refer to what a row makes."""
    data = operation["data"] if isinstance(operation.get("data"), dict) else {}
    names = data["identifiers"] if isinstance(data.get("identifiers"), list) else []
    own: list[Any] = [f"{name.get('scheme')}:{name.get('identifier')}" for name in names if isinstance(name, dict)]
    return str(operation.get("identifier") or operation.get("id") or (own or [data.get("id")])[0])


def reference(data: Any, pointer: str) -> str | None:
    """The reference that stands at a JSON Pointer of a record, as text."""
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        try:
            data = data[int(step)] if isinstance(data, list) else data[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    if isinstance(data, dict):
        data = data.get("id") or f"{data.get('scheme')}:{data.get('identifier')}"
    return data if isinstance(data, str) else None


def count_money(money: dict[str, Money], row: Row, outcome: str) -> None:
    """What was stored is read from what was sent, so that the sums prove something."""
    for currency, amount in row.money:
        entry = money.setdefault(currency, Money())
        entry.file += amount
        if outcome == "refused":
            entry.refused += amount
    if row.money and outcome in ("created", "updated", "unchanged") and isinstance(row, Item):
        stored = (row.operation.get("data") or {}).get("amount")
        if stored:
            money.setdefault(stored["currency"], Money()).stored += Decimal(stored["value"])


def write(file: Path, lines: Iterable[str]) -> None:
    """The whole file or none of it."""
    new = file.with_name(f"{file.name}.new")
    with new.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines)
    new.replace(file)
