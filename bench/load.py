"""Load, from other processes: wrk against a server, pgbench against the database; and what processor time it took."""

import json
import re
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import psutil

from bench.servers import Server, cpu
from db import PLANS, engine

LUA = Path(__file__).with_name("load.lua")
UNIQUE = "@" * 16  # in a body: what each request replaces by a name that nobody had before


class Wrong(AssertionError):
    """An answer was not as expected: nothing that was measured means anything."""


class Request(NamedTuple):
    path: str
    method: str = "GET"
    body: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


class Expected(NamedTuple):
    """What every answer must be."""

    least: int
    most: int
    status: int = 200


class Run(NamedTuple):
    """What came of some seconds of load."""

    rate: float
    p50: float  # milliseconds, as the next
    p99: float
    server_us: float  # microseconds of processor time a request, as the next
    database_us: float


def postgres(url: str) -> list[psutil.Process]:
    """All processes of the database server that works there."""
    folder = Path(re.sub("%2F", "/", url.split("host=")[1].split("&")[0]))
    return engine.members(folder)


def literal(text: str | None) -> str:
    return "nil" if text is None else json.dumps(text, ensure_ascii=False)


def lua(request: Request) -> str:
    headers = ", ".join(f"[{literal(name)}] = {literal(value)}" for name, value in request.headers.items())
    return f"{{{literal(request.method)}, {literal(request.path)}, {literal(request.body)}, {{{headers}}}}}"


def wrk(
    server: Server, requests: Sequence[Request], expected: Expected, url: str, seconds: int, clients: int = 16
) -> Run:
    """So many clients that ask again as soon as they are answered."""
    asked = ",\n".join(map(lua, requests))
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as spec:
        spec.write(
            f"return {{status = {expected.status}, least = {expected.least}, most = {expected.most}, "
            f"prefix = '{secrets.token_hex(3)}', requests = {{\n{asked}}}}}"
        )
        spec.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{clients // len(server.ports)}",
            f"-d{seconds}s",
            "--timeout",
            "60s",
            "-s",
            str(LUA),
        ]
        before = cpu(server.tree()), cpu(postgres(url))
        running = [
            subprocess.Popen(
                [*command, address, "--", spec.name, str(place)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for place, address in enumerate(server.addresses)
        ]
        said = [process.communicate() for process in running]
        after = cpu(server.tree()), cpu(postgres(url))
    if any(process.returncode for process in running):
        raise Wrong(f"wrk: {said}")
    told = [json.loads(out.strip().splitlines()[-1]) for out, _ in said]
    if any(one["wrong"] for one in told):
        raise Wrong(f"{server.name}: {told}, first {[error for _, error in said]}")
    answers = (
        sum(one["answers"] for one in told) + clients / 2
    )  # what is under way at the end is half done, in the mean
    p50, p99 = statistics.mean(one["p50"] for one in told), max(one["p99"] for one in told)
    return run(answers, max(one["seconds"] for one in told), p50, p99, before, after)


def run(
    answers: float, seconds: float, p50: float, p99: float, before: tuple[float, float], after: tuple[float, float]
) -> Run:
    server, database = ((new - old) / answers * 1e6 for old, new in zip(before, after, strict=True))
    return Run(answers / seconds, p50, p99, server, database)


def pgbench(scripts: Path, url: str, seconds: int, clients: int = 8) -> Run:
    """The same statements without a server in front of the database."""
    files = [word for file in sorted(scripts.glob("*.sql")) for word in ("-f", str(file))]
    given = [word for line in (scripts / "values").read_text().split("\0") if line for word in ("-D", line)]
    before = cpu(postgres(url))
    began = time.perf_counter()
    command = [str(engine.BIN / "pgbench"), "-n", "-M", "prepared", f"-c{clients}", "-j1", f"-T{seconds}"]
    done = subprocess.run([*command, *given, *files, url], capture_output=True, text=True, env={"PGOPTIONS": PLANS})
    spent, took = cpu(postgres(url)) - before, time.perf_counter() - began
    if done.returncode or "number of failed transactions: 0 " not in done.stdout:
        raise Wrong(f"pgbench: {done.stdout} {done.stderr}")
    rate, latency = told("tps", done.stdout), told("latency average", done.stdout)
    return Run(rate, latency, latency, 0.0, spent / (rate * min(took, seconds)) * 1e6)


def told(what: str, output: str) -> float:
    """A number of what a program printed."""
    if found := re.search(rf"^{what} = ([\d.]+)", output, re.MULTILINE):
        return float(found[1])
    raise Wrong(f"no {what} in: {output}")


def median(runs: list[Run]) -> Run:
    return Run(*map(statistics.median, zip(*runs, strict=True)))


def warmed(seconds: int, measure: Callable[[int], Run]) -> None:
    """All at once: the slowest of them may leave another no answer in time, which the runs that count would tell."""
    with suppress(Wrong):
        measure(seconds)


def interleaved(
    targets: dict[str, Callable[[int], Run]], rounds: int, seconds: int, warm: int = 2, once: Collection[str] = ()
) -> dict[str, Run]:
    """Each in its turn, several times: what else the machine does then meets all alike. First all warm up at once."""
    if warm:
        with ThreadPoolExecutor(len(targets)) as pool:
            list(pool.map(partial(warmed, warm), targets.values()))
    runs: dict[str, list[Run]] = {name: [] for name in targets}
    for turn in range(rounds):
        for name, measure in targets.items():
            if turn and name in once:
                continue
            runs[name].append(measure(seconds))
    return {name: median(found) for name, found in runs.items()}
