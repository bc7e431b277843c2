"""A mirror holds what the server holds, whenever it was begun and whatever happened to it."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import httpx
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from cli import main
from ingest.client import Client
from ingest.mirror import Database, MirrorError, lines, logged
from ingest.mirror_files import Files
from tests import aid as promised
from tests import words as spoken
from tests.ingest.conftest import serving
from tests.world import write

IF_ANY = {"If-Match": "*"}


@pytest.fixture
def admin(fresh_app, signed):
    return signed(fresh_app, "admin", "world")


@pytest.fixture
def url(fresh_app) -> Iterator[str]:
    with serving(fresh_app) as url:
        yield url


def peopled(admin) -> None:
    """Records of all types."""
    promised.write(spoken.write(write(admin), admin), admin)


def mirror(*arguments: str | Path) -> tuple[int, str]:
    """The command, and how it ended."""
    result = CliRunner().invoke(main, ["mirror", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    lines = result.output.splitlines(keepends=True)
    return result.exit_code, "".join(line for line in lines if not line.startswith("{"))  # the log of the server beside


def held(folder: Path) -> dict[str, list]:
    """All that a copy holds."""
    with closing(sqlite3.connect(folder / "parley.sqlite")) as db:
        collections = [name for (name,) in db.execute("SELECT collection FROM types")]
        query = "SELECT id, version, updated_at, doc FROM {} ORDER BY id"
        return {name: db.execute(query.format(name)).fetchall() for name in collections}


def asked(folder: Path, query: str) -> list:
    with closing(sqlite3.connect(folder / "parley.sqlite")) as db:
        return db.execute(query).fetchall()


def name(admin, path: str) -> str:
    return admin.get(f"/v1/{path}").json["id"]


def change_much(admin) -> dict[str, str]:
    """Every kind of event; ids of what came of them."""
    ids = {one: name(admin, one) for one in ("pledges/w:cash", "statements/w:toast", "actors/w:press")}
    patch = {"content_type": "application/merge-patch+json", "headers": IF_ANY}
    assert admin.patch("/v1/pledges/w:cash", json={"title": "More cash"}, **patch).status_code == 200
    assert (
        admin.patch("/v1/actors/w:north", json={"name": "The North"}, **patch).status_code == 200
    )  # a label elsewhere
    assert admin.delete("/v1/statements/w:toast?reason=doubled", headers=IF_ANY).status_code == 204
    assert admin.post("/v1/actors/w:press/merge", json={"into": "w:league"}).status_code == 200
    # deleted and revived
    assert admin.put("/v1/people/w:guest", json={"name": "Guest"}).status_code == 201
    assert admin.delete("/v1/people/w:guest", headers=IF_ANY).status_code == 204
    assert admin.put("/v1/people/w:guest", json={"name": "Guest again"}).status_code == 201
    # deleted and restored
    assert admin.put("/v1/people/w:host", json={"name": "Host"}).status_code == 201
    assert admin.delete("/v1/people/w:host", headers=IF_ANY).status_code == 204
    assert admin.post("/v1/people/w:host/restore").status_code == 200
    return ids


def test_before_during_and_after_end_in_the_same(admin, url, tmp_path: Path):
    """Whether it came by exports, by the feed, or by both, it is the same to the byte."""
    before, during, after = (tmp_path / name for name in ("before", "during", "after"))
    assert mirror(url, before) == (0, f"{before} is up to date with {url}\n")
    assert not any(held(before).values())
    peopled(admin)
    assert mirror(url, during)[0] == 0
    ids = change_much(admin)
    for folder in (before, during, after):
        assert mirror(url, folder, "--verify") == (0, f"{folder} is equal to {url}\n")
    assert held(before) == held(during) == held(after)
    assert all(held(after).values()), "nothing of some type was copied"
    documents = {id: json.loads(doc) for rows in held(after).values() for id, *_, doc in rows}
    assert documents[ids["pledges/w:cash"]]["title"] == "More cash"
    assert documents.keys() & {ids["statements/w:toast"], ids["actors/w:press"]} == set()
    assert all(documents[id] == logged(served) for id, served in everything(admin).items())


def everything(admin) -> dict[str, dict]:
    types = admin.get("/v1/coverage").json["types"]
    return {
        record["id"]: record
        for entry in types
        for record in admin.get(f"/v1/{entry['collection']}?limit=500").json["items"]
    }


def test_while_others_write(admin, url, tmp_path: Path):
    """A copy that is begun and followed during writes, and proven before they end."""
    over = False

    def go_on() -> None:
        number = 0
        while not over:
            number += 1
            admin.put(f"/v1/actors/w:n{number % 50}", json={"name": f"Actor {number}", "kind": "other"})
            if number % 5 == 0:
                admin.delete(f"/v1/actors/w:n{number % 50}", headers=IF_ANY)

    writer = Thread(target=go_on)
    writer.start()
    try:
        for folder in (tmp_path / "one", tmp_path / "one", tmp_path / "two"):
            assert mirror(url, folder, "--verify")[0] == 0
    finally:
        over = True
        writer.join()
    for folder in (tmp_path / "one", tmp_path / "two"):
        assert mirror(url, folder, "--verify")[0] == 0
    assert held(tmp_path / "one") == held(tmp_path / "two")


def test_killed_at_any_moment_it_goes_on(admin, url, tmp_path: Path):
    rows = [
        {"op": "upsert", "type": "actor", "identifier": f"w:n{n}", "data": {"name": f"N {n}", "kind": "other"}}
        for n in range(3_000)
    ]
    body = "\n".join(map(json.dumps, rows))
    answer = admin.post("/v1/batches", data=body, content_type="application/x-ndjson")
    assert answer.json["counts"]["created"] == len(rows)
    chance, folder, kills = random.Random(5), tmp_path / "copy", 0
    for blow in range(12):
        if blow == 8:  # from here on it has more to learn by the feed
            assert mirror(url, folder)[0] == 0
            admin.post("/v1/batches", data=body.replace("N ", "M "), content_type="application/x-ndjson")
        command = [sys.executable, "-m", "cli", "mirror", url, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            begun = time.monotonic()
            while process.poll() is None and not (folder / "parley.sqlite").exists() and time.monotonic() < begun + 30:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += process.returncode == -signal.SIGKILL
        assert asked(folder, "PRAGMA integrity_check") == [("ok",)]
    assert kills >= 6, "it was done before it could be killed"
    assert mirror(url, folder, "--verify")[0] == 0
    assert {json.loads(doc)["name"][0] for *_, doc in held(folder)["actors"]} == {"M"}


def test_a_copy_that_was_tampered_with_is_told(admin, url, tmp_path: Path):
    peopled(admin)
    assert mirror(url, tmp_path, "--verify")[0] == 0
    with closing(sqlite3.connect(tmp_path / "parley.sqlite", isolation_level=None)) as db:
        db.execute("DELETE FROM pledges WHERE id = (SELECT min(id) FROM pledges)")
        db.execute("UPDATE rounds SET version = version + 1 WHERE id = (SELECT min(id) FROM rounds)")
    there = len(admin.get("/v1/pledges?limit=500").json["items"])
    code, output = mirror(url, tmp_path, "--verify")
    assert code == 3
    assert output.splitlines() == [
        f"differs: pledge: {there} there, {there - 1} here",
        "differs: round: as many, but others or in other versions",
    ]


def test_what_is_erased_is_lost_here_too(admin, url, tmp_path: Path):
    """Not only from the answers: no byte of it stays in the files, even while the copy is open."""
    reader, late = tmp_path / "reader", tmp_path / "late"
    secret = {"name": "Someone Secret", "note": "Very secret. " * 600}  # more than a page
    admin.put("/v1/people/w:someone", json=secret)
    admin.put("/v1/people/w:other", json={"name": "Other"})
    assert mirror(url, reader)[0] == 0
    assert any(b"ecret" in file.read_bytes() for file in reader.iterdir())
    with closing(Database(Client(url), reader)) as copy, copy.client:
        assert admin.delete("/v1/people/w:someone?erase=true&reason=asked", headers=IF_ANY).status_code == 204
        copy.update(lambda *_: None)
        assert not any(b"ecret" in file.read_bytes() for file in reader.iterdir())
    # the feed has the events before, but says nothing more of what was in them
    assert mirror(url, late)[0] == 0
    for folder in (reader, late):
        assert mirror(url, folder, "--verify")[0] == 0
        assert [json.loads(doc)["name"] for *_, doc in held(folder)["people"]] == ["Other"]


def test_what_was_erased_since_the_page_before_is_lost(admin, url, tmp_path: Path):
    """A change that the copy has not met yet, erased before it does."""
    admin.put("/v1/people/w:someone", json={"name": "Someone"})
    assert mirror(url, tmp_path)[0] == 0
    admin.put("/v1/people/w:someone", json={"name": "Someone Secret"})
    admin.delete("/v1/people/w:someone?erase=true&reason=asked", headers=IF_ANY)
    with closing(Database(Client(url), tmp_path)) as copy, copy.client:
        [updated, deleted] = copy.client.get("/v1/changes", cursor=copy.cursor, include="record")["items"]
        assert (updated["op"], deleted["op"]) == ("updated", "deleted")
        copy._apply([updated], copy.cursor, updated["cursor"], lambda *_: None)
        assert held(tmp_path)["people"] == []
        assert copy.verify(lambda *_: None) == []


def test_some_types_only(admin, url, tmp_path: Path):
    peopled(admin)
    assert mirror(url, tmp_path, "--types", "pledge,source")[0] == 0
    assert held(tmp_path).keys() == {"pledges", "sources"}
    change_much(admin)
    assert mirror(url, tmp_path, "--verify") == (0, f"{tmp_path} is equal to {url}\n")
    code, output = mirror(url, tmp_path, "--types", "round")
    assert (code, output.startswith(f"Error: {tmp_path}/parley.sqlite holds pledge, source of {url}")) == (1, True)
    code, output = mirror(url, tmp_path / "other", "--types", "pledges")
    assert (code, output.startswith("Error: There is no type pledges.")) == (1, True)


def test_names_and_links_are_views(admin, url, tmp_path: Path):
    peopled(admin)
    mirror(url, tmp_path)
    donors = """
        SELECT names.name
          FROM links
          JOIN names ON names.id = links.to_id
         WHERE links.from_id = '{}' AND links.path LIKE '$.donors%'
         ORDER BY links.path"""
    assert asked(tmp_path, donors.format(name(admin, "pledges/w:hospital"))) == [
        ("Northland",), ("Southland",), ("League",)]  # fmt: skip
    assert asked(tmp_path, f"SELECT type, name FROM names WHERE id = '{name(admin, 'sources/w:paper')}'") == [
        ("source", "A newspaper")]  # fmt: skip
    [(unknown,)] = asked(tmp_path, "SELECT count(*) FROM links LEFT JOIN names ON id = to_id WHERE id IS NULL")
    assert unknown == 0, "a reference leads nowhere"


def test_the_questions_of_the_guide(admin, url, tmp_path: Path):
    peopled(admin)
    mirror(url, tmp_path)
    guide = (Path(__file__).parents[2] / "docs" / "mirror.md").read_text()
    blocks = [block for block in guide.split("\n\n") if block.startswith("    -- ")]
    assert len(blocks) == 5
    answers = [asked(tmp_path, block) for block in blocks]
    assert ("committed", "NOK", 1, 1000) in answers[0]
    assert dict(answers[1]).keys() >= {"Northland", "Southland", "League"}
    assert answers[2:4] == [[], []]  # nothing has the id …


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_follows_until_it_is_stopped(admin, url, tmp_path: Path, how):
    command = [sys.executable, "-m", "cli", "mirror", url, str(tmp_path), "--follow"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        for number in range(3):
            admin.put("/v1/actors/w:one", json={"name": f"Name {number}", "kind": "other"})
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                time.sleep(0.05)
                if "actors" in tables(tmp_path) and names(tmp_path) == [f"Name {number}"]:
                    break
            assert names(tmp_path) == [f"Name {number}"]
        process.send_signal(how)
        assert process.wait(20) == 0
    admin.put("/v1/actors/w:one", json={"name": "Last", "kind": "other"})  # the server keeps nobody waiting then


def tables(folder: Path) -> set[str]:
    return {table for (table,) in asked(folder, "SELECT name FROM sqlite_master")}


def names(folder: Path) -> list[str]:
    return [json.loads(doc)["name"] for *_, doc in held(folder)["actors"]]


def test_two_at_once_on_one_copy(admin, url, tmp_path: Path):
    with closing(Database(Client(url), tmp_path)) as one, closing(Database(Client(url), tmp_path)) as two:
        one.update(lambda *_: None)
        before = one.cursor
        admin.put("/v1/actors/w:one", json={"name": "One", "kind": "other"})
        two.update(lambda *_: None)
        with pytest.raises(MirrorError, match="Another"):
            one._apply([], before, "ff", lambda *_: None)
        one.client.http.close()
        two.client.http.close()


class Cut(httpx.BaseTransport):
    """A way to the server on which the first export loses its end, and nobody says so."""

    def __init__(self, app, keep: int) -> None:
        self.inner, self.keep, self.cut = httpx.WSGITransport(app=app), keep, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        if "/exports/actors." not in request.url.path or self.cut:
            return answer
        self.cut += 1
        body = answer.read()
        headers = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return httpx.Response(200, headers=headers, content=body[: self.keep] if self.keep else b"")


@pytest.mark.parametrize("keep", [0, 100, -1])
@pytest.mark.parametrize("form", ["Database", "Files"])
def test_an_export_that_was_cut_is_fetched_again(fresh_app, admin, tmp_path: Path, keep, form):
    peopled(admin)
    with Client("http://parley.test", transport=Cut(fresh_app, keep)) as client:
        with closing({"Database": Database, "Files": Files}[form](client, tmp_path)) as copy:
            assert copy.verify(lambda *_: None) == []
        assert client.http._transport.cut == 1


# --- Parquet ---


def test_parquet_files_are_kept_up_to_date(admin, url, tmp_path: Path):
    peopled(admin)
    assert mirror(url, tmp_path, "--format", "parquet") == (0, f"{tmp_path} is up to date with {url}\n")
    before = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    assert len(before) == len(admin.get("/v1/coverage").json["types"])
    ids = change_much(admin)
    assert mirror(url, tmp_path, "--format", "parquet", "--verify") == (0, f"{tmp_path} is equal to {url}\n")
    changed = {file.name for file in tmp_path.iterdir() if file.stat().st_ino != before[file.name]}
    assert {"actors.parquet", "pledges.parquet", "statements.parquet", "people.parquet"} <= changed
    assert "documents.parquet" not in changed
    pledges = pyarrow.parquet.read_table(tmp_path / "pledges.parquet").to_pylist()
    assert {row["id"]: row["title"] for row in pledges}[ids["pledges/w:cash"]] == "More cash"
    assert [row["id"] for row in pledges] == sorted(
        record["id"] for record in admin.get("/v1/pledges?limit=500").json["items"]
    )


def test_parquet_files_are_followed(admin, url, tmp_path: Path):
    def people() -> list[str]:
        return pyarrow.parquet.read_table(tmp_path / "people.parquet")["name"].to_pylist()

    with Client(url) as client, closing(Files(client, tmp_path, ["person", "actor"], pause=0)) as copy:
        copy.update(lambda *_: None, wait=1)  # there is nothing yet to wait for
        assert people() == []
        for number in range(3):
            admin.put("/v1/people/w:one", json={"name": f"Name {number}"})
            copy.update(lambda *_: None, wait=20)
            assert people() == [f"Name {number}"]
        before = (tmp_path / "people.parquet").stat().st_ino
        copy.update(lambda *_: None, wait=1)
        assert (tmp_path / "people.parquet").stat().st_ino == before
        assert copy.verify(lambda *_: None) == []


def test_parquet_that_was_tampered_with_is_told(admin, url, tmp_path: Path):
    admin.put("/v1/people/w:one", json={"name": "One"})
    assert mirror(url, tmp_path, "--format", "parquet", "--types", "person", "--verify")[0] == 0
    file = tmp_path / "people.parquet"
    table = pyarrow.parquet.read_table(file)
    pyarrow.parquet.write_table(table.slice(1), file)
    code, output = mirror(url, tmp_path, "--format", "parquet", "--types", "person", "--verify")
    assert (code, output) == (3, "differs: person: 1 there, 0 here\n")
    file.write_bytes(b"no Parquet")
    code, output = mirror(url, tmp_path, "--format", "parquet", "--types", "person")
    assert (code, "people.parquet is not one of ours" in output) == (1, True)


def test_nothing_erased_stays_in_parquet(admin, url, tmp_path: Path):
    admin.put("/v1/people/w:one", json={"name": "Secret"})
    mirror(url, tmp_path, "--format", "parquet")
    admin.delete("/v1/people/w:one?erase=true&reason=asked", headers=IF_ANY)
    assert mirror(url, tmp_path, "--format", "parquet", "--verify")[0] == 0
    assert pyarrow.parquet.read_table(tmp_path / "people.parquet").num_rows == 0
    assert not any(b"Secret" in file.read_bytes() for file in tmp_path.iterdir())


# --- how it fails ---


@pytest.mark.parametrize("form", ["sqlite", "parquet"])
def test_it_says_what_failed(tmp_path: Path, monkeypatch, form):
    monkeypatch.setattr("ingest.client.PATIENCE", 0.1)
    code, output = mirror("ftp://nowhere.test", tmp_path, "--format", form)
    assert (code, output.startswith("Error: ")) == (1, True)


def test_a_key_that_nobody_knows(url, tmp_path: Path):
    code, output = mirror(url, tmp_path, "--key", "nonsense")
    assert (code, output.startswith("Error: 401")) == (1, True)


def test_a_file_that_is_no_copy(url, tmp_path: Path):
    (tmp_path / "parley.sqlite").write_text("This is a diary, and none of your business. " * 100)
    code, output = mirror(url, tmp_path)
    assert (code, "cannot be used: file is not a database" in output) == (1, True)


def test_lines_end_at_line_feeds_only():
    assert list(lines(["a\u2028b".encode(), b"\x85\n", b"", b"c\r", b"\nd\n"])) == [
        "a\u2028b".encode() + b"\x85", b"c\r", b"d"]  # fmt: skip
    with pytest.raises(httpx.TransportError):
        list(lines([b"a\nb"]))
