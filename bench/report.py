"""What is printed and kept of the results: a table, results.json, RESULTS.md and a picture."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from bench.cases import Bench, Result
from bench.load import Run

HERE = Path(__file__).parent
NAMES = {
    "parley": "Parley",
    "fastapi_asyncpg": "FastAPI + asyncpg",
    "fastapi_sqlalchemy": "FastAPI + SQLAlchemy",
    "django_rest": "Django REST framework",
    "litestar_asyncpg": "Litestar + msgspec",
    "flask_hello": "Flask hello",
    "wsgi_hello": "bare WSGI hello",
    "pgbench": "pgbench",
}
HEADS = ("rate", "ours ÷ it", "CPU: ours ÷ it", "p50 ms", "p99 ms", "server µs", "database µs")
MEASURED = (
    "fastapi", "uvicorn", "asyncpg", "pydantic", "sqlalchemy", "django", "djangorestframework", "gunicorn", "litestar",
    "msgspec", "granian", "flask", "flask-smorest", "psycopg", "orjson",
)  # fmt: skip


def cells(result: Result) -> Iterator[tuple[str, ...]]:
    """A line for Parley, for each peer and each limit."""
    ours = result.ours
    for name, run in {"parley": ours, **result.peers, **result.limits}.items():
        saved = spent(run) / spent(ours) if spent(run) and spent(ours) else None
        found = (run.rate, ours.rate / run.rate, saved, run.p50, run.p99, run.server_us, run.database_us)
        yield (NAMES.get(name, name), *(number(value) for value in found))


def number(value: float | None) -> str:
    return "" if not value else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spent(run: Run) -> float:
    """Processor time of an answer, which a noisy machine changes less than the rate."""
    return run.server_us + run.database_us


def show(result: Result) -> None:
    """A case as it ends."""
    notes = "".join(f"; {name} {number(value)}" for name, value in result.notes.items())
    print(f"\n{result.case}: {result.unit}{notes}")
    for line in [("", *HEADS), *cells(result)]:
        print(
            f"  {line[0]:<24}",
            *(f"{cell:>{len(head) + 3}}" for head, cell in zip(HEADS, line[1:], strict=True)),
            sep="",
        )
    print(end="", flush=True)


def write(results: list[Result], bench: Bench, keep: bool) -> None:
    """Everything that a later reader needs to believe it, or to see that it changed."""
    memory = bench.memory()
    for name, found in memory.items():
        print(f"\n  {NAMES[name]:<24}{found['worker_mb']:>6} MB a worker, {found['start_seconds']} s to start", end="")
    print(f"\n  {'Parley installed':<24}{installed() >> 20:>6} MB")
    whole = {
        "cases": [
            {
                "case": result.case,
                "ours": result.ours.rate,
                "peers": {name: run.rate for name, run in result.peers.items()},
                "limits": {name: run.rate for name, run in result.limits.items()},
                "unit": result.unit,
            }
            for result in results
        ],
        "memory": memory,
        "installed_mb": installed() >> 20,
        "machine": machine(),
        "versions": versions(bench),
        "commit": commit(),
        "rows": {
            "pledges": bench.size.pledges * bench.size.copies,
            "statements": bench.size.statements * bench.size.copies,
        },
        "runs": {"rounds": bench.rounds, "seconds": bench.seconds},
        "details": {
            result.case: {
                name: run._asdict() for name, run in {"parley": result.ours, **result.peers, **result.limits}.items()
            }
            | {"notes": result.notes}
            for result in results
        },
    }
    if not keep:
        return
    (HERE / "results.json").write_text(json.dumps(whole, indent=1) + "\n")
    (HERE / "RESULTS.md").write_text(markdown(whole, results))
    (HERE / "results.svg").write_text(picture(results))


def machine() -> dict[str, Any]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "load_at_the_end": [round(load, 1) for load in os.getloadavg()],
    }


def versions(bench: Bench) -> dict[str, str]:
    locks = "".join(file.read_text() for file in (HERE / "requirements.lock", HERE.parent / "requirements.lock"))
    found = {name: re.search(rf"^{name}==(\S+)", locks, re.MULTILINE) for name in MEASURED}
    ((server,),) = bench.rows("SELECT current_setting('server_version')")
    return {"python": platform.python_version(), "postgresql": server} | {n: m[1] for n, m in found.items() if m}


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=HERE)
    return done.stdout.strip()


def installed() -> int:
    """Bytes that Parley and all it needs take on a disk: an image is a Python more."""
    from importlib.metadata import PackageNotFoundError, distribution

    names = re.findall(r"^([a-z0-9-]+)==", (HERE.parent / "requirements.lock").read_text(), re.MULTILINE)
    total = 0
    for name in names:
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:  # for another platform
            continue
        places = (Path(str(file.locate())) for file in files)
        total += sum(place.stat().st_size for place in places if place.is_file())
    return total


def markdown(whole: dict[str, Any], results: list[Result]) -> str:
    machine, memory = whole["machine"], whole["memory"]
    parts = [
        "# Results",
        f"Made by `make bench` of commit {whole['commit']} on {machine['cores']} × {machine['processor']}, "
        f"{machine['memory_gb']} GB, {machine['system']}; load average at the end {machine['load_at_the_end'][0]}. "
        f"{whole['rows']['pledges']:,} pledges and {whole['rows']['statements']:,} statements; medians of "
        f"{whole['runs']['rounds']} runs of {whole['runs']['seconds']} s. What is measured, and how, stands in "
        "[README.md](README.md).",
        "![How many times as much Parley does](results.svg)",
        ", ".join(f"{name} {version}" for name, version in whole["versions"].items()) + ".",
        "*ours ÷ it* compares rates: above 1, Parley does more. *CPU: ours ÷ it* compares what a second of processor "
        "time (of server and database together) is good for; other work on the machine changes it less.",
    ]
    for result in results:
        notes = "".join(f"; {name} {number(value)}" for name, value in result.notes.items())
        table = [("", *HEADS), ("---", *("--:" for _ in HEADS)), *cells(result)]
        parts += [f"## {result.case}", f"{result.unit}{notes}", "\n".join(f"| {' | '.join(line)} |" for line in table)]
    kept = [("", "MB a worker", "s to start"), ("---", "--:", "--:")]
    kept += [(NAMES[name], str(found["worker_mb"]), str(found["start_seconds"])) for name, found in memory.items()]
    parts += ["## Memory and start", "\n".join(f"| {' | '.join(line)} |" for line in kept)]
    parts += [f"Parley and all packages that it needs: {whole['installed_mb']} MB on the disk."]
    return "\n\n".join(parts) + "\n"


COLOURS = {"fastapi_asyncpg": "#0b7285", "fastapi_sqlalchemy": "#e8590c", "django_rest": "#2b8a3e",
           "litestar_asyncpg": "#862e9c", "pgbench": "#495057", "wsgi_hello": "#adb5bd", "COPY": "#c92a2a"}  # fmt: skip
LEFT, WIDTH, STEP = 150, 560, 30
LEAST, MOST = 0.05, 100.0  # the ratios that the picture shows


def picture(results: list[Result]) -> str:
    """A dot for each peer and limit: how many times its rate Parley has, on a scale of powers of ten."""
    from math import log10

    def x(value: float) -> float:
        part = (log10(min(max(value, LEAST), MOST)) - log10(LEAST)) / (log10(MOST) - log10(LEAST))
        return LEFT + WIDTH * part

    shown = [result for result in results if result.unit in ("requests", "pledges")]
    bottom = 40 + STEP * len(shown)
    lines = []
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50):
        strong = "#212529" if tick == 1 else "#dee2e6"
        lines.append(f'<line x1="{x(tick):.0f}" y1="30" x2="{x(tick):.0f}" y2="{bottom}" stroke="{strong}"/>')
        lines.append(f'<text x="{x(tick):.0f}" y="20" text-anchor="middle">{tick:g} ×</text>')
    for place, result in enumerate(shown):
        y = 50 + STEP * place
        lines.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{result.case}</text>')
        for name, run in {**result.limits, **result.peers}.items():
            if colour := COLOURS.get(name.removesuffix(" TO")):
                lines.append(f'<circle cx="{x(result.ours.rate / run.rate):.1f}" cy="{y}" r="6" fill="{colour}"/>')
    for place, (name, colour) in enumerate(COLOURS.items()):
        left, y = LEFT + 190 * (place % 3), bottom + 25 + 20 * (place // 3)
        lines.append(f'<circle cx="{left}" cy="{y - 4}" r="6" fill="{colour}"/>')
        lines.append(f'<text x="{left + 12}" y="{y}">{NAMES.get(name, name)}</text>')
    size = f'viewBox="0 0 {LEFT + WIDTH + 20} {bottom + 80}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">\n'
        f'<title>How many times the rate of each Parley has</title>\n<rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(lines) + "\n</svg>\n"
    )  # fmt: skip
