"""What is printed and kept of the results."""

from typing import Any

from bench.cases import Result
from bench.load import Run

HEADS = ("ours ÷ it", "p50 ms", "p99 ms", "server µs", "database µs", "ours ÷ it, CPU")


def show(result: Result) -> None:
    """A case as it ends: rates, ratios, and the processor time of an answer."""
    print(f"\n{result.case} ({', '.join(f'{name} {value:,.4g}' for name, value in result.notes.items())})")
    print(f"  {'':<20}{result.unit + '/s':>12}", *(f"{head:>{len(head) + 2}}" for head in HEADS), sep="")
    for name, run in {"parley": result.ours, **result.peers, **result.limits}.items():
        cells = (
            result.ours.rate / run.rate,
            run.p50,
            run.p99,
            run.server_us,
            run.database_us,
            spent(run) / spent(result.ours),
        )
        shown = (
            f"{cell:>{len(head) + 2},.{0 if 'µs' in head else 2}f}" for head, cell in zip(HEADS, cells, strict=True)
        )
        print(f"  {name:<20}{run.rate:>12,.1f}", *shown, sep="", flush=True)


def spent(run: Run) -> float:
    """Processor time of an answer, which a noisy machine changes less than the rate."""
    return run.server_us + run.database_us


def show_memory(memory: Any) -> None:
    print()
    for name, found in memory.items():
        print(f"  {name:<20}{found['worker_mb']:>8} MB a worker, {found['start_seconds']:.1f} s to start")
