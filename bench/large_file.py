"""Pour 1 GB of NDJSON into a running Parley, and say how fast it went and how much memory the client took at most.

make bench-client ARGS="http://127.0.0.1:8000 path/to/key"
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import orjson

from ingest.client import Client
from ingest.run import load

SIZE = 1_000_000_000
NOTE = "x" * 2_000


def write(file: Path) -> None:
    with file.open("wb") as out:
        number = 0
        while out.tell() < SIZE:
            # the same few records again and again, so that the disk of the server does not fill up
            names = [{"scheme": "bench", "identifier": str(number % 10_000)}]
            out.write(orjson.dumps({"type": "source", "kind": "other", "identifiers": names, "note": NOTE}) + b"\n")
            number += 1


def main(url: str, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Client(url, Path(key).read_text().strip()) as client:
        file = Path(folder, "large.ndjson")
        write(file)
        started = time.monotonic()
        report = load(client, "ndjson", [file])
        seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(report)
    print(f"{SIZE / 1e6 / seconds:,.1f} MB/s, {report.read / seconds:,.0f} rows/s, at most {peak:,.0f} MB of memory")


if __name__ == "__main__":
    main(*sys.argv[1:])
