"""A part of the matrix, to be run in a process of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.styles import Style, connect_in_style
from tests.trust.faults.behaviours import CASES, Case
from tests.trust.faults.certificates import write_authority
from tests.trust.faults.matrix import NAMES, Cell, kinds_of, run_cell
from tests.trust.faults.server import MisbehavingServer


def run_part(style: Style, transport: str, names: list[str], step: int) -> list[Cell]:
    """All behaviours and verbs in one style, over one transport, in a process that trusts the server's authority."""
    logging.disable()
    with MisbehavingServer() as server, TemporaryDirectory() as folder:
        write_authority(Path(folder, "roots.pem"))
        os.environ["SSL_CERT_FILE"] = str(Path(folder, "roots.pem"))
        cells = [*_cells(server, style, transport, [case for case in CASES if f"{case.group}/{case.name}" in names[::step]])]
    return [_plain(cell) for cell in cells]


def _cells(server: MisbehavingServer, style: Style, transport: str, cases: list[Case]) -> Iterator[Cell]:
    """Each verb against each behaviour, but for kinds of objects that its answers do not have."""
    with connect_in_style(style, transport) as connect:
        kinds = {verb: kinds_of(connect, server, verb) for verb in NAMES}
    for case in cases:
        with connect_in_style(style, transport) as connect:
            for verb in NAMES:
                if case.schema is None or case.schema in kinds[verb]:
                    yield from (run_cell(connect, server, verb, case, persistent=persistent) for persistent in (False, True))


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
