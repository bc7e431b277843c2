"""The very statements with which Parley answers a request, written down by PostgreSQL and made into pgbench scripts."""

import json
import re
import time
from pathlib import Path

import httpx
import psycopg

from bench.load import Request
from bench.servers import Server
from db import engine

VALUE = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
NAME = "bench statements"  # the application_name by which the log tells whose they are


def capture(server: Server, running: engine.Engine, requests: list[Request], folder: Path) -> Path:
    """A script for each request. The values become parameters, as they are when Parley asks."""
    log = next((running.data_dir / "postgres" / "log").glob("*.json"))
    with httpx.Client(base_url=server.address) as client, psycopg.connect(running.url, autocommit=True) as conn:
        for _ in range(4):
            client.get(requests[0].path).raise_for_status()
        switch(conn, "0")
        begins = log.stat().st_size
        for request in requests:
            client.get(request.path).raise_for_status()
        switch(conn, "-1")
    with log.open() as lines:
        lines.seek(begins)
        entries = [json.loads(line) for line in lines]
    asked = [e for e in entries if e.get("application_name") == NAME and " execute " in e["message"]]
    each, rest = divmod(len(asked), len(requests))
    if rest or not each:
        raise ValueError(f"{len(asked)} statements for {len(requests)} requests")
    folder.mkdir(parents=True)
    values: list[str] = []
    for number in range(len(requests)):
        found = asked[number * each : (number + 1) * each]
        text = [script(entry, f"{number}_{place}", values) for place, entry in enumerate(found)]
        (folder / f"{number:03}.sql").write_text("\n".join(text))
    (folder / "values").write_text("\0".join(values))
    return folder


def switch(conn: psycopg.Connection, duration: str) -> None:
    conn.execute(f"ALTER SYSTEM SET log_min_duration_statement = {duration}")
    conn.execute("SELECT pg_reload_conf()")
    time.sleep(0.3)  # until all have read it, and written what they had to say


def script(entry: dict[str, str], prefix: str, values: list[str]) -> str:
    text = re.sub(r"--[^\n']*$", "", entry["message"].split(": ", 2)[2], flags=re.MULTILINE)
    given: dict[str, str] = dict(VALUE.findall(entry.get("detail", "")))
    for number, value in given.items():
        if value != "NULL":
            values.append(f"p{prefix}_{number}={value[1:-1].replace(chr(39) * 2, chr(39))}")
    text = re.sub(r"\$(\d+)", lambda at: "NULL" if given[at[1]] == "NULL" else f":p{prefix}_{at[1]}", text)
    return text + ";\n"
