"""A small HTTP client of the API: reads, upserts, and tries again where trying again is right."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx
import stamina

Json = dict[str, Any]
Result = Literal["created", "updated", "unchanged"]
PASSING = {429, 502, 503, 504}
PATIENCE = 120.0  # seconds in all; two windows of the rate limit


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

    def __init__(self, url: str, key: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
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

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """GET and PUT mean the same when said twice, so an answer lost on the way is simply asked for again."""
        for attempt in stamina.retry_context(on=again, timeout=PATIENCE):
            with attempt:
                answer = self.http.request(method, path, **options)
                if answer.is_error:
                    raise refusal(answer)
        return answer


def refusal(answer: httpx.Response) -> Refused:
    problem: Json = {"status": answer.status_code, "title": answer.reason_phrase}
    # a proxy in front of the server answers in its own words
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        problem |= answer.json()
    return Refused(problem, seconds(answer.headers.get("Retry-After", "")))


def again(error: Exception) -> bool | float:
    """Try again? False: no. True: after a pause that grows. A number: after so many seconds, as the server asks."""
    if not isinstance(error, Refused):
        return isinstance(error, httpx.TransportError)
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
