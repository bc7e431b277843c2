"""Quotas: one count for all workers, told on every answer, and free where the contract says so."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask, g, request
from limits.storage import storage_from_string
from werkzeug.exceptions import Unauthorized

from api import limits

HAMMER = """
import sys
from api.limits import SharedCounters
counters = SharedCounters("shared:" + sys.argv[1])
for turn in range(2000):
    counters.incr("all", 600)
    counters.incr(f"own {sys.argv[2]}", 600)
"""


def run(script, *args):
    command = [sys.executable, "-c", script, *map(str, args)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until told; returns the list that holds its time."""
    now = [1_800_000_000.0]
    monkeypatch.setattr(limits, "time", lambda: now[0])
    return now


@pytest.fixture
def make_client():
    """Builds a small app that knows one key, `good`, and answers every path with what is left."""

    def build(**config):
        app = Flask(__name__)
        app.config.update(RATE_LIMIT="5/minute", **config)

        @app.before_request
        def identify():
            if request.headers.get("Authorization") == "Bearer good":
                g.key = {"id": "7"}
            if request.path == "/early":
                raise Unauthorized

        limits.init_app(app)

        @app.before_request
        def refuse():
            if "Authorization" in request.headers and "key" not in g:
                raise Unauthorized

        app.add_url_rule("/<path:path>", view_func=lambda path: str(limits.remaining()), methods=["GET", "POST"])
        return app.test_client()

    return build


def test_processes_share_one_count(tmp_path):
    file = tmp_path / "quota"
    workers = [run(HAMMER, file, number) for number in range(4)]
    for worker in workers:
        worker.communicate(timeout=60)
    assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
    counters = storage_from_string(f"shared:{file}")
    assert counters.get("all") == 8000
    assert [counters.get(f"own {number}") for number in range(4)] == [2000] * 4


def test_threads_share_one_count():
    counters = storage_from_string("shared:")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: counters.incr("all", 600), range(4000)))
    assert counters.get("all") == 4000


def test_what_a_dead_worker_counted_still_counts(tmp_path, clock):
    """And a newcomer joins the window that runs."""
    file = f"shared:{tmp_path / 'quota'}"
    assert limits.SharedCounters(file).charge("a", 60, 2) == (2, clock[0] + 60)
    clock[0] += 20
    newcomer = limits.SharedCounters(file)
    assert newcomer.charge("a", 60, 1) == (3, clock[0] + 40)
    assert newcomer.charge("b", 60, 1) == (1, clock[0] + 60)
    assert (newcomer.get("a"), newcomer.get_expiry("a")) == (3, clock[0] + 40)
    clock[0] += 40
    assert newcomer.charge("a", 60, 1) == (1, clock[0] + 60)


def test_of_many_who_come_at_once_none_too_many_is_let_in(tmp_path):
    file = f"shared:{tmp_path / 'quota'}"
    workers = [limits.SharedCounters(file) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(lambda turn: workers[turn % 8].incr("all", 600), range(800)))
    assert sum(count <= 100 for count in used) <= 100
    assert workers[0].get("all") == 800


def test_more_workers_than_parts_count_on(tmp_path):
    """As after so many restarts."""
    file = f"shared:{tmp_path / 'quota'}"
    for turn in range(limits.PARTS + 3):
        assert limits.SharedCounters(file).incr("all", 600) == turn + 1


def test_a_flood_of_addresses_neither_grows_the_file_nor_frees_a_busy_caller(tmp_path):
    file = tmp_path / "quota"
    counters = limits.SharedCounters(f"shared:{file}")
    size = file.stat().st_size
    for _ in range(3):
        counters.incr("busy", 600)
    for number in range(150_000):
        counters.incr(f"address {number}", 600)
    assert counters.get("busy") == 3
    assert file.stat().st_size == size


def test_the_file_is_ours_alone(tmp_path):
    limits.SharedCounters(f"shared:{tmp_path / 'quota'}")
    assert (tmp_path / "quota").stat().st_mode & 0o777 == 0o600


def test_a_window_ends(clock):
    counters = storage_from_string("shared:")
    assert [counters.incr("a", 60), counters.incr("a", 60)] == [1, 2]
    assert counters.get_expiry("a") == clock[0] + 60
    clock[0] += 60
    assert (counters.get("a"), counters.get_expiry("a")) == (0, clock[0])
    assert counters.incr("a", 60) == 1


