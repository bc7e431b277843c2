"""Probes, metrics, logs, request ids, and the headers that every answer carries."""

import gzip
import json
import logging
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import flask
import psycopg
import pytest
from backports import zstd
from flask import Flask, Response, abort, g
from prometheus_client.parser import text_string_to_metric_families

import db
from api import operations
from schemas.problems import Refused

BODY = json.dumps({"items": ["negotiation round"] * 200}).encode()
WORKER = """
import sys
from flask import Flask
from api import operations
from schemas.problems import Refused
app = Flask("worker")
operations.init_app(app)
app.add_url_rule("/v1/rounds/<id>", view_func=lambda id: id)
client = app.test_client()
for number in range(int(sys.argv[1])):
    client.get(f"/v1/rounds/{number}")
print(client.get("/metrics").text)
"""


@pytest.fixture
def make_client(request):
    """Builds a small app with an answer of each sort; a problem is shown as its description."""

    def build(**config):
        app = Flask(__name__)
        app.config.update(config)
        operations.init_app(app)
        if "DATABASE_URL" in config:
            db.init_app(app)
            request.addfinalizer(lambda: db.close(app))

        @app.before_request
        def identify():
            g.key = {"id": 7} if "Authorization" in flask.request.headers else None

        @app.get("/v1/rounds")
        def list_rounds():
            return Response(BODY, mimetype="application/json", headers={"ETag": '"3"'})

        @app.get("/v1/rounds/<id>")
        def get_round(id):
            return Response(b'{"id": "' + id.encode() + b'"}', mimetype="application/json", headers={"ETag": '"3"'})

        @app.get("/v1/exports/rounds.ndjson")
        def export_rounds():
            return Response((BODY + b"\n" for _ in range(50)), mimetype="application/x-ndjson")

        @app.get("/v1/broken")
        def fail():
            raise RuntimeError("secret of the house")

        @app.get("/v1/refused")
        def refuse():
            abort(403)

        @app.get("/page")
        def show_page():
            return Response("<p>", headers={"Content-Security-Policy": "default-src 'self'"})

        @app.errorhandler(Refused)
        def tell(refused):
            return Response(refused.detail, refused.status)

        return app.test_client()

    return build


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_livez_needs_no_database(make_client):
    answer = make_client(DATABASE_URL="host=127.0.0.1 port=1").get("/livez")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_readyz_when_the_database_is_migrated(make_client, database):
    answer = make_client(DATABASE_URL=database).get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_not_ready_before_the_last_migration(make_client, fresh_database):
    last = max(operations.MIGRATIONS)
    with psycopg.connect(fresh_database) as conn:
        conn.execute("DELETE FROM migrations WHERE name = %s", [last])
    answer = make_client(DATABASE_URL=fresh_database).get("/readyz")
    assert answer.status_code == 503
    assert answer.text == f"The database lacks {last}; run `parley migrate`."


def test_ready_while_a_newer_server_rolls_out(make_client, fresh_database):
    with psycopg.connect(fresh_database) as conn:
        conn.execute("INSERT INTO migrations (name, sha256) VALUES ('9999_later.sql', '')")
    assert make_client(DATABASE_URL=fresh_database).get("/readyz").status_code == 200


def test_not_ready_in_an_empty_database(make_client, make_database):
    with make_database("empty") as url:
        assert make_client(DATABASE_URL=url).get("/readyz").status_code == 503


def test_not_ready_without_a_database(make_client):
    answer = make_client(DATABASE_URL="host=127.0.0.1 port=1").get("/readyz")
    assert (answer.status_code, answer.text) == (503, "The database does not answer.")


