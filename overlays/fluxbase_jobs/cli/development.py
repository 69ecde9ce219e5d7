"""`dev`: the emulator, under the program's own name."""

from __future__ import annotations

import runpy
import sys
from typing import Annotated, Final

from cyclopts import Parameter

_EMULATOR: Final = "fluxbase_jobs.emulator"


def dev(*options: Annotated[str, Parameter(name="OPTIONS", allow_leading_hyphen=True)]) -> None:
    """Start the emulator, a server to develop against; `dev --help` lists its options.

    Args:
        options: the options of the emulator, e.g. --functions handlers.py --port 8080.
    """
    sys.argv[1:] = options
    runpy.run_module(_EMULATOR, init_globals={"PROGRAM": "fluxbase-jobs dev"}, run_name="__main__", alter_sys=False)
