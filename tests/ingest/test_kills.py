"""A load ends as if nothing had happened, though the server, its PostgreSQL and the client are killed under it."""

import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psycopg
import pytest

from db import rates
from ingest.client import Client
from ingest.run import load
from tests.cli.test_serve import stop, wait_until
from tests.ingest.final import final
from tests.ingest.test_run import actor, pledge, record, write
from tests.installation import Installation

CHUNK = 60
BLOWS = [["worker"]] * 8 + [["worker", "postgres"]] * 5 + [["everything"]] * 2  # 20 kills


class Poured(Installation):
    """An installation, and the client that pours a file into it."""

    def __init__(self, folder: Path, file: Path, stack: ExitStack) -> None:
        self.file, self.state, self.account = file, folder / "state", folder / "account"
        self.messages = stack.enter_context((folder / "messages").open("a"))
        super().__init__(folder, stack)

    def pour(self) -> None:
        options = ("--url", self.url, "--key", f"@{self.folder}/key", "--state", self.state, "--chunk", str(CHUNK))
        command = [sys.executable, "-m", "cli", "ingest", "ndjson", self.file, *options]
        with self.account.open("w") as out:
            self.client = self.stack.enter_context(subprocess.Popen(command, stdout=out, stderr=self.messages))
        self.stack.callback(self.client.kill)

    def done(self) -> bool:
        """Whether the client is done; run again with the same state file if it gave up."""
        assert self.server.poll() is None, self.server.told()
        if self.client.poll() == 1:
            self.pour()
        return self.client.poll() is not None

    def batches(self) -> list[str]:
        """Those that the server has."""
        with self.connect() as conn:
            return [id for (id,) in conn.execute("SELECT id::text FROM batches ORDER BY id")]

    def acknowledged(self) -> list[str]:
        """Those that the client knows of."""
        with closing(sqlite3.connect(self.state)) as state:
            return [id for (id,) in state.execute("SELECT batch FROM chunks ORDER BY batch")]

    def kill_everything(self) -> None:
        """The client comes up first, and finds nobody."""
        self.client.kill()
        self.kill_all()
        self.client.wait()
        self.pour()
        self.serve()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own: that is closed to the account that PostgreSQL runs under."""
    with tempfile.TemporaryDirectory(prefix="parley-kills-") as folder:
        yield Path(folder)


def rows() -> list[dict]:
    """Records of three types, some of them twice, some before what they refer to."""
    actors = [actor(f"{n}", parent=f"x:{n // 2}" if n else None) for n in range(2_000)]
    again = [actor(f"{n}", name=f"Again {n}") for n in range(0, 2_000, 5)]
    papers = [record("source", f"paper{n}", kind="news", sources=[]) for n in range(600)]
    donors = [{"donors": [{"actor": f"x:{n}"}], "sources": [{"source": f"x:paper{n * 7 % 600}"}]} for n in range(600)]
    pledges = [pledge(n, f"{n}.10", **more) for n, more in enumerate(donors)]
    late = [actor(f"late{n}", parent=f"x:last{n}") for n in range(20)]
    return [*late, *actors, *papers, *again, *pledges, *(actor(f"last{n}") for n in range(20)), *again]


def test_killed_on_any_side_it_ends_as_if_nothing_had_happened(fresh_app, key, folder: Path):
    [file], chance = write(folder / "rows", rows()), random.Random(11)
    with ExitStack() as stack:
        here = Poured(folder, file, stack)
        here.pour()
        for blow in chance.sample(BLOWS, len(BLOWS)):
            before = len(here.batches())
            wait_until(lambda before=before: here.done() or len(here.batches()) > before)  # it has got over the last
            for kill in blow:
                time.sleep(chance.uniform(0, 0.08))
                assert not here.done(), "it was done before it could be killed: the load is too small"
                getattr(here, f"kill_{kill}")()
        wait_until(here.done, seconds=120)
        assert (folder / "messages").read_text().count("Trying again") >= len(BLOWS) / 2  # the client did feel it
        assert here.batches() == here.acknowledged()  # nothing lost, nothing twice
        with Client(here.url, here.key) as client:
            disturbed = final(client)
        assert stop(here.server) == 0
    with psycopg.connect(fresh_app.config["DATABASE_URL"]) as conn:
        rates.load(conn)  # as `parley serve` does
    with Client("http://parley.test", key(fresh_app, provider="local"), httpx.WSGITransport(app=fresh_app)) as client:
        undisturbed = load(client, "ndjson", [file], rows=CHUNK)
        assert final(client) == disturbed
    assert here.account.read_text().rstrip() == str(undisturbed)
