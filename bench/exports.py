"""Exports of a million pledges: how fast, in how much memory, and whether their sum is that of the summary.

make bench-exports, or PLEDGES=100000 make bench-exports
"""

import os
import sys
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import httpx
import psutil

from bench.data import database, say
from bench.rows import Size
from bench.servers import Server, parley

PLEDGES = int(os.environ.get("PLEDGES", "1000000"))
SIZE = Size(500, 2_000, 1_000, min(PLEDGES, 10_000), 10, max(PLEDGES // 10_000, 1))
PLAIN = {"Accept-Encoding": "identity"}
MONEY = """
    SELECT amount.currency, sum(amount.value)
      FROM read_parquet(?)
     WHERE status NOT IN ('discussed', 'cancelled', 'expired')
       AND superseded_by IS NULL
       AND amount IS NOT NULL
     GROUP BY ALL
"""


class Watch(threading.Thread):
    """The most memory that any process of a server takes meanwhile, in MB above what it took before."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.processes = server.tree()
        self.rest = [self.take(process) for process in self.processes]
        self.grown, self.over = 0.0, threading.Event()

    def take(self, process: psutil.Process) -> float:
        return float(process.memory_info().rss) / 2**20

    def run(self) -> None:
        while not self.over.wait(0.05):
            for process, before in zip(self.processes, self.rest, strict=True):
                self.grown = max(self.grown, self.take(process) - before)


def fetch(server: Server, extension: str, folder: Path) -> Path:
    file, watch, began = folder / f"pledges.{extension}", Watch(server), time.perf_counter()
    watch.start()
    with (
        httpx.stream("GET", f"{server.address}/v1/exports/pledges.{extension}", timeout=None, headers=PLAIN) as answer,
        file.open("wb") as out,
    ):
        answer.raise_for_status()
        for part in answer.iter_raw():
            out.write(part)
    seconds = time.perf_counter() - began
    watch.over.set()
    watch.join()
    total = int(answer.headers["Parley-Total"])
    say(
        f"{extension}: {total:,} pledges, {file.stat().st_size / 1e6:,.0f} MB in {seconds:.1f} s,"
        f" {total / seconds:,.0f} a second; at most {watch.grown:.0f} MB above rest"
    )
    return file


def main() -> None:
    with tempfile.TemporaryDirectory() as name, database(SIZE) as running, parley(running.url, Path(name)) as server:
        server.wait()
        for path in ("/v1/exports/sources.ndjson", "/v1/exports/sources.parquet", "/v1/pledges?limit=500"):
            for _ in range(8):  # each worker has loaded what it needs: that is no part of what an export takes
                httpx.get(server.address + path).raise_for_status()
        files = {extension: fetch(server, extension, Path(name)) for extension in ("ndjson", "csv", "parquet")}
        stored = duckdb.sql(MONEY, params=[str(files["parquet"])]).fetchall()
        began = time.perf_counter()
        answer = httpx.get(f"{server.address}/v1/pledges/summary", timeout=600)
        say(f"summary: {answer.status_code} in {time.perf_counter() - began:.1f} s")
        told = {money["currency"]: Decimal(money["value"]) for money in answer.json()["total"]["by_currency"]}
        say(f"{len(told)} currencies, the same money in Parquet and in the summary: {dict(stored) == told}")
        if dict(stored) != told:
            sys.exit(f"Parquet: {stored}\nsummary: {told}")


if __name__ == "__main__":
    main()
