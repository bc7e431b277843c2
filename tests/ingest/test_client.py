"""The client, against a server that misbehaves in every way a network can."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
import stamina

from ingest.client import Client, Look, MappingError, Refused, seconds, settled
from ingest.items import Unmatched

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


def test_a_batch_goes_under_its_key_until_it_is_answered():
    in_flight = {"status": 409, "title": "Conflict", "code": "idempotency_in_flight"}
    done = {"id": "b", "results": []}
    client, seen = scripted(
        httpx.ReadTimeout("slow"), httpx.Response(409, headers=PROBLEM, json=in_flight), httpx.Response(200, json=done)
    )
    with pauses():
        assert client.batch(b"{}", "k1", dry_run=True) == done
    assert {request.headers["Idempotency-Key"] for request in seen} == {"k1"}
    assert {(str(request.url.raw_path), request.content) for request in seen} == {
        ("b'/v1/batches?dry_run=true'", b"{}")
    }


def test_another_conflict_is_not_tried_again():
    client, seen = scripted(httpx.Response(409, headers=PROBLEM, json={"status": 409, "title": "C", "code": "merged"}))
    with pytest.raises(Refused):
        client.upsert("rounds", "x:1", {})
    assert len(seen) == 1


def test_an_address_without_a_scheme_is_not_waited_for():
    with Client("nonsense") as client, pytest.raises(httpx.UnsupportedProtocol):
        client.get("/v1/me")


# --- looking up whom a name means ----------------------------------------------------------------------------------


def test_sure_names_are_found_and_asked_for_once(peopled: Client):
    look = Look(peopled)
    look.prepare(["Türkiye", "Canada, Government of", "EU (Commission and Council)"])
    peopled.http.close()  # all is known now
    assert look("Türkiye") == "iso3166-1:TUR"
    assert look("Canada, Government of") == "iso3166-1:CAN"
    assert look("EU (Commission and Council)") == "parley:eu"


def test_an_unsure_name_is_refused_with_its_candidates_until_somebody_settles_it(peopled: Client):
    with pytest.raises(Unmatched) as unmatched:
        Look(peopled)("Ministry of Defence")
    assert len(unmatched.value.candidates) == 5
    assert all("Ministry of Defence" in candidate["name"] for candidate in unmatched.value.candidates)
    assert Look(peopled, {"Ministry of Defence": "parley:ua-mod"})("Ministry of Defence") == "parley:ua-mod"


def test_more_names_than_one_question_holds(peopled: Client):
    look = Look(peopled)
    look.prepare([*(f"Organisation number {n}" for n in range(501)), "Norway"])
    assert look("Norway") == "iso3166-1:NOR"
    assert len(look.known) == 502


def test_a_person_is_who_alone_bears_the_name(parley: Client):
    for name, other in [("1", "Олена Бондар"), ("2", "Іван Мельник"), ("3", "Іван  мельник")]:
        parley.upsert("people", f"x:{name}", {"name": f"Person {name}", "other_names": [{"name": other}]})
    parley.upsert("people", "x:4", {"name": "Olena Bondarenko"})
    look = Look(parley)
    assert look("Олена Бондар", "person") == "x:1"
    with pytest.raises(Unmatched) as unmatched:
        look("Іван Мельник", "person")  # two of them
    assert len(unmatched.value.candidates) == 2
    with pytest.raises(Unmatched):
        look("Olena Bondar", "person")  # nearly
    with pytest.raises(Unmatched):
        look("Nobody Whosoever", "person")


def test_a_mapping_file(tmp_path: Path):
    file = tmp_path / "map.csv"
    file.write_text('\ufeffname,identifier\n"Oxfam, all of it", x:oxfam\n\nTürkei,iso3166-1:TUR\n', encoding="utf-8")
    assert settled(file) == {"Oxfam, all of it": "x:oxfam", "Türkei": "iso3166-1:TUR"}
    assert settled(None) == {}
    for text in ("only a name\n", "a,b,c\n", "a,\n"):
        file.write_text(text)
        with pytest.raises(MappingError, match=r"map.csv, line 1: not a name and an identifier"):
            settled(file)
