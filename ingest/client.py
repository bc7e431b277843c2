"""A small HTTP client of the API: reads, upserts, sends batches, and tries again where trying again is right."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx
import stamina

from ingest.items import Unmatched

Json = dict[str, Any]
Result = Literal["created", "updated", "unchanged"]
PASSING = {429, 502, 503, 504}
PATIENCE = 120.0  # seconds in all; two windows of the rate limit
BATCH_TIME = 300  # seconds that a server may work on one batch
MATCHED = 500  # names that one question about actors may hold


class Refused(Exception):
    """The server said no; `problem` is its answer (RFC 9457), and str() names every fault in it."""

    def __init__(self, problem: Json, retry_after: float | None = None) -> None:
        self.problem = problem
        self.status: int = problem["status"]
        self.retry_after = retry_after
        faults = [f"  {fault['location']} {fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", [])]
        super().__init__("\n".join([f"{self.status} {problem.get('detail') or problem['title']}", *faults]))


class Client:
    """One connection to one server. The key is sent in the header, never in a path."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        patience: float | None = PATIENCE,  # None: for ever
    ) -> None:
        self.patience = patience
        headers = {"User-Agent": "parley-ingest"} | ({"Authorization": f"Bearer {key}"} if key else {})
        # a merged record answers with the way to the other
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, follow_redirects=True, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.http.close()

    def get(self, path: str, **params: str | int | bool) -> Json:
        """Read a path, for instance `get("/v1/rounds", status="concluded")` or the `next` of a list."""
        # empty params would make httpx drop the query that the path already has
        return self.send("GET", path, params=params or None).json()  # type: ignore[no-any-return]

    def upsert(self, collection: str, identifier: str, body: Json, *, only_create: bool = False) -> Result:
        """Make the record that `identifier` (scheme:identifier) names, or bring it to what `body` says.

        With `only_create` a record that is already there stays as it is.
        """
        headers = {"If-None-Match": "*"} if only_create else {}
        try:
            answer = self.send("PUT", f"/v1/{collection}/{quote(identifier, safe=':')}", json=body, headers=headers)
        except Refused as refused:
            if only_create and refused.status == 412:
                return "unchanged"
            raise
        if answer.status_code == 201:
            return "created"
        return "unchanged" if answer.headers.get("Parley-Result") == "unchanged" else "updated"

    def batch(self, rows: bytes, key: str, *, dry_run: bool = False) -> Json:
        """Send NDJSON operations. Under the same key they are done once, however often they are sent."""
        path = "/v1/batches?dry_run=true" if dry_run else "/v1/batches"
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}
        answer = self.send("POST", path, content=rows, headers=headers, timeout=BATCH_TIME)
        return answer.json()  # type: ignore[no-any-return]

    def match(self, names: list[str]) -> list[Json]:
        """Whom the names may mean: an entry each, in their order."""
        found: list[Json] = []
        for start in range(0, len(names), MATCHED):
            asked = {"names": names[start : start + MATCHED]}
            found += self.send("POST", "/v1/actors/match", json=asked).json()["matches"]
        return found

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """All that is sent means the same when said twice, so an answer lost on the way is simply asked for again."""
        for attempt in self.attempts():
            with attempt:
                answer = self.http.request(method, path, **options)
                if answer.is_error:
                    raise refusal(answer)
        return answer

    @contextmanager
    def stream(self, path: str) -> Iterator[httpx.Response]:
        """An answer of any size, read as it comes. Where it breaks off, only who reads it knows how to begin anew."""
        with self.http.stream("GET", path) as answer:
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            yield answer

    def attempts(self) -> Iterable[stamina.Attempt]:
        """`for attempt in client.attempts(): with attempt: ...`, as `send` does."""
        return stamina.retry_context(on=again, attempts=None, timeout=self.patience)


def refusal(answer: httpx.Response) -> Refused:
    problem: Json = {"status": answer.status_code, "title": answer.reason_phrase}
    # a proxy in front of the server answers in its own words
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        problem |= answer.json()
    return Refused(problem, seconds(answer.headers.get("Retry-After", "")))


def again(error: Exception) -> bool | float:
    """Try again? False: no. True: after a pause that grows. A number: after so many seconds, as the server asks."""
    if not isinstance(error, Refused):
        return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)
    if error.problem.get("code") == "idempotency_in_flight":
        return True  # what was sent before the connection broke is still being worked on
    if error.status not in PASSING or error.retry_after is None:
        return error.status in PASSING
    return error.retry_after <= PATIENCE and error.retry_after


def seconds(retry_after: str) -> float | None:
    """Retry-After is a number of seconds, or the date of a moment."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after).replace(tzinfo=UTC)  # HTTP knows no other zone
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None


class Look:
    """Finds whom a name means: `look("Türkiye")` → "iso3166-1:TUR", `look("Рустем Умєров", "person")`.

    What the server is not sure of is never guessed: it raises Unmatched, until `settled` says whom the name means.
    """

    def __init__(self, client: Client, settled: dict[str, str] | None = None) -> None:
        self.client, self.settled = client, settled or {}
        self.known: dict[tuple[str, str], tuple[bool, list[Json]]] = {}  # sure or not, and who may be meant

    def __call__(self, name: str, type: Literal["actor", "person"] = "actor") -> str:
        if name in self.settled:
            return self.settled[name]
        if (name, type) not in self.known:
            self.prepare([name]) if type == "actor" else self._ask_for_person(name)
        sure, found = self.known[name, type]
        if sure:
            return address(found[0])
        raise Unmatched(name, found)

    def prepare(self, names: Iterable[str]) -> None:
        """Ask for many actors at once, and remember the answers."""
        for match in self.client.match([name for name in dict.fromkeys(names) if (name, "actor") not in self.known]):
            found = [candidate["actor"] for candidate in match["candidates"]]
            self.known[match["name"], "actor"] = (match["sure"], found)

    def stored(self, collection: str, names: list[str], *fields: str) -> list[Json]:
        """The records that the server has under these names, as far as it has any; so many that an address can hold."""
        asked: dict[str, str | int] = {"identifier": ",".join(names), "fields": ",".join(fields), "limit": len(names)}
        return list(self.client.get(f"/v1/{collection}", **asked)["items"]) if names else []

    def _ask_for_person(self, name: str) -> None:
        """Sure is who alone bears the name as it is written; for people there is no question like that for actors."""
        found = self.client.get("/v1/people", q=name, limit=10, fields="id,name,other_names,identifiers")["items"]
        alike = [person for person in found if bears(person, name)]
        self.known[name, "person"] = (len(alike) == 1, alike or found)


def bears(person: Json, name: str) -> bool:
    names = [person["name"], *(other["name"] for other in person["other_names"])]
    return " ".join(name.split()).casefold() in {" ".join(known.split()).casefold() for known in names}


def address(record: Json) -> str:
    """What a record is called in references: scheme:identifier where it has one, for people can read that."""
    names = record["identifiers"]
    return f"{names[0]['scheme']}:{names[0]['identifier']}" if names else str(record["id"])


class MappingError(Exception):
    """A mapping file says nothing that could be followed."""


def settled(file: Path | None) -> dict[str, str]:
    """A mapping file: CSV of a name and the id or scheme:identifier that it means, with or without a header."""
    if file is None:
        return {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.reader(lines) if any(row)]
    if faults := [number for number, row in enumerate(rows, 1) if len(row) != 2 or not all(row)]:
        raise MappingError(f"{file}, line {faults[0]}: not a name and an identifier.")
    return {name: identifier.strip() for name, identifier in rows if identifier != "identifier"}
