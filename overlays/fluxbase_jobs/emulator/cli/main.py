"""The program: from the command line to a server, or to the one line that says why not."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

from ..handlers.decorator import FunctionSet
from ..handlers.loader import UnusableHandlersError
from ..optional_dependencies import HOW_TO_INSTALL, missing_package
from ..store import UnusableDatabaseError
from .options import Options, read_options


def main(arguments: list[str] | None = None) -> None:
    """Run the emulator until it is stopped; leave with a line on stderr if it cannot run."""
    options = read_options(arguments)
    _write_log(options)
    try:
        _serve(options)
    except ModuleNotFoundError as error:
        package = missing_package(error)
        if package is None:
            raise
        _leave(f"{package} is not installed: {HOW_TO_INSTALL}")


def _write_log(options: Options) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("fluxbase_jobs.emulator.server.reloader").setLevel(logging.INFO)
    if options.access_log:
        logging.getLogger("fluxbase_jobs.emulator.access").setLevel(logging.INFO)


def _serve(options: Options) -> None:
    # These need the extra, which may be missing.
    from ..handlers.handlers_file import HandlersFile  # noqa: PLC0415
    from ..server.serve import serve  # noqa: PLC0415
    from ..server.sockets import UnusableAddressError  # noqa: PLC0415

    handlers = HandlersFile(options.functions) if options.functions else None
    try:
        functions = handlers.load() if handlers else FunctionSet()
        serve(options.settings, functions, options.host, options.port, handlers if options.reload else None)
    except (UnusableHandlersError, UnusableAddressError, UnusableDatabaseError) as error:
        _leave(str(error))


def _leave(message: str) -> NoReturn:
    sys.stderr.write(f"fluxbase-jobs emulator: {message}\n")
    sys.exit(1)
