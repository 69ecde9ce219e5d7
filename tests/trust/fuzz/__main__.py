"""Feed bytes that atheris invents, guided by coverage, to what reads responses: `nox -s fuzz -- http -max_total_time=60`.

Two targets: the HTTP reader, which may raise only what transports turn into errors, and the readers of bodies, which may raise only
msgspec.DecodeError and UnicodeDecodeError, and nothing for the body of an error. Anything else ends the run with the input that caused it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import msgspec

atheris: Any = import_module("atheris")  # it has no types

with atheris.instrument_imports(include=["fluxbase_jobs"]):
    from fluxbase_jobs._operations import error_bodies, readers
    from fluxbase_jobs._transports.http1 import ResponseReader
    from fluxbase_jobs._transports.httpcore_messages import FAULTS

READERS: Final[tuple[Callable[[bytes], Any], ...]] = (
    readers.job,
    readers.jobs,
    readers.lines,
    readers.function,
    readers.functions,
    readers.stats,
    readers.workers,
    readers.namespaces,
)


def read_http(data: bytes) -> None:
    """Feed a response in pieces; a complete one has a status, and a body within the bounds."""
    given, reader = atheris.FuzzedDataProvider(data), ResponseReader()
    with contextlib.suppress(*FAULTS):
        while given.remaining_bytes() and not reader.feed(given.ConsumeBytes(given.ConsumeIntInRange(1, 64))):
            pass
        if not reader.complete:
            reader.end()
        assert 200 <= reader.response().status <= 599


def read_bodies(data: bytes) -> None:
    """Read a body as each of the values it could be, and as an error's."""
    for read in READERS:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            read(data)
    body = error_bodies.read_body(data)
    error_bodies.message_in(body)
    error_bodies.code_of(body)
    for kind in ("application/json", "text/html"):
        error_bodies.message_in_text(data, kind)
        error_bodies.details(data, body, kind)


TARGETS: Final = {"http": read_http, "bodies": read_bodies}


def main() -> None:
    """Fuzz the target that the first argument names; the others are libFuzzer's."""
    target, *options = sys.argv[1:] or ["http"]
    atheris.Setup([sys.argv[0], *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
