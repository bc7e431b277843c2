"""The driver: nothing doubled, nothing lost, nothing guessed, whatever is refused, killed or cut off on the way."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg
import pytest
from click.testing import CliRunner
from psycopg.rows import dict_row

from cli import main
from db import keys
from ingest.client import Client, Refused
from ingest.run import Report, load
from ingest.state import StateError
from tests.cli.test_serve import serving as parley_serve
from tests.cli.test_serve import stop
from tests.ingest.conftest import everything, serving
from tests.ingest.final import final


def actor(identifier: str, **more) -> dict:
    names = [{"scheme": "x", "identifier": identifier}]
    return {"type": "actor", "identifiers": names, "name": f"Actor {identifier}", "kind": "other"} | more


def write(file: Path, rows: list) -> list[Path]:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return [file]


def counts(report: Report) -> tuple[int, ...]:
    return report.created, report.updated, report.unchanged, report.refused


def rejected(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


# --- what becomes of the rows --------------------------------------------------------------------------------------


def test_a_second_load_changes_nothing_at_all(parley: Client, tmp_path: Path):
    files = write(tmp_path / "a.ndjson", [actor(f"{n}") for n in range(7)])
    assert counts(load(parley, "ndjson", files, rows=3)) == (7, 0, 0, 0)
    before = everything(parley)
    again = load(parley, "ndjson", files, rows=3)
    assert counts(again) == (0, 0, 7, 0)
    assert again.rows == {"actor": Counter(unchanged=7)}
    assert everything(parley) == before == {"created": 7}


def test_every_refused_row_is_listed_with_its_reason(parley: Client, tmp_path: Path):
    rows = [actor("1"), actor("2", kind="planet"), actor("3", parent="x:nobody"), {"type": "planet"}, 7, actor("4")]
    files = write(tmp_path / "a.ndjson", rows)
    with files[0].open("a") as out:
        out.write('{"type": "actor",\n')
    report = load(parley, "ndjson", files, rows=2, rejects=tmp_path / "rejects")
    assert counts(report) == (2, 0, 0, 5)
    assert report.read == 7
    told = {entry["where"]: entry for entry in rejected(tmp_path / "rejects")}
    assert {where: entry["problem"]["code"] for where, entry in told.items()} == {
        "a.ndjson, line 2": "validation_failed",
        "a.ndjson, line 3": "unknown_reference",
        "a.ndjson, line 4": "validation_failed",
        "a.ndjson, line 5": "no_type",
        "a.ndjson, line 7": "invalid_json",
    }
    assert told["a.ndjson, line 2"]["row"]["kind"] == "planet"
    assert told["a.ndjson, line 2"]["problem"]["errors"][0]["pointer"] == "/kind"


def record(type: str, identifier: str, **data) -> dict:
    names = [{"scheme": "x", "identifier": identifier}]
    return {"type": type, "identifiers": names, "sources": [{"source": "x:paper"}]} | data


def test_rows_may_come_before_what_they_refer_to(parley: Client, tmp_path: Path):
    outcome = {"kind": "none", "rounds": ["x:round"]}
    rows = [
        record("round", "round", status="concluded", process="x:talks"),
        record("process", "talks", name="Talks", outcomes=[outcome]),  # each refers to the other
        actor("child", parent="x:parent"),
        actor("parent"),
        record("source", "paper", kind="news", sources=[]),
    ]
    assert counts(load(parley, "ndjson", write(tmp_path / "a", rows), rows=1)) == (5, 0, 0, 0)
    assert parley.get("/v1/actors/x:child")["parent"]["name"] == "Actor parent"
    assert parley.get("/v1/processes/x:talks")["outcomes"][0]["rounds"][0]["type"] == "round"


def test_a_row_that_fails_with_another_says_so(parley: Client, tmp_path: Path):
    rows = [actor("bad", kind="planet"), actor("child", parent="x:bad"), actor("grandchild", parent="x:child")]
    report = load(parley, "ndjson", write(tmp_path / "a", rows), rows=1, rejects=tmp_path / "rejects")
    assert report.refused == 3
    problems = {entry["row"]["name"]: entry["problem"] for entry in rejected(tmp_path / "rejects")}
    assert problems["Actor child"]["code"] == problems["Actor grandchild"]["code"] == "reference_failed"
    assert problems["Actor child"]["errors"][0]["detail"].startswith("The row that makes x:bad was refused itself")


def test_a_dry_run_checks_all_and_keeps_nothing(parley: Client, tmp_path: Path):
    rows = [actor("child", parent="x:parent"), actor("parent"), actor("bad", kind="planet")]
    report = load(parley, "ndjson", write(tmp_path / "a", rows), dry_run=True, rows=1, state=tmp_path / "state")
    assert counts(report) == (2, 0, 0, 1)
    assert "dry run" in str(report)
    assert everything(parley) == {}
    assert not (tmp_path / "state").exists()


def test_a_dry_run_sees_across_its_batches(parley: Client, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("ingest.run.LARGE", (1, 1 << 20))
    rows = [actor("parent"), actor("child", parent="x:parent"), actor("lost", parent="x:nobody")]
    assert counts(load(parley, "ndjson", write(tmp_path / "a", rows), dry_run=True)) == (2, 0, 0, 1)


def pledge(number: int, value: str, currency: str = "EUR", **more) -> dict:
    return {
        "type": "pledge",
        "identifiers": [{"scheme": "x", "identifier": f"p{number}"}],
        "title": f"Pledge {number}",
        "donors": [{"actor": "x:donor"}],
        "apportionment": "sole",
        "status": "pledged",
        "amount": {"value": value, "currency": currency},
        "sources": [{"source": "x:paper"}],
    } | more


def test_money_is_accounted_for_to_the_cent(parley: Client, tmp_path: Path):
    paper = {"type": "source", "identifiers": [{"scheme": "x", "identifier": "paper"}], "kind": "news"}
    rows = [actor("donor"), paper, pledge(1, "0.10"), pledge(2, "0.20"), pledge(3, "5.05", status="promised"),
            pledge(4, "1000000000000000.01", "USD")]  # fmt: skip
    report = load(parley, "ndjson", write(tmp_path / "a", rows), rows=2)
    assert report.refused == 1
    euro = report.money["EUR"]
    assert (str(euro.file), str(euro.stored), str(euro.refused)) == ("5.35", "0.30", "5.05")
    assert [line.split() for line in str(report).splitlines()[-2:]] == [
        ["EUR", "5.35", "0.30", "5.05"],
        ["USD", "1,000,000,000,000,000.01", "1,000,000,000,000,000.01", "0.00"],
    ]


# --- the state file ------------------------------------------------------------------------------------------------


class Cut(httpx.BaseTransport):
    """The way to a server, on which some batches or their answers are lost."""

    def __init__(self, inner: httpx.BaseTransport, before: set[int] = frozenset(), after: set[int] = frozenset()):
        self.inner, self.before, self.after = inner, before, after
        self.batches: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/batches":
            self.batches.append(request.read())
            if len(self.batches) in self.before:
                raise KeyboardInterrupt
        answer = self.inner.handle_request(request)
        if len(self.batches) in self.after and request.url.path == "/v1/batches":
            raise httpx.ReadError("connection reset")
        return answer


@pytest.fixture
def cut(fresh_app, key):
    """Makes a client whose connection fails at some batches."""
    token = key(fresh_app)

    def make(**at) -> tuple[Client, Cut]:
        way = Cut(httpx.WSGITransport(app=fresh_app), **at)
        return Client("http://parley.test", token, way), way

    return make


def test_it_goes_on_where_it_was(cut, tmp_path: Path):
    rows = [actor(f"{n}") for n in range(6)] + [actor("bad", kind="planet")]
    files, remember = write(tmp_path / "a", [rows[-1], *rows]), tmp_path / "state"
    broken, way = cut(before={3})
    with pytest.raises(KeyboardInterrupt):
        load(broken, "ndjson", files, rows=2, state=remember)
    assert len(way.batches) == 3
    whole, way = cut()
    report = load(whole, "ndjson", files, rows=2, state=remember, rejects=tmp_path / "rejects")
    assert len(way.batches) == 2  # the third and the fourth
    assert counts(report) == (6, 0, 0, 2)
    assert [entry["where"] for entry in rejected(tmp_path / "rejects")] == ["a, line 1", "a, line 8"]
    assert everything(whole) == {"created": 6}


def test_an_answer_that_got_lost_is_given_again(cut, tmp_path: Path):
    client, way = cut(after={2})
    report = load(client, "ndjson", write(tmp_path / "a", [actor(f"{n}") for n in range(6)]), rows=2)
    assert counts(report) == (6, 0, 0, 0)
    assert (len(way.batches), len(set(way.batches))) == (4, 3)
    assert everything(client) == {"created": 6}


def test_what_was_acknowledged_by_a_server_that_is_gone_is_sent_again(cut, fresh_app, tmp_path: Path):
    files, remember = write(tmp_path / "a", [actor(f"{n}") for n in range(4)]), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        load(cut(before={2})[0], "ndjson", files, rows=2, state=remember)
    with psycopg.connect(fresh_app.config["DATABASE_URL"]) as conn:
        conn.execute("DELETE FROM batches")  # as an empty database has none
    client, way = cut()
    assert load(client, "ndjson", files, rows=2, state=remember).read == 4
    assert len(way.batches) == 2


def test_what_has_vanished_is_told(parley: Client, tmp_path: Path):
    remember = tmp_path / "state"
    first = load(parley, "ndjson", write(tmp_path / "a", [actor("1"), actor("2"), actor("3")]), state=remember)
    assert first.vanished is None
    rows = [actor("1"), actor("3", name="Another"), actor("4"), actor("5", kind="planet")]
    second = load(parley, "ndjson", write(tmp_path / "b", rows), state=remember)
    assert counts(second) == (1, 1, 1, 1)
    assert second.vanished == ["x:2"]
    assert "vanished: 1\n  x:2" in str(second)
    third = load(parley, "ndjson", write(tmp_path / "b", rows[:3]), state=remember)
    assert third.vanished == ["x:2"]  # x:5 never was there


def test_a_state_file_serves_one_dataset(parley: Client, tmp_path: Path):
    remember = tmp_path / "state"
    load(parley, "ndjson", write(tmp_path / "a", [actor("1")]), state=remember)
    with pytest.raises(StateError, match="belongs to ndjson on http"):
        load(parley, "csv", [tmp_path / "a"], state=remember)
    (tmp_path / "text").write_text("no database, and longer than the header of one would be " * 10)
    with pytest.raises(StateError, match="cannot be used"):
        load(parley, "ndjson", [tmp_path / "a"], state=tmp_path / "text")


def test_a_proxy_that_takes_little_gets_little(fresh_app, key, tmp_path: Path):
    class Narrow(httpx.WSGITransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if len(request.read()) > 500:
                return httpx.Response(413, text="<h1>too large</h1>", request=request)
            return super().handle_request(request)

    rows = [*(actor(f"{n}") for n in range(9)), actor("long", note="x" * 600)]
    with Client("http://parley.test", key(fresh_app), Narrow(app=fresh_app)) as client:
        report = load(client, "ndjson", write(tmp_path / "a", rows), rejects=tmp_path / "rejects")
        assert counts(report) == (9, 0, 0, 1)
        assert everything(client) == {"created": 9}
    [entry] = rejected(tmp_path / "rejects")
    assert (entry["row"]["name"], entry["problem"]["status"]) == ("Actor long", 413)


def test_a_server_that_refuses_the_whole_batch_ends_the_load(fresh_app, key, tmp_path: Path):
    transport = httpx.WSGITransport(app=fresh_app)
    with Client("http://parley.test", key(fresh_app, "read"), transport) as client, pytest.raises(Refused, match="403"):
        load(client, "ndjson", write(tmp_path / "a", [actor("1")]))


# --- killed ----------------------------------------------------------------------------------------------------------

KILLS = 25


def pour(url: str, token: str, file: Path, remember: Path) -> None:
    with Client(url, token) as client:
        load(client, "ndjson", [file], rows=4, state=remember)


def test_killed_at_any_moment_it_ends_as_if_nothing_had_happened(
    make_database, migrated, fresh_app, key, tmp_path: Path
):
    """A real server; the client dies 25 times somewhere on its way, sometimes in the middle of a request."""
    rows = [actor(f"{n}", parent=f"x:{n // 2}" if n else None) for n in range(1500)]
    rows += [actor(f"{n}", name=f"Again {n}") for n in range(0, 1500, 7)]  # a second revision for some
    [file], remember = write(tmp_path / "a", rows), tmp_path / "state"
    with make_database("killed", like=migrated) as database:
        with psycopg.connect(database, row_factory=dict_row, autocommit=True) as conn:
            token = keys.create(conn, name="killed", provider="test", scope="write")
        with parley_serve(PARLEY_DATABASE_URL=database, PARLEY_RATE_LIMIT="1000000/minute") as (process, url):
            chance, reached = random.Random(5), set()
            with Client(url, token) as client:

                def there() -> int:
                    return client.get("/v1/actors", limit=1, include_total=True)["total"]

                for _ in range(KILLS):
                    # by what is there, not by time alone: a busy machine gets to many places, too
                    aim = there() + chance.randrange(0, 40)
                    child = multiprocessing.get_context("fork").Process(target=pour, args=(url, token, file, remember))
                    child.start()
                    while child.is_alive() and there() < aim:
                        pass
                    time.sleep(chance.uniform(0, 0.03))
                    assert child.is_alive(), "it was done before it could be killed: the load is too small"
                    os.kill(child.pid, signal.SIGKILL)
                    child.join()
                    reached.add(there())
                assert len(reached) >= 10  # the kills met it at many places
                report = load(client, "ndjson", [file], rows=4, state=remember)
                disturbed = final(client)
            assert stop(process) == 0
    with Client("http://parley.test", key(fresh_app), httpx.WSGITransport(app=fresh_app)) as client:
        undisturbed = load(client, "ndjson", [file], rows=4)
        assert final(client) == disturbed
    assert counts(report) == counts(undisturbed)


# --- large -----------------------------------------------------------------------------------------------------------

MEASURE = """
import sys
from pathlib import Path
from cli import main
try:
    main(sys.argv[1:])
