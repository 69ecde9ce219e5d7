"""Reports how a server differs from the one that this client was built for.

Usage: `nox -s drift -- URL JWT_SECRET [RECORDING]`. The server runs `job-functions/` and is otherwise unused. Three tables say what it
answers otherwise than the newest recording (or the named one), what of its answers openapi.yaml does not allow, and which jobs endpoints
its own `/openapi.json` has that openapi.yaml lacks. The exit code is 1 where any of them has a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from contract import openapi_document, recordings
from contract.compare import Comparer
from contract.openapi_document import METHODS, Description
from contract.record import BadArgument, arguments, exchanges, run
from contract.recorder import Recorder
from contract.recordings import Exchange

Row: TypeAlias = tuple[str, ...]

PREFIXES: Final = ("/api/v1/jobs", "/api/v1/admin/jobs")
WIDTH: Final = 70
"""How much of a value a table shows."""


def main(given: Sequence[str]) -> int:
    """Ask the server and print the tables; 1 where there is a difference."""
    url, secret = arguments(given)
    against = _recording(given[1:])
    endpoints = list(unknown_endpoints(Recorder(url=url, secret=secret)))
    return report(against, exchanges(url, secret), endpoints)


def report(against: str, answered: Sequence[Exchange], endpoints: Sequence[Row]) -> int:
    """Print the tables for these answers and endpoints; 1 where one has a row."""
    comparison = Comparer(recordings.load(against), lossy=True).compare(answered)
    different = [(each.scenario, each.label, each.point, each.recorded, each.answered) for each in comparison.differences]
    undescribed = list(undescribed_answers(answered))
    _print_table(f"Answered otherwise than {against}", ("scenario", "exchange", "point", "recorded", "answered"), different)
    _print_table("Answered, but not allowed by openapi.yaml", ("scenario", "exchange", "fault"), undescribed)
    _print_table("Endpoints that openapi.yaml lacks", ("method", "path"), endpoints)
    agreed = comparison.compared - comparison.different
    print(f"\n{agreed} of {comparison.compared} exchanges agree with {against}; ", end="")
    print(f"{len(undescribed)} faults by openapi.yaml; {len(endpoints)} unknown endpoints")
    return int(bool(different or undescribed or endpoints))


def undescribed_answers(answered: Iterable[Exchange]) -> Iterator[Row]:
    """What in these answers openapi.yaml does not allow, unknown keys included; routes that it does not have are left out."""
    description = Description(openapi_document.load(), strict=True)
    for exchange in answered:
        if operation := description.operation_of(exchange):
            for fault in description.response_violations(operation, exchange):
                yield exchange.scenario, exchange.label, fault


def unknown_endpoints(server: Recorder) -> Iterator[Row]:
    """The jobs endpoints of a server's own description that openapi.yaml lacks, or that it has no description."""
    token = server.token(role="service_role", sub="service_role")
    answer = server.send("", "GET", "/openapi.json", token=token)
    if answer.status != 200 or not answer.fields:
        yield "GET", f"/openapi.json (answered {answer.status}: its endpoints are not known)"
        return
    ours = set(_endpoints(openapi_document.load()))
    yield from sorted(endpoint for endpoint in _endpoints(answer.fields) if endpoint not in ours)


def _endpoints(document: Mapping[str, Any]) -> Iterator[Row]:
    """Method and path of each jobs endpoint, whatever the path's parameters are called."""
    for path, item in document.get("paths", {}).items():
        if re.match(rf"({'|'.join(PREFIXES)})(/|$)", path):
            anonymous = re.sub(r"\{[^}]*\}|:\w+", "{}", path)
            yield from ((method.upper(), anonymous) for method in METHODS if method in item)


def _recording(named: Sequence[str]) -> str:
    """The recording that was named, or the newest one."""
    known = sorted(path.stem for path in recordings.FOLDER.glob("recorded-*.json"))
    if named and named[0] not in known:
        raise BadArgument(f"there is no recording {named[0]!r}: name one of {', '.join(known)}")
    return named[0] if named else recordings.newest()


def _print_table(title: str, columns: Row, rows: Sequence[Row]) -> None:
    """Print the rows under the columns' names, or that there are none."""
    print(f"\n{title}: {len(rows) or 'none'}")
    if not rows:
        return
    cells = [columns, *(tuple(_short(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    for row in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."


if __name__ == "__main__":
    run("drift", main)
