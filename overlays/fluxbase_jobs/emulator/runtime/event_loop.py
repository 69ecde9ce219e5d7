"""Event loops for threads of ours, also where tests forbid sockets.

An event loop wakes itself up through a pair of sockets, by asyncio's default. pytest-socket's `--disable-socket` replaces
`socket.socket` by a class that refuses that, so there the loop gets a pipe.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_CHUNK: Final = 4096


class PipeEventLoop(asyncio.SelectorEventLoop):
    """asyncio's event loop, with a pipe in place of the pair of sockets. Not for the main thread: signals do not wake it up."""

    def _make_self_pipe(self) -> None:
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._add_reader(self._wake_reader, self._read_from_self)  # type: ignore[attr-defined]

    def _close_self_pipe(self) -> None:
        self._remove_reader(self._wake_reader)  # type: ignore[attr-defined]
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _read_from_self(self) -> None:
        with suppress(BlockingIOError):
            while len(os.read(self._wake_reader, _CHUNK)) == _CHUNK:
                pass

    def _write_to_self(self) -> None:
        with suppress(OSError):  # the pipe is full: the loop wakes up anyway; or closed, as the loop is
            os.write(self._wake_writer, b"\0")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes event loops for `asyncio.Runner` now; None is asyncio's own way."""
    are_sockets_forbidden = socket.socket.__module__ != "socket"
    return PipeEventLoop if are_sockets_forbidden else None
