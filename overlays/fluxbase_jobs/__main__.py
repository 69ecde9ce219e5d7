"""`python -m fluxbase_jobs`, and the program `fluxbase-jobs`: run the command line, or say what to install."""

from __future__ import annotations

import sys
from typing import Final

from . import __version__

_PACKAGES: Final = frozenset({"cyclopts", "rich"})


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] == ["--version"]:  # alone it needs no command, and they take most of the start
        sys.stdout.write(f"{__version__}\n")
        return
    try:
        from .cli.app import run  # noqa: PLC0415  # needs the extra, which may be missing
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        sys.stderr.write(
            f'fluxbase-jobs: {package} is not installed: run pip install ".[cli]" in a clone, or pip install "fluxbase-jobs[cli]" once it is published\n'
        )
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
