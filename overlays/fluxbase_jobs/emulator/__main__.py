"""`python -m fluxbase_jobs.emulator`: exit cleanly on a signal from the very start, then run `cli.main`."""

from __future__ import annotations

import os
import signal
from types import FrameType


def _exit_at_once(_number: int, _frame: FrameType | None) -> None:
    """Exit while nothing is served yet. Not by an exception, which would be raised inside a handlers file being loaded."""
    os._exit(0)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit_at_once)

    from .cli import OWN_NAME, main

    main(program=globals().get("PROGRAM", OWN_NAME))  # the name under which another program runs this one
