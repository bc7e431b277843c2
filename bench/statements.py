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
        for number, request in enumerate(requests):
            conn.execute(f"SELECT 'request {number}'")
            client.get(request.path).raise_for_status()
        switch(conn, "-1")
    with log.open() as lines:
        lines.seek(begins)
        entries = [json.loads(line) for line in lines]
    asked: list[list[dict[str, str]]] = []
    for entry in entries:
        if "SELECT 'request " in entry["message"]:
            asked.append([])
        elif entry.get("application_name") == NAME and " execute " in entry["message"]:
            asked[-1].append(entry)
    if not all(asked) or len(asked) != len(requests):
        raise ValueError(f"{len(asked)} of {len(requests)} requests asked PostgreSQL")
    folder.mkdir(parents=True)
    values: list[str] = []
    for number, found in enumerate(asked):
        text = [script(entry, f"{number}_{place}", values) for place, entry in enumerate(found)]
        (folder / f"{number:03}.sql").write_text("\n".join(text))
    (folder / "values").write_text("\0".join(values))
    return folder


def switch(conn: psycopg.Connection, duration: str) -> None:
    conn.execute(f"ALTER SYSTEM SET log_min_duration_statement = {duration}")
    conn.execute("SELECT pg_reload_conf()")
    while conn.execute("SHOW log_min_duration_statement").fetchone() != (duration,):
        time.sleep(0.1)  # PostgreSQL may be busy writing what was copied
    time.sleep(0.3)  # until all have read it, and written what they had to say


def script(entry: dict[str, str], prefix: str, values: list[str]) -> str:
    """The statement for pgbench. That cannot say of which type a value is: where the text does not, it stands there."""
    text = re.sub(r"--[^\n']*$", "", entry["message"].split(": ", 2)[2], flags=re.MULTILINE)
    given: dict[str, str] = dict(VALUE.findall(entry.get("detail", "")))
    named = {number for number in re.findall(r"\$(\d+)::", text) if given[number] != "NULL"}
    for number in sorted(named):
        value = given[number][1:-1].replace("''", "'")
        values.append(f"p{prefix}_{number}={value}")

    def put(at: re.Match[str]) -> str:
        return f" :p{prefix}_{at[1]}" if at[1] in named else parted(given[at[1]])

    return re.sub(r"\$(\d+)", put, parted(text)) + ";\n"


def parted(text: str) -> str:
    """What pgbench would take for the name of a value, such as the minutes of HH24:MI, in two parts."""
    return re.sub(r"(?<!:):(?=[A-Za-z])", ":' || '", text)
