"""Parley beside its peers: `make bench`, `make bench QUICK=1`, or some cases by `python -m bench --quick get list`."""

import argparse
import sys
from contextlib import ExitStack

from bench import cases, data, report, rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[[], *cases.CASES], help="only these; without, all")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, and short runs")
    parser.add_argument("--huge", action="store_true", help="growth to 68 times the rows: 40 GB, an hour")
    parser.add_argument("--peers", help="only these peers, with commas between them")
    parser.add_argument("--seconds", type=int, help="how long each run takes")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    chosen = parser.parse_args()
    names = chosen.cases or [name for name in cases.CASES if not (chosen.quick and name in cases.LONG)]
    size = rows.QUICK if chosen.quick else rows.FULL
    with data.database(size) as running, ExitStack() as stack:
        bench = cases.Bench(
            running,
            stack,
            size,
            rounds=chosen.rounds or (2 if chosen.quick else 5),
            seconds=chosen.seconds or (1 if chosen.quick else 5),
            only=chosen.peers.split(",") if chosen.peers else None,
        )
        bench.huge = chosen.huge
        results = []
        for name in names:
            results.append(cases.CASES[name](bench))
            report.show(results[-1])
        report.write(results, bench, keep=not chosen.cases and not chosen.peers)


if __name__ == "__main__":
    sys.exit(main())