def test_a_clock_set_back_locks_nobody_out(clock):
    counters = storage_from_string("shared:")
    counters.incr("a", 60, amount=1000)
    clock[0] -= 3600
    assert counters.incr("a", 60) == 1


def test_counts_can_be_forgotten():
    counters = storage_from_string("shared:")
    for caller in "ab":
        counters.incr(caller, 60)
    counters.clear("a")
    counters.clear("nobody")
    assert (counters.get("a"), counters.get("b"), counters.check()) == (0, 1, True)
    counters.reset()
    assert counters.get("b") == 0


def test_every_answer_tells_the_quota(make_client, clock):
    client = make_client()
    answers = [client.get("/v1/rounds") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["RateLimit"] for answer in answers] == [f'"default";r={n};t=60' for n in (4, 3, 2, 1, 0, 0)]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"default";q=5;w=60'}
    assert answers[-1].headers["Retry-After"] == "60"
    clock[0] += 59.5
    assert client.get("/v1/rounds").headers["Retry-After"] == "1"
    clock[0] += 0.5
    assert client.get("/v1/rounds").headers["RateLimit"] == '"default";r=4;t=60'


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/v1/me"])
def test_free_paths_cost_nothing_and_always_answer(make_client, path):
    client = make_client()
    answers = [client.get(path) for _ in range(6)]
    assert {answer.headers["RateLimit"] for answer in answers} == {'"default";r=5;t=60'}
    assert {answer.text for answer in answers} == {"5"}
    for _ in range(6):
        client.get("/v1/rounds")
    assert client.get(path).text == "0"


def test_only_reading_me_is_free(make_client):
    assert make_client().post("/v1/me").text == "4"


def test_a_key_has_its_own_quota_and_a_made_up_key_has_none(make_client):
    client = make_client()
    good, bad = ({"Authorization": f"Bearer {secret}"} for secret in ("good", "bad"))
    for number in range(6):
        client.get("/v1/rounds", headers={"Authorization": f"Bearer guess-{number}"})
    assert client.get("/v1/rounds", headers=bad).status_code == 429
    assert client.get("/v1/rounds").status_code == 429
    assert client.get("/v1/rounds", headers=good).text == "4"


def test_a_request_refused_before_the_count_is_counted_all_the_same(make_client):
    client = make_client()
    assert client.get("/early").headers["RateLimit"].startswith('"default";r=4;')
    assert client.get("/v1/rounds").text == "3"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("unknown", "192.0.2.1", False),
    ],
)
def test_addresses_of_one_subscriber_count_together(make_client, first, second, same):
    client = make_client()
    client.get("/v1/rounds", environ_base={"REMOTE_ADDR": first})
    answer = client.get("/v1/rounds", environ_base={"REMOTE_ADDR": second})
    assert answer.text == ("3" if same else "4")


@pytest.mark.parametrize(("proxies", "left"), [(0, "3"), (1, "4")])
def test_only_a_trusted_proxy_names_the_address(make_client, proxies, left):
    client = make_client(TRUSTED_PROXIES=proxies)
    client.get("/v1/rounds", headers={"X-Forwarded-For": "192.0.2.1"})
    assert client.get("/v1/rounds", headers={"X-Forwarded-For": "192.0.2.2"}).text == left


def test_two_apps_on_one_file_count_together(make_client, tmp_path):
    first, second = (make_client(RATE_LIMIT_FILE=tmp_path / "quota") for _ in range(2))
    assert [first.get("/a").text, second.get("/a").text, first.get("/a").text] == ["4", "3", "2"]


def test_workers_find_the_file_in_their_environment(make_client, tmp_path, monkeypatch):
    monkeypatch.setenv("PARLEY_RATE_LIMIT_FILE", str(tmp_path / "quota"))
    first, second = make_client(), make_client()
    assert [first.get("/a").text, second.get("/a").text] == ["4", "3"]


def test_without_redis_counting_goes_on_here(make_client, logged):
    client = make_client(RATE_LIMIT_STORAGE="redis://127.0.0.1:1")
    answers = [client.get("/v1/rounds").status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    assert "".join(logged()).count("rate_limit_storage_away") == 1


def test_no_limit_counts_nothing():
    app = Flask(__name__)
    app.config["RATE_LIMIT"] = ""
    limits.init_app(app)
    app.add_url_rule("/", view_func=lambda: str(limits.remaining()))
    answer = app.test_client().get("/")
    assert (answer.text, "RateLimit" in answer.headers) == ("None", False)