def sample(text, name, **labels):
    """The value of one sample of an exposition, 0 where it is missing."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == name and sample.labels == labels)


def test_metrics_count_by_route_not_by_path(make_client):
    client = make_client()
    seen = {"method": "GET", "route": "/v1/rounds/<id>"}
    before = client.get("/metrics").text
    for number in range(3):
        client.get(f"/v1/rounds/{number}")
    after = client.get("/metrics").text
    total, observed = "parley_requests_total", "parley_request_duration_seconds_count"
    assert sample(after, total, status="200", **seen) - sample(before, total, status="200", **seen) == 3
    assert sample(after, observed, **seen) - sample(before, observed, **seen) == 3


def test_strangers_make_no_new_series(make_client):
    client = make_client()
    client.get("/nowhere-1")
    client.open("/nowhere-2", method="BREW")
    text = client.get("/metrics").text
    assert "nowhere" not in text
    assert "BREW" not in text
    assert sample(text, "parley_requests_total", method="other", route="unknown", status="404") >= 1


def test_metrics_of_all_workers_together(tmp_path):
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for count in ("2", "3"):
        worker = subprocess.run(
            [sys.executable, "-c", WORKER, count],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    seen = {"method": "GET", "route": "/v1/rounds/<id>", "status": "200"}
    assert sample(worker.stdout, "parley_requests_total", **seen) == 5


@pytest.mark.parametrize("given", ["a", "01J-batch_7.retry", "x" * 64])
def test_a_sane_request_id_is_kept(make_client, given):
    answer = make_client().get("/v1/rounds", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 65, "two words", '"}', "Київ".encode().decode("latin-1")])
def test_any_other_request_id_is_replaced(make_client, given):
    answer = make_client().get("/v1/rounds", headers={"X-Request-Id": given} if given is not None else {})
    assert UUID(answer.headers["X-Request-Id"])


def test_one_line_a_request_without_secrets(make_client, logged):
    client = make_client()
    headers = {"Authorization": "Bearer parley_topsecret", "X-Request-Id": "r1", "Cookie": "topsecret"}
    client.get("/v1/rounds?key=topsecret&q=name", headers=headers)
    out, err = logged()
    [line] = lines(err)
    assert out == ""
    assert "topsecret" not in err
    assert line.pop("duration_ms") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.pop("timestamp"))
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": "r1",
        "method": "GET",
        "path": "/v1/rounds",
        "status": 200,
        "key": "7",
    }


def test_no_request_inherits_from_another(make_client, logged):
    client = make_client()
    client.get("/v1/rounds", headers={"Authorization": "Bearer x", "X-Request-Id": "r1"})
    client.get("/v1/rounds")
    second = lines(logged()[1])[1]
    assert second["key"] is None
    assert second["request_id"] != "r1"


def test_a_path_cannot_forge_a_line(make_client, logged):
    make_client().get("/v1/x%0A%7B%22event%22:%22request%22%7D")
    [line] = lines(logged()[1])
    assert line["path"] == '/v1/x\n{"event":"request"}'


@pytest.mark.parametrize(("level", "seen"), [("debug", 2), ("info", 1), ("error", 0)])
def test_probes_are_logged_only_on_demand(make_client, logged, level, seen):
    client = make_client(LOG_LEVEL=level)
    client.get("/livez")
    client.get("/v1/rounds")
    assert len(lines(logged()[1])) == seen


def test_lines_are_written_by_themselves_whoever_writes(make_client, logged, capfd):
    app = make_client().application
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: app.test_client().get("/v1/rounds"), range(40)))
    seen = ""
    while len(lines(seen)) < 40:
        time.sleep(0.01)
        seen += capfd.readouterr().err
    assert len(lines(seen)) == 40


def test_what_went_wrong_is_written_at_once_behind_what_was_before(make_client, logged, capfd, monkeypatch):
    monkeypatch.setattr(operations, "PAUSE", 5)
    make_client().get("/v1/rounds")
    operations.AfterLines().emit(logging.makeLogRecord({"msg": "now"}))
    first, second = capfd.readouterr().err.splitlines()[:2]
    assert "/v1/rounds" in first
    assert "now" in second


def test_no_line_is_lost_where_a_process_ends():
    script = """
