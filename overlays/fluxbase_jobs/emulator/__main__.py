"""The program: `python -m fluxbase_jobs.emulator`."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, NoReturn

from .functions import FunctionSet
from .loading import UnusableHandlersError, load_functions
from .options import Options, read_options
from .store import UnusableDatabaseError

if TYPE_CHECKING:
    from pathlib import Path

_EXTRA = {"cronsim", "jwt", "starlette", "uvicorn", "watchfiles"}


def main(arguments: list[str] | None = None) -> None:
    """Run the emulator until it is stopped; leave with a line on stderr if it cannot run."""
    options = read_options(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if options.access_log:
        logging.getLogger("fluxbase_jobs.emulator.access").setLevel(logging.INFO)
    try:
        _serve(options)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        _leave(f'{package} is not installed: run pip install "fluxbase-jobs[emulator]"')


def _serve(options: Options) -> None:
    from .server import UnusableAddressError, serve  # noqa: PLC0415 - needs the extra, which may be missing

    try:
        serve(options.settings, _functions(options.functions), options.host, options.port)
    except (UnusableHandlersError, UnusableAddressError, UnusableDatabaseError) as error:
        _leave(str(error))


def _functions(path: Path | None) -> FunctionSet:
    if path is None:
        return FunctionSet()
    # As for a script: a handlers file may import its neighbours, at once or when a job runs.
    sys.path.insert(0, str(path.resolve().parent))
    return load_functions(path)


def _leave(message: str) -> NoReturn:
    sys.stderr.write(f"fluxbase-jobs emulator: {message}\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
