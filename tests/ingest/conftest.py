"""A Parley of the test's own for the ingestion clients, and the real data where somebody has it."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from flask import Flask
from werkzeug.serving import make_server

from ingest import reference
from ingest.client import Client

SHARED = Path(os.environ.get("PARLEY_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")


@pytest.fixture
def parley(fresh_app: Flask, key) -> Iterator[Client]:
    """A client of an empty Parley, with a key that may write."""
    with Client("http://parley.test", key(fresh_app), httpx.WSGITransport(app=fresh_app)) as client:
        yield client


@pytest.fixture
def peopled(parley: Client) -> Client:
    """The same, when the reference actors were loaded."""
    rows = (
        {"op": "upsert", "type": "actor", "identifier": name, "data": body} for _, name, body in reference.records()
    )
    lines = b"\n".join(map(orjson.dumps, rows))
    assert parley.batch(lines, "reference")["counts"]["failed"] == 0
    return parley


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an app on a free port; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """A file or folder of the real data; the test is skipped where it is missing."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs {name} below PARLEY_SHARED_DATA")
        return path

    return find


def everything(client: Client) -> dict[str, int]:
    """Every event so far, by what happened: what a second load must not add to."""
    found: dict[str, int] = {}
    page = client.get("/v1/changes", limit=500)
    while page["items"]:
        for event in page["items"]:
            found[event["op"]] = found.get(event["op"], 0) + 1
        page = client.get("/v1/changes", limit=500, cursor=page["next_cursor"])
    return found
