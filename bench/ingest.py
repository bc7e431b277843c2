"""A batch of many pledges beside COPY of the rows it makes: `make bench-ingest`, or ROWS=5000 make bench-ingest."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from db import engine
from db.migrate import migrate

ROWS = int(os.environ.get("ROWS", "50000"))
GOAL = 0.30 if ROWS <= 10_000 else 0.25
DONORS = 40
SEED = 20250723
JSON = {"Content-Type": "application/x-ndjson"}
CITED = {"sources": [{"source": "bench:source", "locator": "a row of a table"}]}


def operation(type: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"op": "upsert", "type": type, "identifier": f"bench:{name}", "data": data}


def pledge(number: int, chance: random.Random) -> dict[str, Any]:
    """A package as trackers have them: one donor, money, three items, about a kilobyte."""
    items = [
        {"description": f"Artillery rounds 155 mm, lot {lot}", "quantity": lot + 1, "unit": "round"} for lot in range(3)
    ]
    return operation(
        "pledge",
        f"pledge-{number}",
        CITED
        | {
            "title": f"Package {number} of equipment",
            "donors": [{"actor": f"bench:donor-{number % DONORS}"}],
            "recipients": ["bench:donor-0"],
            "category": "military",
            "finance_type": "in_kind",
            "status": "committed",
            "amount": {"value": f"{chance.randrange(10**9)}.00", "currency": "EUR"},
            "announced_on": f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
            "purpose": "What the package is for, in some words of our own. " * 6,
            "items": items,
        },
    )


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def free_port() -> int:
    for port in range(20000, 30000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no free port")


def serve(url: str, data_dir: Path) -> tuple[subprocess.Popen[bytes], str, str]:
    port = free_port()
    environment = os.environ | {"PARLEY_DATABASE_URL": url, "PARLEY_DATA_DIR": str(data_dir), "PARLEY_PORT": str(port)}
    key = subprocess.run(
        [sys.executable, "-m", "cli", "keys", "create", "--name", "bench", "--provider", "bench", "--scope", "write"],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    command = [sys.executable, "-m", "cli", "serve", "--no-sample", "--workers", "1"]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            httpx.get(f"{address}/readyz").raise_for_status()
            return server, address, key
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError("the server does not come up")


def peak(server: subprocess.Popen[bytes]) -> int:
    """The most memory that any worker ever had, in MB."""
    children = psutil.Process(server.pid).children(recursive=True)
    status = [Path(f"/proc/{child.pid}/status").read_text() for child in children if child.is_running()]
    return max(int(text.split("VmHWM:")[1].split()[0]) for text in status if "VmHWM:" in text) // 1024


def cpu(process: psutil.Process) -> float:
    """Seconds of processor that it took with all its children, those that have ended too."""
    return sum(sum(member.cpu_times()[:4]) for member in (process, *process.children(recursive=True)))


def tables(conn: psycopg.Connection[Any]) -> list[str]:
    """All that a batch fills, in the order of the foreign keys."""
    names = [name for (name,) in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    kept = [name for name in names if name not in ("migrations", "keys", "secrets", "rates", "batches", "idempotency")]
    return sorted(kept, key=lambda name: name != "records")


def copy(source: str, target: str, folder: Path) -> float:
    """Seconds that COPY takes for the same rows into the same tables with the same indexes and keys."""
    with psycopg.connect(source) as conn:
        filled = tables(conn)
        for name in filled:
            with (
                (folder / name).open("wb") as file,
                conn.cursor().copy(f"COPY {name} TO STDOUT (FORMAT binary)") as out,
            ):
                for part in out:
                    file.write(part)
    with psycopg.connect(target) as conn:
        started = time.perf_counter()
        for name in filled:
            with (
                (folder / name).open("rb") as file,
                conn.cursor().copy(f"COPY {name} FROM STDIN (FORMAT binary)") as to,
            ):
                while part := file.read(1 << 20):
                    to.write(part)
        conn.commit()
        return time.perf_counter() - started


def main() -> None:
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        running = engine.start(folder / "data")
        other = running.url.replace("/parley?", "/copied?")
        server = None
        try:
            migrate(running.url)
            with psycopg.connect(running.url, autocommit=True) as conn:
                conn.execute("CREATE DATABASE copied TEMPLATE parley")
            server, address, key = serve(running.url, folder / "data")
            headers = JSON | {"Authorization": f"Bearer {key}"}
            actors = [operation("actor", f"donor-{n}", {"name": f"Donor {n}", "kind": "state"}) for n in range(DONORS)]
            source = operation("source", "source", {"kind": "dataset", "title": "A table"})
            httpx.post(f"{address}/v1/batches", content=lines([source, *actors]), headers=headers).raise_for_status()
            body = lines([pledge(number, chance) for number in range(ROWS)])
            postgres = engine.process(folder / "data" / "postgres")
            assert postgres is not None
            worker = psutil.Process(server.pid)
            started, before = time.perf_counter(), (cpu(worker), cpu(postgres))
            answer = httpx.post(f"{address}/v1/batches", content=body, headers=headers, timeout=3600)
            seconds, after = time.perf_counter() - started, (cpu(worker), cpu(postgres))
            counts = answer.raise_for_status().json()["counts"]
            memory = peak(server)
            server.send_signal(signal.SIGTERM)
            server.wait(30)
            server = None
            at_rest = cpu(postgres)
            copied = copy(running.url, other, folder)
            copying = cpu(postgres) - at_rest
            print(f"rows             {ROWS} ({len(body) / 2**20:.1f} MiB), {counts['created']} created")
            python, sql = (now - then for now, then in zip(after, before, strict=True))
            print(f"batch            {seconds:.1f} s, {ROWS / seconds:.0f} rows/s")
            print(f"                 of processor: worker {python:.1f} s, PostgreSQL {sql:.1f} s")
            print(f"COPY             {copied:.1f} s, {ROWS / copied:.0f} rows/s")
            print(f"                 of processor: PostgreSQL {copying:.1f} s")
            print("                 (the same rows into the same tables with the same indexes and keys)")
            print(f"batch / COPY     {copied / seconds:.2f} of its rate (goal: {GOAL:.2f})")
            print(f"worker's memory  {memory} MB at most (goal: 400)")
        finally:
            if server:
                server.kill()
            engine.stop(running)


if __name__ == "__main__":
    main()
