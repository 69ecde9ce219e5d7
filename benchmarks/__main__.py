"""`python -m benchmarks` measures everything and writes RESULTS.md and two pictures; `--short` compares with the kept ratios."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Final

from . import batches, calls, growth, imports, memory, report, server
from .charts import bars, lines, stacked
from .table import Row

SHORT_SCALE: Final = 0.12
"""The part of the usual number of calls that the short form makes."""


def rows(rounds: int, scale: float, *, short: bool = False) -> list[Row]:
    """All rows of the table. The short form starts fewer programs, and lists fewer jobs for their memory."""
    batch = max(scale, 0.4)  # a batch needs time to find how many threads it is best sent by
    with server.running() as url, server.running(0.02) as slow:
        return [
            *calls.measure(url, rounds, scale),
            batches.measure_async("1,000 async submits, 50 in flight", url, rounds, int(1000 * batch)),
            batches.measure_sync("300 sync submits by submit_many", url, rounds, int(300 * batch)),
            batches.measure_sync("the same, a server that takes 20 ms", slow, max(rounds // 3, 1), int(120 * batch)),
            *imports.measure(3 if short else rounds),
            memory.measure_listed(url, 2 if short else 10),
        ]


def short() -> int:
    """Compare with the kept ratios; 1 where one is worse by more than a third, and is so again when it is measured once more."""
    found = report.ratios(rows(5, SHORT_SCALE, short=True))
    worse = report.worse_than_kept(found)
    if worse:
        print("\n".join(["measured once more, because of", *worse]), flush=True)
        found = report.better(found, report.ratios(rows(5, SHORT_SCALE, short=True)))
        worse = report.worse_than_kept(found)
    print(report.table(found))
    print("\n".join(["", *(f"worse than kept: {each}" for each in worse)] if worse else ["", "as kept, or better"]))
    return 1 if worse else 0


def full(rounds: int, scale: float, largest: int, *, anew: bool) -> int:
    """Measure everything, and write RESULTS.md, the pictures and the ratios to keep."""
    found = rows(rounds, scale)
    ratios = report.ratios(found)
    print(report.table(ratios), flush=True)
    with server.running() as url:
        grown = growth.measure(url, tuple(size for size in growth.SIZES if size <= largest))
    report.keep(ratios, anew=anew)
    by_name = {name: {each: cost.wall for each, cost in costs.items()} for name, costs in ratios.items()}
    (report.FOLDER / "ratios.svg").write_text(bars("Time as a part of the peer's (the line is 1)", list(by_name.items())))
    time_lines = lines("Time of 10 to 100,000 jobs", "s", {each.name: each.seconds for each in grown})
    memory_lines = lines("Peak of memory", "MiB", {each.name: {n: peak / 2**20 for n, peak in each.peaks.items()} for each in grown})
    (report.FOLDER / "growth.svg").write_text(stacked([time_lines, memory_lines], 760, 400))
    (report.FOLDER / "RESULTS.md").write_text(
        f"# What a call costs\n\n{report.surroundings()}. {datetime.now(UTC):%Y-%m-%d}; the lowest of {rounds} interleaved rounds, against a server "
        f"of ready-made answers on loopback, which sends a job as it was recorded: 25 fields. Written by `nox -s bench`. The ratios of "
        f"short calls fall where a machine wakes a thread sooner; those of long ones and of memory hold on other machines.\n\n"
        f"## Ratios to the peer in the same run\n\n{report.table(ratios)}\n\n{report.limits(ratios)}\n\n![Ratios](ratios.svg)\n\n"
        f"## How cost grows\n\n{report.growth_table(grown)}\n\n{report.batch_memory(grown)}\n\n"
        f"The pytest plugin takes {imports.plugin_seconds(rounds) * 1000:.1f} ms to import where no test uses it, beside pytest itself (bound: 5 ms).\n\n"
        f"![Growth](growth.svg)\n\n## Figures\n\n{report.figures(found)}\n"
    )
    return 0


def main() -> int:
    """Run the form that was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="half a minute; fails where a ratio is worse than the kept one by more than a third"
    )
    parser.add_argument("--rounds", type=int, default=9, help="at least 7")
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the usual number of calls, for trials")
    parser.add_argument("--largest", type=int, default=100_000, help="the most jobs whose growth is measured")
    parser.add_argument(
        "--anew", action="store_true", help="keep these ratios for the short form; else the highest of all machines is kept"
    )
    options = parser.parse_args()
    return short() if options.short else full(max(options.rounds, 7), options.scale, options.largest, anew=options.anew)


if __name__ == "__main__":
    sys.exit(main())
