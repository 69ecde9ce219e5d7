"""A part of the matrix, to be run in a process of its own."""

from __future__ import annotations

import logging

from tests.support.styles import Style, connect_in_style
from tests.trust.faults.behaviours import CASES, Case
from tests.trust.faults.matrix import NAMES, Cell, run_cell
from tests.trust.faults.server import MisbehavingServer


def run_part(style: Style, transport: str, names: list[str], step: int) -> list[Cell]:
    """All behaviours and verbs in one style, over one transport."""
    logging.disable()
    cells = list[Cell]()
    by_name = {f"{case.group}/{case.name}": case for case in CASES}
    with MisbehavingServer() as server:
        for name in names[::step]:
            with connect_in_style(style, transport) as connect:
                cells += [
                    run_cell(connect, server, verb, by_name[name], persistent=persistent) for verb in NAMES for persistent in (False, True)
                ]
    return [_plain(cell) for cell in cells]


def _plain(cell: Cell) -> Cell:
    """A cell that can be pickled: its behaviour without the function."""
    return Cell(
        cell.verb,
        Case(cell.case.group, cell.case.name, bool),  # type: ignore[arg-type]  # only the names are reported
        cell.style,
        cell.transport,
        cell.persistent,
        cell.outcome,
        cell.attempts,
        cell.seconds,
        cell.jobs,
        cell.broken,
    )
