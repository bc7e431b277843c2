"""The client, against a server that misbehaves in every way a network can."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import stamina

from ingest.client import Client, Refused, seconds

PROBLEM = {"Content-Type": "application/problem+json"}


def scripted(*answers: httpx.Response | Exception) -> tuple[Client, list[httpx.Request]]:
    """A client of a server that gives these answers, one after the other, and the requests it saw."""
    left, seen = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(left[0], Exception):
            raise left.pop(0)
        return left.pop(0)

    return Client("http://parley.test", "secret", httpx.MockTransport(answer)), seen


@contextmanager
def pauses() -> Iterator[list[float]]:
    """How long the client waits before each retry."""
    waited: list[float] = []
    before = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([lambda details: waited.append(details.wait_for)])
    yield waited
    stamina.instrumentation.set_on_retry_hooks(before)


def test_the_key_travels_in_the_header():
    client, seen = scripted(httpx.Response(200, json={"items": []}))
    assert client.get("/v1/rounds", status="concluded", include_total=True) == {"items": []}
    assert seen[0].url == "http://parley.test/v1/rounds?status=concluded&include_total=true"
    assert seen[0].headers["Authorization"] == "Bearer secret"


def test_a_path_with_a_query_is_kept_whole():
    client, seen = scripted(httpx.Response(200, json={}))
    client.get("/v1/rounds?cursor=abc%3D")
    assert seen[0].url == "http://parley.test/v1/rounds?cursor=abc%3D"


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (httpx.Response(201, json={}), "created"),
        (httpx.Response(200, json={}), "updated"),
        (httpx.Response(200, json={}, headers={"Parley-Result": "unchanged"}), "unchanged"),
    ],
)
def test_what_became_of_an_upsert(answer: httpx.Response, result: str):
    client, seen = scripted(answer)
    assert client.upsert("pledges", "kiel:A%2FB?é", {"title": "x"}) == result
    assert (seen[0].method, seen[0].content) == ("PUT", b'{"title":"x"}')
    assert seen[0].url.raw_path == b"/v1/pledges/kiel:A%252FB%3F%C3%A9"  # as stored: the percent sign is part of it


def test_only_create_leaves_what_is_there():
    client, seen = scripted(httpx.Response(412))
    assert client.upsert("rounds", "x:1", {}, only_create=True) == "unchanged"
    assert seen[0].headers["If-None-Match"] == "*"


def test_other_refusals_of_only_create_are_told():
    client, _ = scripted(httpx.Response(403))
    with pytest.raises(Refused, match="403"):
        client.upsert("rounds", "x:1", {}, only_create=True)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_tried_again_when_the_server_says(status: int):
    client, seen = scripted(httpx.Response(status, headers={"Retry-After": "1"}), httpx.Response(201))
    with pauses() as waited:
        assert client.upsert("rounds", "x:1", {}) == "created"
    assert waited == [1.0]
    assert [request.content for request in seen] == [b"{}", b"{}"]


def test_a_lost_connection_is_tried_again():
    client, _ = scripted(httpx.ReadError("reset"), httpx.Response(503), httpx.Response(200, json={"ok": True}))
    with pauses() as waited:
        assert client.get("/v1/me") == {"ok": True}
    assert len(waited) == 2


def test_patience_ends():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with Client(url) as client, stamina.set_testing(True, attempts=3), pytest.raises(httpx.ConnectError):
            client.get("/v1/me")


def test_a_pause_longer_than_patience_is_not_waited_for():
    client, seen = scripted(httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(Refused) as refused:
        client.get("/v1/me")
    assert (refused.value.status, refused.value.retry_after, len(seen)) == (429, 3600.0, 1)


def test_a_refusal_names_every_fault():
    faults = [
        {"location": "body", "pointer": "/starts_on", "code": "invalid", "detail": "Not an EDTF date."},
        {
            "location": "body",
            "pointer": "/sources/0/source",
            "code": "unknown_reference",
            "detail": "Names nobody.",
        },
    ]
    problem = {"status": 422, "title": "Unprocessable Content", "detail": "2 faults.", "errors": faults}
    client, seen = scripted(httpx.Response(422, headers=PROBLEM, json=problem))
    with pytest.raises(Refused) as refused:
        client.upsert("rounds", "x:1", {})
    assert refused.value.problem == problem
    assert str(refused.value).splitlines() == [
        "422 2 faults.",
        "  body /starts_on: Not an EDTF date.",
        "  body /sources/0/source: Names nobody.",
    ]
    assert len(seen) == 1


def test_a_refusal_by_somebody_else():
    client, _ = scripted(httpx.Response(413, text="<h1>too large</h1>"))
    with pytest.raises(Refused, match="413 Request Entity Too Large"):
        client.get("/v1/me")


def test_retry_after_in_all_its_forms():
    assert seconds("7") == 7
    assert seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=60))) == pytest.approx(60, abs=2)
    assert seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert seconds("Wed, 21 Oct 2015 07:28:00") == 0
    assert seconds("soon") is None
    assert seconds("") is None