from api import operations
operations.configure_logs("info")
for number in range(3):
    operations.note("GET", str(number), "/", 200, 0.1, "r", None)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [line["path"] for line in lines(ended.stderr)] == ["0", "1", "2"]


def test_a_failure_is_logged_with_its_request_and_told_to_nobody():
    """In a process of its own: under pytest the standard log has handlers already."""
    script = """
from flask import Flask
from api import operations
from schemas.problems import Refused
app = Flask("worker")
operations.init_app(app)
@app.get("/broken")
def broken():
    raise RuntimeError("secret of the house")
print(app.test_client().get("/broken", headers={"X-Request-Id": "r1"}).text)
"""
    worker = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    failure, request = lines(worker.stderr)
    assert "secret of the house" not in worker.stdout
    assert (failure["level"], failure["request_id"]) == ("error", "r1")
    assert failure["exception"].endswith("RuntimeError: secret of the house")
    assert (request["request_id"], request["status"]) == ("r1", 500)


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/rounds", 200), ("/v1/refused", 403), ("/v1/broken", 500), ("/nowhere", 404)]
)
def test_every_answer_is_guarded(make_client, path, status):
    answer = make_client().get(path)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "X-Request-Id" in answer.headers


def test_a_page_keeps_its_own_content_policy(make_client):
    answer = make_client().get("/page")
    assert answer.headers.getlist("Content-Security-Policy") == ["default-src 'self'"]


@pytest.mark.parametrize("path", ["/v1/rounds", "/v1/refused", "/v1/broken", "/v1/nowhere", "/problems/none"])
def test_reading_is_open_to_pages_of_any_origin(make_client, path):
    answer = make_client().get(path, headers={"Origin": "https://example.org"})
    assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert answer.headers["Access-Control-Expose-Headers"] == (
        "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Parley-Cursor, Parley-Total"
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_page_may_ask_with_a_key_and_an_etag(make_client):
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization, if-none-match"}
    answer = make_client().options("/v1/rounds", headers={"Origin": "https://example.org"} | asked)
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, if-none-match"


@pytest.mark.parametrize(("path", "method"), [("/v1/rounds", "PUT"), ("/v1/rounds", "DELETE"), ("/metrics", "GET")])
def test_nothing_else_is_open_to_other_origins(make_client, path, method):
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": method}
    answer = make_client().options(path, headers=asked)
    assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "chosen", "unpack"),
    [
        ("gzip", "gzip", gzip.decompress),
        ("zstd", "zstd", zstd.decompress),
        ("gzip, deflate, br, zstd", "zstd", zstd.decompress),
    ],
)
def test_large_answers_are_compressed(make_client, accepted, chosen, unpack):
    client = make_client()
    for path, body in (("/v1/rounds", BODY), ("/v1/exports/rounds.ndjson", (BODY + b"\n") * 50)):
        answer = client.get(path, headers={"Accept-Encoding": accepted})
        assert answer.headers["Content-Encoding"] == chosen
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert len(answer.data) < len(body) / 5
        assert unpack(answer.data) == body


def test_compressed_answers_keep_the_name_of_their_etag(make_client):
    client = make_client()
    tags = [client.get("/v1/rounds", headers={"Accept-Encoding": a}).headers["ETag"] for a in ("gzip", "identity")]
    assert tags == ['W/"3"', '"3"']


@pytest.mark.parametrize(
    ("path", "accepted", "config"),
    [("/v1/rounds/1", "gzip", {}), ("/v1/rounds", "br", {}), ("/v1/rounds", "gzip", {"COMPRESS": False})],
    ids=["small", "brotli", "switched off"],
)
def test_other_answers_go_as_they_are(make_client, path, accepted, config):
    answer = make_client(**config).get(path, headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["ETag"] == '"3"'
