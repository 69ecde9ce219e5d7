"""Run the whole matrix, and write docs/reliability.md: `nox -s faults`, `-- --part 7` for each seventh behaviour only."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import platform
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.trust.faults.behaviours import CASES
from tests.trust.faults.matrix import NAMES, STYLES, TRANSPORTS, Cell
from tests.trust.faults.parts import run_part

REPORT: Final = Path(__file__).parents[3] / "docs" / "reliability.md"
SHOWN: Final = ("get", "list", "submit", "wait", "sign in")
LIBRARIES: Final = ("fluxbase-jobs", "httpcore", "httpx", "pyreqwest", "msgspec", "anyio")


def main() -> int:
    """Run, write, and fail where a rule was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", type=int, default=1, help="run each nth behaviour only")
    parser.add_argument("--workers", type=int, default=8)
    logging.disable()  # what was given up is the table
    step: int = parser.parse_args().part
    names = [f"{case.group}/{case.name}" for case in CASES]
    parts = [(style, transport, names[number::6], step) for style in STYLES for transport in TRANSPORTS for number in range(6)]
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(parser.parse_args().workers) as pool:
        cells = [cell for part in pool.starmap(run_part, parts, chunksize=1) for cell in part]
    broken = [cell for cell in cells if cell.broken]
    for cell in broken:
        print(f"{cell.transport} {cell.style} {cell.verb} / {cell.case.name} ({'all' if cell.persistent else 'first'}): {cell.broken}")
    print(f"{len(cells) - len(broken)} of {len(cells)} cells kept every rule, in {time.monotonic() - started:.0f} s")
    REPORT.write_text(report(cells))
    return bool(broken)


def report(cells: list[Cell]) -> str:
    """The table as Markdown."""
    kept = sum(not cell.broken for cell in cells)
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    lines = [
        "# Reliability",
        "",
        "What each verb does when the server misbehaves. `nox --sessions faults` makes this page; nothing in it is written by hand.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()} on {platform.system()}, {libraries}.",
        "",
        (
            f"**{kept:,} of {len(cells):,} cells kept every rule**: {len(NAMES)} verbs, {len({(cell.case.group, cell.case.name) for cell in cells})} of {len(CASES)} behaviours, sync and async, over "
            f"{', '.join(TRANSPORTS)} (a client of the user's own), with every request spoiled and with the first one only."
        ),
        "",
        "The rules, checked by code in each cell: a value or a documented error, never another exception; in time; never more jobs than were",
        "submitted, and never a job that the server does not hold; never another job's answer; never a key in an error; no message without",
        "bound; and the next call of the same client succeeds.",
        "",
        "A submit that is answered with another job of the same name cannot tell it from its own, as the server chooses the ids: where a",
        "behaviour does that, the cells of verbs that submit are not held to the rules about other jobs.",
        "",
        "Each row shows what came of some verbs where every request was spoiled, over all transports; for `submit` also how many jobs the",
        "server holds afterwards. `s` is the longest time, with at most three attempts of 0.2 s.",
        "",
        *_table(cells),
        "",
    ]
    if kept < len(cells):
        lines += ["## Cells that broke a rule", "", *_broken(cells), ""]
    return "\n".join(lines)


def _broken(cells: list[Cell]) -> list[str]:
    """A line for each way in which cells failed, with the verbs and the last of the cells in full."""
    alike = defaultdict[tuple[str, str, str, str], list[Cell]](list)
    for cell in cells:
        for rule in cell.broken:
            alike[cell.transport, cell.style, cell.case.name, re.split(r"[:,]| [0-9.]+ s", rule)[0]].append(cell)
    return [
        f"- {transport}, {style}, {_escaped(name)}: {len(found)} cells of {', '.join(f'`{verb}`' for verb in dict.fromkeys(cell.verb for cell in found))},"
        f" like {'; '.join(found[-1].broken)}"
        for (transport, style, name, _), found in alike.items()
    ]


def _table(cells: list[Cell]) -> list[str]:
    rows = defaultdict[tuple[str, str], list[Cell]](list)
    for cell in cells:
        rows[cell.case.group, cell.case.name].append(cell)
    titles = ("behaviour", *(f"`{verb}`" for verb in SHOWN), "jobs", "attempts", "s", "kept")
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for case in CASES:
        row = rows[case.group, case.name]
        if not row:
            continue
        persistent = [cell for cell in row if cell.persistent]
        jobs = Counter(cell.jobs for cell in persistent if cell.verb == "submit")
        shown = [cell for cell in persistent if cell.verb in SHOWN]
        columns = [
            f"{case.group}: {_escaped(case.name)}",
            *(_outcomes(cell.outcome for cell in persistent if cell.verb == verb) for verb in SHOWN),
            "/".join(map(str, sorted(jobs))),
            str(max((cell.attempts for cell in shown), default=0)),
            f"{max((cell.seconds for cell in shown), default=0.0):.1f}",
            f"{sum(not cell.broken for cell in row)}/{len(row)}",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    return lines


def _outcomes(found: Iterable[str]) -> str:
    return ", ".join(sorted(set(found)))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


if __name__ == "__main__":
    sys.exit(main())