finally:
    print([line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_large_file_passes_through_little_memory(fresh_app, key, tmp_path: Path):
    file = tmp_path / "large.ndjson"
    row = json.dumps({"type": "source", "kind": "other", "identifiers": [{"scheme": "x", "identifier": "%d"}],
                      "note": "x" * 19_900})  # fmt: skip
    with file.open("w") as out:
        out.writelines(row.replace("%d", str(n % 500)) + "\n" for n in range(5_000))
    assert file.stat().st_size > 100_000_000
    with serving(fresh_app) as url:
        command = [sys.executable, "-c", MEASURE, "ingest", "ndjson", str(file), "--url", url, "--key", key(fresh_app)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert "all     5,000      500" in done.stdout, done.stderr
    peak = int(done.stdout.split("VmHWM:")[1].split()[0]) / 1024
    assert peak < 150, f"{peak:.0f} MB"


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ingest(fresh_app, key, tmp_path: Path):
    """Runs `parley ingest` against a server that listens."""
    (tmp_path / "key").write_text(key(fresh_app) + "\n")
    with serving(fresh_app) as url:
        yield lambda *args: CliRunner().invoke(
            main, ["ingest", *map(str, args), "--url", url, "--key", f"@{tmp_path / 'key'}"]
        )


def test_the_exit_code_tells_how_it_went(ingest, tmp_path: Path):
    [good] = write(tmp_path / "good", [actor("1")])
    [bad] = write(tmp_path / "bad", [actor("1"), actor("2", kind="planet")])
    done = ingest("ndjson", good)
    assert (done.exit_code, done.stdout.splitlines()[-1].split()) == (0, ["all", "1", "1", "0", "0", "0", "0"])
    assert ingest("ndjson", bad, "--rejects", tmp_path / "rejects").exit_code == 3
    assert len(rejected(tmp_path / "rejects")) == 1
    assert ingest("ndjson", tmp_path / "missing").exit_code == 2


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("addresses", b'[{"id": 1},'),
        ("addresses", b"{}"),
        ("addresses", b"[" * 100_000),
        ("csv", b"id,name\n1,Anna\n"),
        ("csv", b"type,name\nactor,\xff\n"),
        ("csv", b""),
        ("fts", b'{"data": {'),
        ("fts", b"plan,requirements\nHUKR23,5\n"),
        ("iati", b"<iati-activities><iati-activity>"),
        ("iati", b"<html/>"),
        ("kiel", b"ID,Countries\n1,Norway\n"),
        ("kiel", b"PK\x03\x04 and no workbook"),
        ("ndjson", b"PK\x03\x04 and\nno lines of JSON"),
        ("wikidata-posts", b"name\nAnna\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_failure(ingest, tmp_path: Path, format, content):
    (tmp_path / "odd").write_bytes(content)
    done = ingest(format, tmp_path / "odd", "--rejects", tmp_path / "rejects")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == f"Error: 1 of 1 files could not be read as {format}"
    assert "odd" in rejected(tmp_path / "rejects")[-1]["where"]


def test_the_other_files_are_loaded_all_the_same(ingest, tmp_path: Path):
    [good] = write(tmp_path / "good", [actor("1")])
    (tmp_path / "odd").write_text("odd")
    done = ingest("ndjson", tmp_path / "odd", good)
    assert done.exit_code == 1
    assert "Error: 1 of 2 files" in done.stderr
    assert done.stdout.splitlines()[1].split()[:3] == ["actor", "1", "1"]


def test_failures_are_told_in_a_line(ingest, tmp_path: Path):
    [good] = write(tmp_path / "good", [actor("1")])
    (tmp_path / "map").write_text("name,identifier\nTürkiye\n")
    failed = ingest("ndjson", good, "--map", tmp_path / "map")
    assert failed.exit_code == 1
    assert failed.stderr == f"Error: {tmp_path / 'map'}, line 2: not a name and an identifier.\n"
    wrong = CliRunner().invoke(main, ["ingest", "ndjson", str(good), "--url", "nonsense", "--key", "x"])
    assert wrong.exit_code == 1
    assert wrong.stderr.count("\n") == 1


def test_progress_is_plain_where_there_is_no_terminal(ingest, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("cli.ingest.EVERY", 0)
    [file] = write(tmp_path / "a", [actor(f"{n}") for n in range(4)])
    said = ingest("ndjson", file, "--chunk", "2").stderr.splitlines()
    lines = [line for line in said if not line.startswith("{")]  # what the server logs
    assert lines[0].startswith("2 rows, 0 refused, ")
    assert "/s, 50%, " in lines[0]
    assert "100%" in lines[1]
    assert "\x1b" not in "".join(lines)
