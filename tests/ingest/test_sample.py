"""The sample data holds together, and loading it twice is loading it once."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from werkzeug.serving import make_server

from ingest.client import Client, Refused
from ingest.sample import DATA, FILES, load, loaded, main, records

RECORDS = list(records())
ADDRESSES = [identifier for _, identifier, _ in RECORDS]
UNSOURCED = {"actors", "people", "sources"}


def test_every_address_names_one_record():
    assert len(set(ADDRESSES)) == len(ADDRESSES)


def test_every_file_is_loaded():
    assert {file.stem for file in DATA.glob("*.json")} == {*FILES, "bodies"}  # which the reference actors come from


@pytest.mark.parametrize(("collection", "address", "body"), [r for r in RECORDS if r[1].startswith("parley:")])
def test_references_lead_somewhere(collection: str, address: str, body: dict):
    references = set(re.findall(r'"((?:parley|iso3166-1):[^" ]+)"', json.dumps(body, ensure_ascii=False)))
    assert references <= set(ADDRESSES)
    assert body.get("sources") or collection in UNSOURCED


@pytest.fixture
def url(fresh_app) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, fresh_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_command(url: str, fresh_app, key, tmp_path: Path, capsys):
    (tmp_path / "key").write_text(key(fresh_app, "write", "sample") + "\n")
    said = []
    for options in ([], [], ["--if-empty"]):
        main([url, str(tmp_path / "key"), *options])
        said.append(capsys.readouterr().out.splitlines()[-1])
    created = re.fullmatch(r"sample: (\d+) created, 0 updated, 0 unchanged", said[0])
    assert created
    assert said[1:] == [f"sample: 0 created, 0 updated, {created[1]} unchanged", "sample: loaded before"]
    with Client(url) as client:
        assert len(client.get("/v1/processes/parley:russia-ukraine-2025/revisions")["items"]) == 1
        assert client.get("/v1/processes/parley:russia-ukraine-2025")["outcomes"][2]["rounds"][0]["type"] == "round"


def test_a_refusal_is_told_in_a_line(url: str, tmp_path: Path):
    (tmp_path / "key").write_text("no key at all")
    with pytest.raises(SystemExit, match="sample: 401"):
        main([url, str(tmp_path / "key")])


def test_if_empty_loads_an_empty_server(url: str, fresh_app, key, tmp_path: Path, capsys):
    (tmp_path / "key").write_text(key(fresh_app, "write", "sample"))
    main([url, str(tmp_path / "key"), "--if-empty"])
    assert re.search(r"sample: [1-9]\d* created, 0 updated, 0 unchanged", capsys.readouterr().out)


def test_a_sample_deleted_on_purpose_is_not_brought_back():
    with Client("http://parley.test", transport=httpx.MockTransport(gone)) as client:
        assert loaded(client)


def gone(request: httpx.Request) -> httpx.Response:
    """A server from which somebody has deleted every record."""
    return httpx.Response(200, json={"items": []}) if request.url.query else httpx.Response(410)


def test_what_the_server_refuses_ends_the_load(parley: Client, monkeypatch):
    odd = ("actors", "x:odd", {"name": "Odd", "kind": "planet", "identifiers": [{"scheme": "x", "identifier": "odd"}]})
    monkeypatch.setattr("ingest.sample.records", lambda: iter([odd]))
    with pytest.raises(Refused, match="/kind"):
        load(parley)
