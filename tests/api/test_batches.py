"""Batches under attack: every row answered in its place, good ones kept, bad ones told, nothing done twice."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from api import batches, http
from db import records
from schemas.batches import LIMITS
from schemas.problems import Json, Telling
from tests.conftest import running_app
from tests.openapi.validation import CheckedClient

NDJSON = "application/x-ndjson"


@pytest.fixture
def provider(fresh_app, signed) -> FlaskClient:
    fresh_app.test_client_class = CheckedClient
    return signed(fresh_app)


@pytest.fixture(scope="module")
def shared(make_database, migrated, signed) -> Iterator[FlaskClient]:
    """For tests that leave next to nothing behind."""
    with make_database("batches", like=migrated) as url, running_app(url) as app:
        app.test_client_class = CheckedClient
        yield signed(app)


def actor(identifier: str, **data: Any) -> dict:
    data = {"name": identifier, "kind": "other"} | data
    return {"op": "upsert", "type": "actor", "identifier": f"b:{identifier}", "data": data}


def send(client: FlaskClient, rows: list | bytes, query: str = "", **headers: str):
    """As NDJSON; a row that is no text becomes JSON."""
    lines = rows if isinstance(rows, bytes) else b"\n".join(r if isinstance(r, bytes) else dumps(r) for r in rows)
    return client.post(f"/v1/batches{query}", data=lines, content_type=NDJSON, headers=headers)


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


def outcomes(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    results = answer.json["results"]
    assert [result["index"] for result in results] == list(range(len(results)))
    counted = Counter(result["status"] for result in results)
    assert {status: count for status, count in answer.json["counts"].items() if count} == counted
    assert answer.json["total"] == answer.json["done"] == len(results)
    return [result["status"] for result in results]


def codes(answer) -> list[str | None]:
    return [result.get("problem", {}).get("code") for result in answer.json["results"]]


def revisions(client: FlaskClient, name: str) -> list[str]:
    return [entry["op"] for entry in client.get(f"/v1/actors/b:{name}/revisions").json["items"]]


def events(client: FlaskClient) -> int:
    return len(client.get("/v1/changes?limit=500").json["items"])


# --- rows ----------------------------------------------------------------------------------------------------------


def test_results_come_in_input_order_with_every_fault_of_a_row(provider):
    bad = actor("bad", kind="planet", colour="red", country="XX")
    answer = send(provider, [actor("a"), bad, actor("c"), actor("a")])
    assert outcomes(answer) == ["created", "failed", "created", "updated"]
    problem = answer.json["results"][1]["problem"]
    assert problem["status"] == 422
    assert {error["pointer"] for error in problem["errors"]} == {"/kind", "/colour", "/country"}
    assert answer.json["results"][0]["id"] == answer.json["results"][3]["id"]
    assert answer.headers["Location"] == f"/v1/batches/{answer.json['id']}"


def test_json_and_ndjson_mean_the_same(shared):
    rows = [actor("a"), actor("b", kind="planet")]
    asked = shared.post("/v1/batches?dry_run=true", json={"operations": rows})
    told = send(shared, rows, "?dry_run=true")
    assert outcomes(asked) == outcomes(told) == ["created", "failed"]


def test_rows_refer_to_each_other_in_any_order(provider):
    rows = [actor("leaf", parent="b:branch"), actor("branch", parent="b:root"), actor("root")]
    assert outcomes(send(provider, rows)) == ["created"] * 3
    assert provider.get("/v1/actors/b:leaf").json["parent"]["name"] == "branch"


def test_what_refers_to_a_failed_row_fails_with_it_and_nothing_else_does(provider):
    rows = [actor("leaf", parent="b:branch"), actor("branch", parent="b:root"), actor("root", kind="planet"),
            actor("other")]  # fmt: skip
    answer = send(provider, rows)
    assert outcomes(answer) == ["failed", "failed", "failed", "created"]
    assert codes(answer) == ["reference_failed", "reference_failed", "validation_failed", None]
    assert events(provider) == 1


def test_a_failed_change_of_a_record_that_is_there_takes_nobody_along(provider):
    send(provider, [actor("root")])
    answer = send(provider, [actor("root", kind="planet"), actor("leaf", parent="b:root")])
    assert outcomes(answer) == ["failed", "created"]  # the record is there, whatever became of its change


def test_several_rows_on_one_record_are_one_revision(provider):
    rows = [actor("a"), actor("a") | {"op": "patch", "data": {"note": "x"}}, actor("a", name="A")]
    assert outcomes(send(provider, rows)) == ["created", "updated", "updated"]
    assert revisions(provider, "a") == ["created"]
    assert provider.get("/v1/actors/b:a").json["name"] == "A"
    assert provider.get("/v1/actors/b:a").json["note"] is None


def test_a_bad_row_between_good_ones_of_one_record_is_left_out(provider):
    rows = [actor("a"), actor("a", kind="planet"), {"op": "patch", "type": "actor", "identifier": "b:a",
                                                    "data": {"note": "kept"}}]  # fmt: skip
    assert outcomes(send(provider, rows)) == ["created", "failed", "updated"]
    assert provider.get("/v1/actors/b:a").json["note"] == "kept"


def test_there_and_back_is_unchanged(provider):
    send(provider, [actor("a")])
    assert outcomes(send(provider, [actor("a", name="B"), actor("a")])) == ["unchanged", "unchanged"]
    assert revisions(provider, "a") == ["created"]


def test_made_and_deleted_at_once_leaves_no_trace_but_a_reserved_name(provider):
    gone = {"op": "delete", "type": "actor", "identifier": "b:a"}
    answer = send(provider, [actor("a"), gone])
    assert answer.status_code == 200
    assert provider.get("/v1/actors/b:a").status_code in (404, 410)
    again = send(provider, [actor("a")])
    assert outcomes(again) == ["created"]


def test_two_that_refer_to_each_other_go_together_but_not_alone(provider):
    send(provider, [actor("root"), actor("leaf", parent="b:root")])
    root, leaf = ({"op": "delete", "type": "actor", "identifier": f"b:{name}"} for name in ("root", "leaf"))
    alone = send(provider, [root])
    assert (outcomes(alone), codes(alone)) == (["failed"], ["still_referenced"])
    assert outcomes(send(provider, [root, leaf])) == ["deleted", "deleted"]
    assert provider.get("/v1/actors/b:root").status_code == 410


def test_two_records_cannot_take_one_identifier(provider):
    name = [{"scheme": "b", "identifier": "same"}]
    answer = send(provider, [actor("a", identifiers=name), actor("b", identifiers=name), actor("c")])
    assert sorted(outcomes(answer)) == ["created", "created", "failed"]
    assert "identifier_taken" in codes(answer)


def test_another_providers_record_is_left_alone(provider, fresh_app, signed):
    send(provider, [actor("a")])
    stranger = signed(fresh_app, "write", "stranger")
    answer = send(stranger, [actor("a", name="Mine"), actor("b")])
    assert (outcomes(answer), codes(answer)) == (["failed", "created"], ["not_your_record", None])
    assert provider.get("/v1/actors/b:a").json["name"] == "a"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"{", "invalid_json"),
        (b"[1,2]", "validation_failed"),
        (b"null", "validation_failed"),
        (b'"text"', "validation_failed"),
        (b"\xff", "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b'{"op":"upsert","op":"delete"}', "invalid_json"),
        (b'{"op":NaN}', "invalid_json"),
        (b'{"op":1e999}', "invalid_json"),
        (b'{"n":' + b"9" * 400 + b"}", "invalid_json"),
        (b'{"n":"' + b"9" * (3 << 20) + b'"}', "content_too_large"),
        (b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
        (b'{"op":"\\ud800"}', "invalid_json"),
        (dumps({}), "validation_failed"),
        (dumps(actor("x") | {"op": "merge"}), "validation_failed"),
        (dumps(actor("x") | {"type": "planet"}), "validation_failed"),
        (dumps(actor("x") | {"type": ["actor"]}), "validation_failed"),
        (dumps(actor("x") | {"op": {}}), "validation_failed"),
        (dumps(actor("x") | {"identifier": "nothing"}), "validation_failed"),
        (dumps(actor("x") | {"identifier": "b:a\0b"}), "validation_failed"),
        (dumps(actor("x") | {"identifier": 7}), "validation_failed"),
        (dumps(actor("x") | {"data": [1]}), "validation_failed"),
        (dumps(actor("x") | {"data": None}), "validation_failed"),
        (dumps(actor("x") | {"extra": 1}), "validation_failed"),
        (dumps(actor("x", name="a\0b")), "validation_failed"),
        (dumps(actor("x", name={"deep": [1]})), "validation_failed"),
        (dumps(actor("x", identifiers=7)), "validation_failed"),
        (dumps(actor("x", identifiers=[7])), "validation_failed"),
        (dumps({"op": "upsert", "type": "actor", "data": {"name": "x", "kind": "other"}}), "validation_failed"),
        (dumps({"op": "upsert", "type": "actor", "data": {"identifiers": [7]}}), "validation_failed"),
        (dumps({"op": "patch", "type": "actor", "identifier": "b:nobody", "data": {}}), "not_found"),
        (dumps({"op": "delete", "type": "actor", "identifier": "b:nobody"}), "not_found"),
        (dumps({"op": "patch", "type": "actor", "identifier": "b:good", "data": {"kind": 7}}), "validation_failed"),
        (dumps({"op": "patch", "type": "actor", "identifier": "b:good", "data": {"identifiers": 7}}),
         "validation_failed"),
        (dumps({"op": "patch", "type": "person", "identifier": "b:good", "data": {}}), "not_found"),
        (dumps(actor("x", parent="b:nobody")), "unknown_reference"),
        (dumps(actor("x", parent={"id": "b:good", "type": "person"})), "validation_failed"),
    ],
    ids=lambda value: value[:40].decode(errors="replace") if isinstance(value, bytes) else None,
)  # fmt: skip
def test_a_hostile_row_fails_alone(shared, row, code):
    answer = send(shared, [actor("good"), row, actor("also good")])
    first, hostile, last = outcomes(answer)
    assert {first, last} <= {"created", "unchanged"}
    assert (hostile, codes(answer)) == ("failed", [None, code, None])


def test_a_row_holds_no_more_than_a_request_of_its_own(shared):
    rows = [actor("good"), actor("x", note="x" * http.MAX_BODY), actor("also good")]
    answer = shared.post("/v1/batches", json={"operations": rows})
    assert outcomes(answer)[1] == "failed"
    assert codes(answer) == [None, "content_too_large", None]


@pytest.mark.parametrize("op", ["upsert", "patch"])
def test_of_all_too_many_faults_the_first_of_each_row_is_told(provider, monkeypatch, op):
    send(provider, [actor("a"), actor("b"), actor("c")])
    few = partial(Telling, 5)
    monkeypatch.setattr(batches, "Telling", few)
    monkeypatch.setattr(records, "Telling", few)
    faulty = {"one": 1, "two": 2, "three": 3}
    rows = [actor("a", **faulty) | {"op": op}, actor("b", **faulty) | {"op": op}, actor("c", one=1) | {"op": op}]
    answer = send(provider, rows)
    assert codes(answer) == ["validation_failed"] * 3
    problems = [result["problem"] for result in answer.json["results"]]
    assert [len(problem["errors"]) for problem in problems] == [3, 1, 1]
    assert [problem["detail"] for problem in problems] == [
        "3 fault(s) in the body.",
        "3 fault(s) in the body. Only the first is told: the rows of this batch have too many faults.",
        "1 fault(s) in the body.",
    ]


def test_blank_lines_and_carriage_returns_are_no_rows(provider):
    body = b"\r\n\n" + dumps(actor("a")) + b"\r\n   \n" + dumps(actor("b"))
    assert outcomes(send(provider, body)) == ["created", "created"]


def test_an_empty_batch_is_done(shared):
    assert outcomes(send(shared, b"")) == []
    assert outcomes(shared.post("/v1/batches", json={"operations": []})) == []


# --- the whole ------------------------------------------------------------------------------------------------------


def test_all_or_nothing(provider):
    answer = send(provider, [actor("a"), actor("b", kind="planet"), actor("c", parent="b:b")], "?atomic=true")
    assert (answer.status_code, answer.json["code"]) == (422, "batch_failed")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/1/kind", "/2/parent"]
    assert events(provider) == 0
    assert outcomes(send(provider, [actor("a"), actor("c")], "?atomic=true")) == ["created", "created"]


def test_a_dry_run_keeps_nothing(provider):
    send(provider, [actor("there")])
    rows = [actor("there", name="Other"), actor("new"), actor("leaf", parent="b:new"), actor("bad", kind="planet")]
    dry = send(provider, rows, "?dry_run=true")
    assert dry.json["dry_run"] is True
    assert events(provider) == 1
    assert provider.get("/v1/actors/b:new").status_code == 404
    assert outcomes(dry) == outcomes(send(provider, rows)) == ["updated", "created", "created", "failed"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", None, 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"operations": 7}', "application/json", 422),
        (b'{"operations": [], "atomic": true}', "application/json", 422),
    ],
)
def test_what_is_no_batch(shared, body, kind, status):
    assert shared.post("/v1/batches", data=body, content_type=kind).status_code == status


@pytest.mark.parametrize("query", ["?atomic=yes", "?dry_run=1", "?atomic=true&atomic=false", "?dryrun=true"])
def test_a_wrong_query_is_refused_and_nothing_done(provider, query):
    assert send(provider, [actor("a")], query).status_code == 400
    assert events(provider) == 0


def test_too_many_rows_are_refused_with_the_way_out(shared):
    for kind, body in [
        (NDJSON, b"{}\n" * (LIMITS[NDJSON][0] + 1)),
        ("application/json", dumps({"operations": [{}] * (LIMITS["application/json"][0] + 1)})),
    ]:
        answer = shared.post("/v1/batches", data=body, content_type=kind)
        assert (answer.status_code, answer.json["code"]) == (413, "content_too_large")
        assert "Send several" in answer.json["detail"]


def test_too_many_references_are_refused_with_the_way_out(provider, monkeypatch):
    monkeypatch.setattr(records, "REFERENCES", 2)
    children = [actor("x", parent="b:one"), actor("y", parent="b:two"), actor("z", parent="b:one")]
    answer = send(provider, [actor("one"), actor("two"), *children])
    assert set(outcomes(answer)) == {"created"}
    answer = send(provider, [actor("three"), *children, actor("v", parent="b:three")])
    assert (answer.status_code, answer.json["code"]) == (413, "content_too_large")
    assert "several batches" in answer.json["detail"]
    assert events(provider) == 5


def test_too_many_bytes_are_refused(shared):
    for kind, (_, size) in LIMITS.items():
        body = b" " * (size + 1)
        assert shared.post("/v1/batches", data=body, content_type=kind).status_code == 413


def unmeasured(body: bytes, **environ: Any) -> Json:
    """A request whose body the server reads to its end, whatever its length was said to be."""
    return {"input_stream": BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True} | environ}


def test_a_batch_that_broke_off_is_refused(provider):
    """What has arrived may be whole lines, and was not all: the client died, and the server says nothing of that."""
    whole = dumps(actor("a")) + b"\n"
    sent = unmeasured(whole, CONTENT_LENGTH=str(2 * len(whole)))
    answer = provider.post("/v1/batches", content_type=NDJSON, headers={"Idempotency-Key": "k"}, **sent)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert events(provider) == 0
    assert outcomes(send(provider, [actor("a"), actor("b")], **{"Idempotency-Key": "k"})) == ["created", "created"]


def test_of_lines_without_a_length_nobody_knows_the_end(provider):
    body = dumps({"operations": [actor("a")]})
    chunked = unmeasured(body, HTTP_TRANSFER_ENCODING="chunked")
    assert provider.post("/v1/batches", content_type=NDJSON, **chunked).status_code == 400
    assert events(provider) == 0
    chunked = unmeasured(body, HTTP_TRANSFER_ENCODING="chunked")
    assert outcomes(provider.post("/v1/batches", content_type="application/json", **chunked)) == ["created"]
    endless = unmeasured(b" " * (LIMITS["application/json"][1] + 1), HTTP_TRANSFER_ENCODING="chunked")
    assert provider.post("/v1/batches", content_type="application/json", **endless).status_code == 413


def test_a_body_of_one_endless_line(shared):
    answer = send(shared, b'{"op":"' + b"x" * (5 << 20) + b'"}')
    assert outcomes(answer) == ["failed"]
    assert len(answer.data) < 10_000


def test_the_number_of_statements_does_not_grow_with_the_rows(provider, monkeypatch):
    ran = []
    execute = psycopg.Connection.execute
    monkeypatch.setattr(
        psycopg.Connection,
        "execute",
        lambda conn, query, *args, **kw: ran.append(query) or execute(conn, query, *args, **kw),
    )

    def statements(rows: list) -> int:
        ran.clear()
        assert set(outcomes(send(provider, rows))) == {"created"}
        return len(ran)

    few = statements([actor("a"), actor("b", parent="b:a")])
    many = statements([actor(f"n{n}", parent=f"b:n{n - 1}" if n else "b:a") for n in range(300)])
    assert many <= few + 1


# --- again ----------------------------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer_and_does_nothing_again(provider):
    rows = [actor("a"), actor("b", kind="planet")]
    first, again = (send(provider, rows, **{"Idempotency-Key": '"k1"'}) for _ in range(2))
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert events(provider) == 1
    for rows_now, query in [([actor("a")], ""), (rows, "?dry_run=true")]:
        other = send(provider, rows_now, query, **{"Idempotency-Key": '"k1"'})
        assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_key_of_another_is_another_key(provider, fresh_app, signed):
    stranger = signed(fresh_app, "write", "stranger")
    assert outcomes(send(provider, [actor("a")], **{"Idempotency-Key": "k"})) == ["created"]
    assert outcomes(send(stranger, [actor("b")], **{"Idempotency-Key": "k"})) == ["created"]


def test_while_the_first_is_running_the_second_waits_outside(provider, fresh_app):
    answers: list = []
    with psycopg.connect(fresh_app.config["DATABASE_URL"]) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(7205760001)")  # the log's lock: nobody can write
        first = threading.Thread(
            target=lambda: answers.append(send(provider, [actor("a")], **{"Idempotency-Key": "k"}))
        )
        first.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while conn.execute(waiting).fetchone() == (0,):
            time.sleep(0.02)
        second = send(provider, [actor("a")], **{"Idempotency-Key": "k"})
        assert (second.status_code, second.json["code"]) == (409, "idempotency_in_flight")
    first.join()
    assert outcomes(answers[0]) == ["created"]
    assert send(provider, [actor("a")], **{"Idempotency-Key": "k"}).data == answers[0].data


def test_an_atomic_failure_is_remembered_too(provider):
    rows = [actor("a", kind="planet")]
    first, again = (send(provider, rows, "?atomic=true", **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (422, 422)
    assert events(provider) == 0


# --- reading it again ------------------------------------------------------------------------------------------------


def test_a_batch_can_be_read_again_by_its_provider_and_admins(provider, fresh_app, signed):
    sent = send(provider, [actor("a"), actor("b", kind="planet")])
    path = f"/v1/batches/{sent.json['id']}"
    assert provider.get(path).json == sent.json
    assert signed(fresh_app, "admin", "somebody").get(path).json == sent.json
    assert signed(fresh_app, "write", "stranger").get(path).status_code == 404
    assert fresh_app.test_client().get(path).status_code == 401
    for wrong in ("nothing", "00000000-0000-0000-0000-000000000000", "b:a"):
        assert provider.get(f"/v1/batches/{wrong}").status_code == 404


def test_a_dry_run_and_a_revision_name_their_batch(provider):
    sent = send(provider, [actor("a")])
    [revision] = provider.get("/v1/actors/b:a/revisions").json["items"]
    assert revision["batch"] == sent.json["id"]


@pytest.mark.parametrize(("scope", "status"), [("read", 403), (None, 401)])
def test_only_writers_send_batches(fresh_app, signed, scope, status):
    client = signed(fresh_app, scope) if scope else fresh_app.test_client()
    assert send(client, [actor("a")]).status_code == status
