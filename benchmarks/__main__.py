"""`python -m benchmarks` measures everything and writes RESULTS.md and two pictures; `--short` compares with the kept ratios."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from . import batches, calls, growth, imports, memory, report, server
from .charts import bars, lines, stacked
from .table import Row


def rows(rounds: int, scale: float) -> list[Row]:
    """All rows of the table."""
    with server.running() as url, server.running(0.02) as slow:
        return [
            *calls.measure(url, rounds, scale),
            batches.measure_async("1,000 async submits, 50 in flight", url, rounds, int(1000 * scale)),
            batches.measure_sync("300 sync submits by submit_many", url, rounds, int(300 * scale)),
            batches.measure_sync("the same, a server that takes 20 ms", slow, max(rounds // 3, 1), int(120 * scale)),
            *imports.measure(rounds),
            memory.measure_listed(url),
        ]


def short() -> int:
    """Compare with the kept ratios; 1 where one is worse by more than a third."""
    found = rows(7, 0.25)
    print(report.table(found))
    worse = report.worse_than_kept(found)
    print("\n".join(["", *(f"worse than kept: {each}" for each in worse)] if worse else ["", "as kept, or better"]))
    return 1 if worse else 0


def full(rounds: int, scale: float, largest: int) -> int:
    """Measure everything, and write RESULTS.md, the pictures and the ratios to keep."""
    found = rows(rounds, scale)
    print(report.table(found), flush=True)
    with server.running() as url:
        grown = growth.measure(url, tuple(size for size in growth.SIZES if size <= largest))
    report.keep(found)
    by_name = {name: {each: cost.wall for each, cost in costs.items()} for name, costs in report.ratios(found).items()}
    (report.FOLDER / "ratios.svg").write_text(bars("Time as a part of the peer's (the line is 1)", list(by_name.items())))
    time_lines = lines("Time of 10 to 100,000 jobs", "s", {each.name: each.seconds for each in grown})
    memory_lines = lines("Peak of memory", "MiB", {each.name: {n: peak / 2**20 for n, peak in each.peaks.items()} for each in grown})
    (report.FOLDER / "growth.svg").write_text(stacked([time_lines, memory_lines], 760, 400))
    (report.FOLDER / "RESULTS.md").write_text(
        f"# What a call costs\n\n{report.surroundings()}. {datetime.now(UTC):%Y-%m-%d}; the lowest of {rounds} interleaved rounds, against a server "
        f"of ready-made answers on loopback. Written by `nox -s bench`. Ratios hold on other machines; absolute figures do not.\n\n"
        f"## Ratios to the peer in the same run\n\n{report.table(found)}\n\n![Ratios](ratios.svg)\n\n"
        f"## How cost grows\n\n{report.growth_table(grown)}\n\n![Growth](growth.svg)\n\n## Figures\n\n{report.figures(found)}\n"
    )
    return 0


def main() -> int:
    """Run the form that was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="a minute; fails where a ratio is worse than the kept one by more than a third"
    )
    parser.add_argument("--rounds", type=int, default=9, help="at least 7")
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the usual number of calls, for trials")
    parser.add_argument("--largest", type=int, default=100_000, help="the most jobs whose growth is measured")
    options = parser.parse_args()
    return short() if options.short else full(max(options.rounds, 7), options.scale, options.largest)


if __name__ == "__main__":
    sys.exit(main())
