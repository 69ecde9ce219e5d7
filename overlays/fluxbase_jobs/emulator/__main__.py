"""`python -m fluxbase_jobs.emulator`: see `program`."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def _stop_at_once(_number: int, _frame: FrameType | None) -> None:
    """End while nothing is served yet: not by an exception, which a handlers file that is being read would get."""
    os._exit(0)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop_at_once)

    from .cli.main import main

    main()
