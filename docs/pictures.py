"""Write the pictures of the command line, docs/pictures/*.svg: real commands on a terminal of 80 by 24, against the emulator.

Run it with `python docs/pictures.py`; it needs both extras and pyte. Names after it make only those pictures.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyte
from attrs import frozen
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

FOLDER: Final = Path(__file__).parent / "pictures"
FUNCTIONS: Final = Path(__file__).with_name("picture_functions.py")
WIDTH, HEIGHT = 80, 24
SECONDS: Final = 60.0
PROGRAM: Final = (sys.executable, "-m", "fluxbase_jobs")
COLOURS: Final = {"default": "", "brown": "yellow"}
"""Names of pyte that Rich calls otherwise."""


@frozen
class Picture:
    """A picture of a terminal.

    Attributes:
        command: what is typed; `{ids}` stands for jobs that `before` submits.
        until: the picture is taken when the screen shows this, a regular expression; None: when the command has ended.
        before: command lines that run before it, unseen.
    """

    command: str
    until: str | None = None
    before: tuple[str, ...] = ()


SLOW: Final = "submit thumbnails --set pictures=40 --set seconds=0.{}"
PICTURES: Final[dict[str, Picture]] = {
    "submit-wait": Picture("submit thumbnails --set width=128 --wait", until=r" [56]\d %"),
    "submit-done": Picture("submit thumbnails --set width=128 --set seconds=0.02 --wait"),
    "submit-failed": Picture("submit thumbnails --set seconds=0.02 --set broken=7 --wait"),
    "follow": Picture("submit thumbnails --set pictures=30 --follow", until=r"picture 18:"),
    "wait-many": Picture("wait {ids}", until=r"(?s) [3-9]\d %.* of 5", before=tuple(SLOW.format(each) for each in (1, 2, 3, 4, 5))),
    "list": Picture("list"),
    "get": Picture("get {ids}", before=("submit report",)),
    "functions": Picture("functions"),
    "doctor": Picture("doctor"),
    "usage": Picture("submit thumbnails --payload \"{'width': 128}\""),
    "help": Picture("--help"),
    "submit-help": Picture("submit --help"),
}


def main() -> None:
    """Make the pictures that are named, or all."""
    names = sys.argv[1:] or [*PICTURES]
    FOLDER.mkdir(exist_ok=True)
    with emulator() as environment:
        for name in names:
            screen = taken(PICTURES[name], environment)
            (FOLDER / f"{name}.svg").write_text(svg(screen, name), "utf-8")
            print(f"docs/pictures/{name}.svg")


@contextmanager
def emulator() -> Generator[dict[str, str]]:
    """Run an emulator with the functions of the pictures; yields the environment for its clients."""
    command = [*PROGRAM, "dev", "--port", "0", "--profile", "2026-03", "--functions", str(FUNCTIONS), "--no-access-log"]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        found: dict[str, str] = {}
        for line in process.stdout or ():
            if export := re.match(r"export (\w+)=(\S+)", line):
                found[export[1]] = export[2]
            if len(found) == 2:
                break
        try:
            yield {**os.environ, **found, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)}
        finally:
            process.terminate()


def taken(picture: Picture, environment: dict[str, str]) -> pyte.Screen:
    """The terminal when the picture is taken."""
    ids = [run(shlex.split(line), environment) for line in picture.before]
    command = picture.command.replace("{ids}", " ".join(ids))
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    shown = picture.command.replace("{ids}", " ".join(f"{each[:8]}..." for each in ids[:3]))
    stream.feed(f"\x1b[32m$\x1b[0m fluxbase-jobs {shown}\r\n")
    process, terminal = started(shlex.split(command), environment)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and (text := read(terminal)) is not None:
        stream.feed(text)
        if picture.until and re.search(picture.until, "\n".join(screen.display).rstrip()):
            break
    process.kill()
    process.wait()
    os.close(terminal)
    return screen


def run(arguments: list[str], environment: dict[str, str]) -> str:
    """What a command prints."""
    return subprocess.run([*PROGRAM, *arguments], env=environment, check=True, capture_output=True, text=True).stdout.strip()


def started(arguments: list[str], environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """A command on a terminal of its own, and that terminal's other end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    process = subprocess.Popen([*PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    return process, ours


def read(terminal: int) -> str | None:
    """What the command has printed meanwhile; None at its end."""
    if not select.select([terminal], [], [], 1)[0]:
        return ""
    try:
        return os.read(terminal, 65536).decode("utf-8", "replace") or None
    except OSError:  # Linux's word for the end of a terminal
        return None


def svg(screen: pyte.Screen, name: str) -> str:
    """The screen as a picture, without what it would load from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    last = max((row for row, line in enumerate(screen.display) if line.strip()), default=0)
    for row in range(last + 1):
        console.print(line_of(screen, row), no_wrap=True, overflow="ignore", crop=False)
    text = console.export_svg(title="fluxbase-jobs", unique_id=f"t-{name}", theme=MONOKAI)
    return re.sub(r"@font-face \{.*?\}\s*", "", text, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")


def line_of(screen: pyte.Screen, row: int) -> Text:
    """A line of the screen with its colours."""
    text = Text()
    for column in range(WIDTH):
        cell = screen.buffer[row][column]
        colour = COLOURS.get(cell.fg, cell.fg)
        colour = f"#{colour}" if re.fullmatch(r"[0-9a-f]{6}", colour) else colour.replace("bright", "bright_")
        flags = [flag for flag in ("bold", "italics", "underscore", "reverse") if getattr(cell, flag)]
        style = " ".join([*(flag.replace("italics", "italic").replace("underscore", "underline") for flag in flags), colour])
        text.append(cell.data, style.strip())
    return text


if __name__ == "__main__":
    main()
