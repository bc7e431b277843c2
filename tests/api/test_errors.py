"""What is refused, and how it is told; whatever is sent, it is never our fault."""

import ast
import io
import json
import re
from pathlib import Path
from urllib.parse import quote, quote_from_bytes

import flask_smorest
import marshmallow as ma
import pytest
from flask import abort
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, TooManyRequests

from api import create_app, http
from api.pages import PROBLEMS
from schemas import base
from schemas.problems import MAX_FAULTS, Refused, pointer
from tests.conftest import running_app

ROOT = Path(__file__).parents[2]
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}
PATCH = "application/merge-patch+json"
COLLECTIONS = ["actors", "people", "sources", "processes", "rounds", "delegations"]


def problem(answer, status=None, code=None):
    """The body of an answer that has to be a whole problem."""
    assert status in (None, answer.status_code), answer.text
    assert answer.content_type == "application/problem+json"
    body = answer.json
    assert body.keys() >= MEMBERS
    assert body["status"] == answer.status_code
    assert body["code"] == (code or body["code"]), answer.text
    assert body["type"] == PROBLEMS[body["code"]]["type"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert (body["title"], bool(body["detail"])) == (PROBLEMS[body["code"]]["title"], True)
    assert answer.headers["Cache-Control"] == "no-store"
    for fault in body["errors"]:
        assert fault.keys() == {"location", "pointer", "code", "detail"}
        assert fault["location"] in ("body", "query", "path", "header")
    return body


def faults(answer):
    return {(fault["pointer"], fault["code"]) for fault in answer.json["errors"]}


def send(client, body, where="/v1/actors", method="POST", kind="application/json", **headers):
    return client.open(where, method=method, data=body, content_type=kind, headers=headers)


# --- every code has its page ---------------------------------------------------------------------------------------


def codes(tree):
    """Problem codes named in a module: what Refused(status, code, …) and problem(status, code, …) are given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "Refused",
            "problem",
        ):
            given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "code")]
            for choice in given:
                yield from (leaf.value for leaf in ast.walk(choice) if isinstance(leaf, ast.Constant) and leaf.value)


def test_every_problem_code_is_explained():
    files = [file for room in ("api", "schemas", "db") for file in (ROOT / room).glob("**/*.py")]
    found = {code for file in files for code in codes(ast.parse(file.read_text(encoding="utf-8")))}
    assert found >= {"not_found", "invalid_json", "identifier_taken", "invalid_cursor", "internal_error"}
    assert {code for code in found if code not in PROBLEMS} == set()


def test_what_flask_refuses_is_explained_too(app):
    statuses = {"400": "bad_request", "404": "not_found", "405": "method_not_allowed", "413": "content_too_large",
                "429": "too_many_requests", "500": "internal_error"}  # fmt: skip
    for status, code in statuses.items():
        with app.test_request_context("/v1/x"):
            answer = app.make_response(app.handle_user_exception(abort_with(int(status))))
        assert json.loads(answer.data)["code"] == code
        assert PROBLEMS[code]["status"] == int(status)


def abort_with(status):
    try:
        abort(status)
    except HTTPException as error:
        return error


# --- status by status ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where", ["/nowhere", "/v1", "/v1/", "/v1/nowhere", "/v1/actors/", "/v1//actors", "/v2/actors", "/v1/actors/nobody",
              "/v1/actors/a:b", "/v1/actors/a:b/c/d", "/v1/actors/00000000-0000-0000-0000-000000000000",
              "/v1/actors/a:b/revisions", "/v1/Actors", "/v1/actors/%00", "/v1/actors/..%2F..%2Fetc%2Fpasswd"]
)  # fmt: skip
def test_404(client, where):
    body = problem(client.get(where), 404, "not_found")
    assert body["instance"].startswith("/")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get", "GET\u00e9"])
def test_405_tells_what_is_allowed(client, method):
    answer = client.open("/v1/actors", method=method)
    if answer.status_code == 200:
        assert method.upper() == "GET"  # the test client writes methods in capitals
        return
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    one = client.post("/v1/actors/a:b")
    assert set(one.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0", "image/*", "nonsense"])
def test_406(client, accept):
    problem(client.get("/v1/actors", headers={"Accept": accept}), 406, "not_acceptable")
    problem(client.get("/v1/actors/a:b", headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "application/*;q=0.1", "text/html, */*;q=0.1", "APPLICATION/JSON",
               "application/json; charset=utf-8", "", "application/problem+json"]
)  # fmt: skip
def test_what_accepts_json(client, accept):
    assert client.get("/v1/actors?limit=1", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/xml", "json", "multipart/form-data",
                                  "application/x-www-form-urlencoded", "application/jsonx", PATCH])  # fmt: skip
def test_415_tells_what_is_understood(writer, kind):
    for method, where in (("POST", "/v1/actors"), ("PUT", "/v1/actors/a:b")):
        answer = send(writer, b'{"name": "x", "kind": "other"}', where, method, kind)
        problem(answer, 415, "unsupported_media_type")
        assert answer.headers["Accept"] == "application/json"
    if kind != PATCH:
        answer = send(writer, b"{}", "/v1/actors/a:b", "PATCH", kind, **{"If-Match": "*"})
        problem(answer, 415, "unsupported_media_type")
        assert answer.headers["Accept-Patch"] == PATCH


def test_413(writer, client):
    huge = b'{"name": "' + b"x" * http.MAX_BODY + b'"}'
    problem(send(writer, huge), 413, "content_too_large")
    streamed = {"wsgi.input": io.BytesIO(huge), "wsgi.input_terminated": True}  # as chunks, without a length
    answer = writer.post("/v1/actors", content_type="application/json", environ_overrides=streamed)
    problem(answer, 413, "content_too_large")
    problem(send(client, huge), 401, "unauthorized")  # a stranger's is not read at all


def test_503_when_the_database_is_away(caplog):
    app = create_app(DATABASE_URL="host=127.0.0.1 port=1 connect_timeout=1", RATE_LIMIT="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.extensions["db"]["read"], "timeout", 0.2)
        answer = app.test_client().get("/v1/actors")
    app.extensions["db"]["read"].close()
    problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "127.0.0.1" not in answer.text


@pytest.fixture
def broken(fresh_database):
    """An app with routes that fail in every way."""
    with running_app(fresh_database) as app:

        @app.get("/v1/broken")
        def fail():
            raise RuntimeError("SELECT secret FROM keys")

        @app.get("/v1/slow")
        def wait():
            raise TooManyRequests("Too many.", retry_after=7)

        @app.get("/v1/many")
        def refuse():
            raise Refused(422, "validation_failed", "Many.", [http.fault("", "invalid", "x")] * 5000)

        app.testing = False
        yield app.test_client()


def test_500_says_nothing_of_what_is_inside(broken):
    answer = broken.get("/v1/broken")
    problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_an_error_of_the_framework_keeps_its_headers(broken):
    answer = broken.get("/v1/slow")
    problem(answer, 429, "too_many_requests")
    assert answer.headers["Retry-After"] == "7"


def test_an_answer_does_not_grow_with_the_faults(broken):
    assert len(problem(broken.get("/v1/many"), 422)["errors"]) == MAX_FAULTS


def test_a_problem_of_head_has_no_body(client):
    answer = client.head("/v1/actors?limit=0")
    assert (answer.status_code, answer.data, answer.content_type) == (400, b"", "application/problem+json")


# --- all faults at once --------------------------------------------------------------------------------------------


def test_all_faults_of_a_body(writer):
    body = {
        "name": "",
        "kind": "planet",
        "colour": "red",
        "country": "EUR",
        "parent": 5,
        "valid_from": "20255",
        "other_names": [{"name": "ok"}, {"nmae": "x", "lang": "xx-", "script": "cyrl", "kind": "nick"}, 7],
        "identifiers": [{"scheme": "A", "identifier": "x" * 201}],
        "a/b~c": 1,
    }
    answer = writer.post("/v1/actors", json=body)
    assert problem(answer, 422, "validation_failed")["errors"]
    assert faults(answer) == {
        ("/name", "invalid"),
        ("/kind", "invalid"),
        ("/colour", "unknown_property"),
        ("/country", "invalid"),
        ("/parent", "invalid"),
        ("/valid_from", "invalid"),
        ("/other_names/1/name", "required"),
        ("/other_names/1/nmae", "unknown_property"),
        ("/other_names/1/lang", "invalid"),
        ("/other_names/1/script", "invalid"),
        ("/other_names/1/kind", "invalid"),
        ("/other_names/2", "invalid"),
        ("/identifiers/0/scheme", "invalid"),
        ("/identifiers/0/identifier", "invalid"),
        ("/a~1b~0c", "unknown_property"),
    }


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"5", b"true"])
def test_a_body_is_an_object(writer, body):
    answer = send(writer, body)
    problem(answer, 422)
    assert faults(answer) == {("", "invalid")}
    answer = send(writer, body, "/v1/actors/a:b", "PATCH", PATCH, **{"If-Match": "*"})
    assert problem(answer)["code"] in ("validation_failed", "not_found")


def test_all_faults_of_a_query(client):
    query = "sinse=1&limit=501&limit=2&status=x,y&from=2025-13-01&sort=color&fields=id,nmae&include=delegation&as_of=x"
    answer = client.get(f"/v1/rounds?{query}&cursor=")
    body = problem(answer, 400, "invalid_query")
    assert faults(answer) == {
        ("sinse", "unknown_parameter"),
        ("limit", "repeated_parameter"),
        ("status", "invalid"),
        ("from", "invalid"),
        ("sort", "invalid"),
        ("fields", "invalid"),
        ("include", "invalid"),
        ("as_of", "invalid"),
        ("cursor", "invalid"),
    }
    details = {fault["pointer"]: fault["detail"] for fault in body["errors"]}
    assert "Did you mean name?" in details["fields"]
    assert "Did you mean delegations?" in details["include"]
    assert {fault["location"] for fault in body["errors"]} == {"query"}


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("updated_sinse", "updated_since"), ("Limit", "limit"), ("partie", "party"), ("parties", "party"),
     ("third-party", "third_party"), ("datematch", "date_match"), ("include_totals", "include_total")],
)  # fmt: skip
def test_an_unknown_parameter_is_refused_with_the_nearest_name(client, sent, meant):
    answer = client.get(f"/v1/rounds?{sent}=x")
    [fault] = problem(answer, 400, "unknown_parameter")["errors"]
    assert (fault["pointer"], f"Did you mean {meant}?" in fault["detail"]) == (sent, True)


@pytest.mark.parametrize("where", ["/v1/actors/a:b", "/v1/actors/a:b/revisions", "/v1/me"])
def test_no_operation_ignores_a_parameter(writer, where):
    problem(writer.get(f"{where}?q=x"), 400, "unknown_parameter")
    problem(writer.delete("/v1/actors/a:b?raeson=x", headers={"If-Match": "*"}), 400, "unknown_parameter")


def test_a_repeated_parameter_is_refused(client):
    answer = client.get("/v1/actors?kind=state&kind=igo")
    problem(answer, 400, "repeated_parameter")
    assert faults(answer) == {("kind", "repeated_parameter")}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=-1", "limit=5.0", "limit=+5", "limit=%205", "limit=5e1", "limit=",
              "limit=٥", "limit=99999999999", "include_total=yes", "include_total=1", "include_total=TRUE", "sort=",
              "sort=-", "sort=--id", "sort=id,name", "sort=score", "q=", "q=" + "x" * 201, "id=", "id=a:b,", "id=a",
              "source=%20", "fields=", "fields=id,,name", "include=me", "updated_since=yesterday",
              "updated_since=2025-02-30",
              "updated_since=2025-01-01T00:00:00", "updated_since=20250101", "as_of=9999-12-31T23:59:59-14:00",
              "kind=STATE", "kind=state,", "country=tur", "country=TR", "country=EUU", "lang=english", "lang="]
)  # fmt: skip
def test_what_no_parameter_takes(client, query):
    answer = client.get(f"/v1/actors?{query}")
    assert {fault["pointer"] for fault in problem(answer, 400, "invalid_query")["errors"]} == {query.partition("=")[0]}


@pytest.mark.parametrize("query", ["from=2025-02-30", "from=../2025", "to=2025/..", "from=20250516",
                                   "from=yesterday", "date_match=maybe", "number=x", "number=1.0",
                                   "number=-1", "status=done"])  # fmt: skip
def test_what_no_filter_of_rounds_takes(client, query):
    answer = client.get(f"/v1/rounds?{query}")
    assert {fault["pointer"] for fault in problem(answer, 400, "invalid_query")["errors"]} == {query.partition("=")[0]}


# --- the defects of the stack, one by one --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", 5.7), ("number", " 5 "), ("number", "5"), ("number", True), ("number", 5.0), ("number", 1e3),
        ("number", 0), ("number", 10_001), ("number", -1),
        ("starts_on", "20260102"), ("starts_on", 20260102), ("starts_on", "2026-1-2"), ("starts_on", "2026-02-29"),
        ("starts_on", ".."), ("starts_on", ""), ("starts_on", "99999-01-01"), ("starts_on", "y-170000002"),
        ("name", "a\u0000b"), ("name", 5), ("name", ["x"]), ("name", {"a": 1}), ("name", True), ("name", "x" * 501),
        ("status", "done"), ("status", 1), ("status", None), ("status", "Proposed"),
        ("formats", "direct"), ("formats", {"0": "direct"}), ("venue", "Istanbul"), ("venue", []),
        ("sources", []), ("sources", None), ("note", ""), ("process", ["x:y"]),
    ],
)  # fmt: skip
def test_values_are_taken_as_strictly_as_they_are_documented(writer, field, value):
    """Integer takes 5.7 and " 5 ", Date takes 20260102, String passes NUL: unless they are made strict."""
    body = {"status": "proposed", "sources": [{"source": "a:b"}]} | {field: value}
    answer = writer.post("/v1/rounds", json=body)
    problem(answer, 422, "validation_failed")
    assert {fault["pointer"] for fault in answer.json["errors"]} == {f"/{field}"}


@pytest.mark.parametrize(("latitude", "right"), [(41, True), (41.5, True), (-90, True), (90.1, False), ("41", False),
                                                 (True, False), ([], False), (1e300, False)])  # fmt: skip
def test_numbers_stay_what_they_are(writer, latitude, right):
    source = writer.post("/v1/sources", json={"kind": "news"}).json["id"]
    body = {"status": "proposed", "sources": [{"source": source}], "venue": {"latitude": latitude}}
    answer = writer.post("/v1/rounds", json=body)
    if right:
        assert json.dumps(answer.json["venue"]["latitude"]) == json.dumps(latitude)
    else:
        assert faults(answer) == {("/venue/latitude", "invalid")}


@pytest.mark.parametrize("value", ["1E+1000000", "1e3", "1,5", "+1", " 1", "1.", ".5", "NaN", "Infinity", 1, 1.5,
                                   "1" * 19, "1.1234567", "", "١", "-"])  # fmt: skip
def test_money_is_a_plain_decimal_string(value):
    """Decimal passes 1E+1000000 and takes floats."""
    with pytest.raises(ma.ValidationError) as refused:
        base.MoneyBody().load({"value": value, "currency": "EUR"})
    assert list(refused.value.messages) == ["value"]


@pytest.mark.parametrize("value", ["200000000.00", "-0.5", "0", "1" * 18 + ".123456"])
def test_money_is_kept_as_it_was_written(value):
    money = {"value": value, "currency": "EUR"}
    assert base.MoneyBody().load(money) == money
    for bad in ("eur", "EU", "EURO", "XYZ", 978):
        with pytest.raises(ma.ValidationError):
            base.MoneyBody().load(money | {"currency": bad})


@pytest.mark.parametrize("value", ["yes", "no", "true", 1, 0, "", []])
def test_a_boolean_is_true_or_false(value):
    """Boolean takes "yes"."""
    from schemas.fields import Boolean

    with pytest.raises(ma.ValidationError):
        Boolean().deserialize(value)
    assert (Boolean().deserialize(True), Boolean().deserialize(False)) == (True, False)


def test_a_wrong_content_type_changes_nothing(writer):
    """It gave 200 and an empty PATCH."""
    made = writer.post("/v1/actors", json={"name": "One", "kind": "other"})
    answer = send(writer, b'{"name": "Two"}', made.headers["Location"], "PATCH", "text/plain", **{"If-Match": "*"})
    problem(answer, 415)
    assert writer.get(made.headers["Location"]).data == made.data


def test_a_weak_tag_matches_and_304_keeps_it(client, writer):
    made = writer.post("/v1/actors", json={"name": "One", "kind": "other"})
    etag = made.headers["ETag"]
    answer = client.get(made.headers["Location"], headers={"If-None-Match": f"W/{etag}"})
    assert (answer.status_code, answer.headers["ETag"]) == (304, etag)


def test_compression_leaves_the_tag_usable(writer):
    """flask-compress turns the ETag "3" into "3:gzip"."""
    made = writer.post("/v1/actors", json={"name": "One", "kind": "other", "note": "long " * 1000})
    where = made.headers["Location"]
    zipped = writer.get(where, headers={"Accept-Encoding": "gzip"})
    assert (zipped.headers["Content-Encoding"], zipped.headers["ETag"]) == ("gzip", f"W/{made.headers['ETag']}")
    held = {"Accept-Encoding": "gzip", "If-None-Match": zipped.headers["ETag"]}
    assert writer.get(where, headers=held).status_code == 304
    answer = send(writer, b'{"name": "Two"}', where, "PATCH", PATCH, **{"If-Match": zipped.headers["ETag"]})
    assert answer.status_code == 200


def test_a_slash_in_an_identifier_arrives(client, writer):
    """`%2F` in a path segment never arrives."""
    made = writer.put("/v1/actors/slash:a%2Fb", json={"name": "One", "kind": "other"})
    assert made.json["identifiers"] == [{"scheme": "slash", "identifier": "a%2Fb"}]
    for form in ("a%2Fb", "a%252Fb", "a/b"):
        assert client.get(f"/v1/actors/slash:{form}").data == made.data


def test_every_part_of_an_answer_is_there(writer):
    """A column missing from a row vanishes from the answer, even where it is required."""
    for collection in COLLECTIONS:
        body = next(body for body in base.BODIES.values() if body.collection == collection)
        for item in writer.get(f"/v1/{collection}?limit=5").json["items"]:
            promised = {field.data_key or name for name, field in base.shown(body)._declared_fields.items()
                        if field.required}  # fmt: skip
            assert item.keys() >= promised


def test_answers_are_open_and_requests_closed():
    """Response schemas come out closed."""
    for body in base.BODIES.values():
        assert base.shown(body)().unknown == ma.EXCLUDE
        assert body().unknown == base.patch(body)().unknown == ma.RAISE


def test_one_class_per_shape(app):
    """`only=` and `partial=` make "Pledge1" in the document."""
    document = app.test_client().get("/v1/openapi.json").json
    names = document["components"]["schemas"]
    assert [name for name in names if re.search(r"\d$", name)] == []
    operations = [op for item in document["paths"].values() for op in item.values() if isinstance(op, dict)]
    ids = [op["operationId"] for op in operations if "responses" in op]
    assert len(ids) == len(set(ids)) > 40


def test_two_apps_answer_each_for_itself(client):
    """Two Api objects share one error handler."""
    other = create_app(RATE_LIMIT="")
    for app in (other.test_client(), client):
        problem(app.get("/v1/nowhere"), 404)
    errors = flask_smorest.Api._register_error_handlers
    assert type(other.extensions["flask-smorest"]["apis"][""]["ext_obj"])._register_error_handlers is not errors


def test_schemas_are_made_once():
    """`@blp.arguments(SchemaClass)` rebuilds the schema for every request: they are given instances."""
    for file in (ROOT / "api").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "arguments":
                assert not re.fullmatch("[A-Z]+[a-z]\\w*", ast.unparse(node.args[0])), ast.unparse(node)


# --- hostile input -------------------------------------------------------------------------------------------------

HOSTILE = {
    "nothing": b"",
    "half": b'{"name": "x"',
    "two": b"{} {}",
    "comment": b'{"name": "x" /* y */}',
    "single quotes": b"{'name': 'x'}",
    "trailing comma": b'{"name": "x",}',
    "bad UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-8 of a surrogate": b'{"name": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"name": "\xc0\x80"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "raw NUL": b'{"name": "a\x00b"}',
    "raw newline": b'{"name": "a\nb"}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "lone low surrogate": b'{"name": "\\udc00x"}',
    "surrogate in a key": b'{"\\ud800": 1}',
    "surrogate deep in a key": b'{"other_names": [{"name": "x", "\\udfff": 1}]}',
    "key twice": b'{"name": "x", "name": "y", "kind": "other"}',
    "key twice below": b'{"name": "x", "kind": "other", "other_names": [{"name": "a", "name": "b"}]}',
    "key twice by escape": b'{"name": "x", "n\\u0061me": "y", "kind": "other"}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "1,000 objects": b'{"a":' * 1_020 + b"1" + b"}" * 1_020,
    "10^400": b'{"number": 1' + b"0" * 400 + b"}",
    "10^5000": b'{"number": -1' + b"0" * 5_000 + b"}",
    "1e400": b'{"number": 1e400}',
    "-1e400": b'{"number": -1e400}',
    "NaN": b'{"number": NaN}',
    "Infinity": b'{"number": Infinity}',
    "2^53": b'{"number": 9007199254740993}',
    "leading zero": b'{"number": 01}',
    "hexadecimal": b'{"number": 0x10}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("method", "where"), [("POST", "/v1/rounds"), ("PUT", "/v1/rounds/a:b"),
                                               ("PATCH", "/v1/rounds/a:b")])  # fmt: skip
def test_what_is_no_json(writer, body, method, where):
    kind = PATCH if method == "PATCH" else "application/json"
    answer = send(writer, body, where, method, kind, **{"If-Match": "*"} if method == "PATCH" else {})
    problem(answer, 400, "invalid_json")


def test_a_key_of_any_characters_is_told_in_its_pointer(writer):
    for key in ("a\u0000b", "~", "/", "~1", "", " ", "\u202e", "\U0001f54a", "__proto__", "_schema", "x" * 10_000):
        answer = writer.post("/v1/people", json={"name": "x", key: 1})
        problem(answer, 422)
        assert faults(answer) == {(pointer(key), "unknown_property")}


def test_a_value_that_passes_every_check_fits_the_database(writer):
    """The longest texts and the strangest characters that are allowed."""
    odd = "\u0001\u007f\ufffe\uffff\U0010ffff\u202e\"'\\%s%(x)s{}$1;--"
    text = (odd * 20_000)[:20_000]
    source = writer.post("/v1/sources", json={"kind": "news", "title": text[:2_000], "note": text}).json["id"]
    names = [{"name": f"{number} {odd}"} for number in range(1_000)]
    person = writer.post("/v1/people", json={"name": text[:500], "other_names": names, "sources": [{"source": source}]})
    assert person.status_code == 201, person.text
    assert person.json["name"] == text[:500]
    assert person.json["sources"][0]["source"]["name"] == text[:2_000]
    assert writer.post("/v1/people", json={"name": "x", "other_names": [{"name": "y"}] * 1_001}).status_code == 422


@pytest.mark.parametrize(
    "value", ["%00", "%ff", "%ED%A0%80", "%C0%80", "%EF%BF%BE", "%zz", "%", "'", '"', "\\", "%25", "(", "*", "a:*", "!",
              "&amp;", "<->", "%F0%9F%95%8A", "x" * 200, "|", "%0A", "[", "^.*$"]
)  # fmt: skip
@pytest.mark.parametrize(
    "parameter", ["q", "id", "source", "cursor", "sort", "from", "as_of", "fields", "url", "status"]
)
def test_no_value_of_a_query_breaks_anything(client, parameter, value):
    collection = {"url": "sources", "from": "rounds", "status": "rounds"}.get(parameter, "people")
    answer = client.get(f"/v1/{collection}?{parameter}={value}")
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        problem(answer)


@pytest.mark.parametrize("query", [b"q=\xff", b"q=\xed\xa0\x80", b"\xff=1", b"q=%FF", b"q=%C3"])
def test_a_query_that_is_not_utf_8(client, query):
    problem(client.get("/v1/actors", environ_overrides={"QUERY_STRING": query.decode("latin-1")}), 400, "invalid_query")


@pytest.mark.parametrize("size", [100, 10_000, 1_000_000])
def test_a_gigantic_query(client, size):
    problem(client.get("/v1/actors?q=" + "x" * (size + 101)), 400)
    problem(client.get("/v1/actors?" + "x" * size + "=1"), 400)
    problem(client.get("/v1/actors?id=" + ",".join(["a:b"] * (size + 200))), 400)
    answer = client.get("/v1/actors?" + "&".join(f"limit{number}=1" for number in range(min(size, 5_000) + 1)))
    problem(answer, 400, "invalid_query")
    assert len(answer.data) < 1_000  # and neither memory nor time were spent on each


@pytest.mark.parametrize(
    "id", ["%", "%zz", "%00", "%ff%fe", "a:%ff", "a:%00", "a:%0d%0aSet-Cookie:x", "a:" + "x" * 201, "x" * 10_000,
           "é:x", "a:é", "a:%F0%9F%95%8A", "%C0%AF", "a:..%2f..", "0" * 36, "{}", "a:%20", "a:b%2Fc", "a%3Ab", ":",
           ":b", "a:", "a:%E2%80%A8", "null", "-1", "1e9", "a:b;c=d", "a:'--"]
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PATCH", "PUT"])
def test_an_id_of_anything(writer, method, id):
    more = {"data": b"{}", "content_type": PATCH if method == "PATCH" else "application/json"}
    answer = writer.open(f"/v1/actors/{id}", method=method, headers={"If-Match": "*"}, **more)
    assert answer.status_code in (404, 412, 422), (answer.status_code, answer.text)
    if method != "HEAD":
        assert len(problem(answer)["instance"]) < 20_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer"), ("Authorization", "Bearer " + "x" * 10_000), ("Authorization", "Basic eDp5"),
        ("Authorization", "Bearer \xff\x00"), ("Authorization", ""), ("Authorization", "\u00e9"),
        ("If-None-Match", '"' * 1_000), ("If-None-Match", "\xff"), ("If-Match", '"' + "9" * 1_000 + '"'),
        ("If-Match", ",,,,"), ("Accept", "," * 1_000), ("Accept", "a/b;q=x"), ("Accept", "\xff"),
        ("Accept-Encoding", "gzip;q=x, \xff"), ("X-Request-Id", "\xff"), ("X-Request-Id", "a\tb"),
        ("Content-Length", "x"), ("Content-Length", "-1"), ("Transfer-Encoding", "x"), ("Content-Type", "\xff"),
        ("Host", "\xff"), ("Host", "a b"), ("Host", ""), ("Origin", "\xff"), ("Origin", "null"), ("Range", "bytes=x"),
        ("X-Forwarded-For", "\xff"), ("Cookie", "a=\xff"), ("Idempotency-Key", "\xff"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_header_of_anything(client, method, name, value):
    where = "/v1/actors" + ("/a:b" if method == "DELETE" else "")
    answer = client.open(where, method=method, environ_overrides={header(name): value}, data=b"{}")
    assert answer.status_code < 500, answer.text
    assert "\n" not in "".join(answer.headers.values())
    if answer.status_code >= 400:
        problem(answer)


def header(name):
    name = name.upper().replace("-", "_")
    return name if name.startswith("CONTENT_") else f"HTTP_{name}"


def test_nothing_that_was_sent_becomes_a_header(client, writer):
    evil = quote("x\r\nSet-Cookie: a=b")
    for where in (f"/v1/actors?q={evil}", f"/v1/actors/a:{evil}", f"/v1/actors?cursor={evil}", f"/v1/{evil}"):
        assert "Set-Cookie" not in client.get(where).headers
    body = {"name": "x", "kind": "other", "identifiers": [{"scheme": "evil", "identifier": "x\r\nSet-Cookie: a=b"}]}
    made = writer.post("/v1/actors", json=body)
    assert "Set-Cookie" not in made.headers
    assert made.json["identifiers"][0]["identifier"] == "x%0D%0ASet-Cookie:%20a=b"


# --- anything at all -----------------------------------------------------------------------------------------------

WORDS = ["name", "kind", "other", "state", "status", "proposed", "sources", "source", "identifiers", "scheme",
         "identifier", "a:b", "positions", "title", "organization", "from", "to", "2025-07-23", "..", "members",
         "person", "represents", "round", "venue", "country", "TUR", "number", "parent", "id", "type", "note", "\u0000",
         "starts_on", "tracks", "track", "outcomes", "third_parties", "actor", "role", "language", "uk", "url",
         "_schema"]  # fmt: skip
texts = st.sampled_from(WORDS) | st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)
hard = settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def resolves(document, path):
    """Whether a JSON Pointer leads to something in a document, or to a property that an object there lacks."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    for number, step in enumerate(steps):
        if isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            return isinstance(document, dict) and number == len(steps) - 1
    return True


@hard
@given(st.sampled_from(COLLECTIONS), st.sampled_from(["POST", "PUT", "PATCH"]), st.dictionaries(texts, values) | values)
def test_any_json_is_answered(writer, collection, method, body):
    where = f"/v1/{collection}" + ("" if method == "POST" else "/fuzz:1")
    headers = {"If-Match": "*"} if method == "PATCH" else {}
    raw = json.dumps(body).encode()
    answer = send(writer, raw, where, method, PATCH if method == "PATCH" else "application/json", **headers)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        found = problem(answer)
        if found["code"] in ("validation_failed", "unknown_reference") and method != "PATCH":
            assert found["errors"]
            assert [fault for fault in found["errors"] if not resolves(body, fault["pointer"])] == []


@hard
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(writer, raw):
    answer = send(writer, raw)
    assert answer.status_code in (201, 400, 422)
    if answer.status_code != 201:
        problem(answer)


parameters = st.sampled_from(
    ["limit", "cursor", "sort", "q", "id", "identifier", "source", "updated_since", "fields", "include", "as_of",
     "lang", "include_total", "from", "to", "date_match", "party", "status", "number", "position_on", "url",
     "kind", "version"]
)  # fmt: skip
arguments = (
    st.sampled_from(["1", "true", "id", "name", "-updated_at", "a:b", "2025-07", "2025-07-23", "2025-01-01T00:00:00Z",
                     "certain", "iso3166-1:UKR,a:b", "delegations", "uk", "state", "TUR", "concluded"]).map(str.encode)
    | st.text(max_size=20).map(str.encode)
    | st.binary(max_size=20)
)  # fmt: skip


@hard
@given(st.sampled_from(COLLECTIONS), st.dictionaries(parameters | st.text(max_size=10), arguments, max_size=5))
def test_any_query_is_answered(client, collection, query):
    raw = "&".join(f"{quote(name)}={quote_from_bytes(value)}" for name, value in query.items())
    answer = client.get(f"/v1/{collection}?{raw}")
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        found = problem(answer)
        assert {fault["pointer"] for fault in found["errors"]} <= query.keys()


@hard
@given(st.text(max_size=50), st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]))
def test_any_path_is_answered(writer, path, method):
    answer = writer.open(f"/v1/{quote(path, safe='/')}", method=method)
    assert answer.status_code < 500
    if answer.status_code >= 400 and method != "HEAD":
        problem(answer)
