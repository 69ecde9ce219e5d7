"""Programs on a terminal of 80 by 24, and what its screen shows; skipped where there are no such terminals."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

import pyte
import pytest
from attrs import define

WIDTH = 80
HEIGHT = 24
SECONDS = 60.0


@define
class Terminal:
    """A program on a terminal."""

    process: subprocess.Popen[bytes]
    ours: int
    screen: pyte.Screen
    stream: pyte.Stream
    raw: str = ""

    def read(self) -> bool:
        """Show what the program has printed meanwhile; whether it may print more."""
        if not select.select([self.ours], [], [], 0.1)[0]:
            return True
        try:
            text = os.read(self.ours, 65536).decode("utf-8", "replace")
        except OSError:  # how Linux tells the end of a terminal
            return False
        self.raw += text
        self.stream.feed(text)
        return bool(text)

    def until(self, text: str) -> None:
        """Wait until the screen shows a text."""
        end = time.monotonic() + SECONDS
        while text not in "\n".join(self.screen.display):
            assert time.monotonic() < end, self.lines
            assert self.read(), self.lines

    def end(self) -> int:
        """Wait for the program's end; its exit code."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.read():
            pass
        os.close(self.ours)
        return self.process.wait(10)

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self.ours, keys.encode())

    @property
    def lines(self) -> list[str]:
        """The screen without empty lines at its end."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip().splitlines()

    @property
    def all_lines(self) -> list[str]:
        """What one sees after scrolling up: the lines that have left the screen, and those on it."""
        screen = pyte.HistoryScreen(WIDTH, HEIGHT, history=10_000)
        pyte.Stream(screen).feed(self.raw)
        above = ["".join(line[column].data for column in range(WIDTH)) for line in screen.history.top]
        return [line.rstrip() for line in (*above, *screen.display)]


def terminal_of(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Terminal:
    """Start a Python program on a terminal of its own."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    known = {"TERM": "xterm-256color", **(os.environ if environment is None else environment)}
    known = {name: value for name, value in known.items() if name not in {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"} or environment}
    command = [sys.executable, *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=known, preexec_fn=own_terminal)  # noqa: PLW1509  # the child of a test has no threads
    os.close(theirs)
    screen = pyte.Screen(WIDTH, HEIGHT)
    return Terminal(process, ours, screen, pyte.Stream(screen))


def screen_of(program: str) -> list[str]:
    """The lines that the screen shows after a program, which must succeed."""
    terminal = terminal_of(["-W", "error", "-c", program])
    assert terminal.end() == 0, terminal.lines
    return terminal.lines
