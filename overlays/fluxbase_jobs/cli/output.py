"""What commands print on stdout: tables for people, plain columns for pipes, JSON for programs."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, TextIO, TypeAlias

from attrs import frozen
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from .exits import CommandError

Cell: TypeAlias = str | Text

_PIPED_WIDTH: Final = 100_000
"""Wide enough that no column is cut where a program reads it."""
_GAP: Final = 2
_LEAST_WIDTH: Final = 8
"""A column that is cut keeps this much."""
_STYLES: Final = {
    "completed": "green",
    "failed": "red",
    "interrupted": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "pending": "dim",
    "error": "red",
    "warn": "yellow",
    "warning": "yellow",
    "debug": "dim",
}


@frozen
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        is_cut: whether it gives way where the terminal is narrow.
        is_number: whether it is aligned to the right.
    """

    title: str
    is_cut: bool = False
    is_number: bool = False


@frozen
class Output:
    """Prints what a command found.

    Attributes:
        is_json: whether it is for a program: one object a line.
    """

    is_json: bool

    def record(self, value: Any) -> None:
        """Print one object as one line of JSON."""
        stream = stdout()
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        try:
            text.encode(stream.encoding or "utf-8")
        except UnicodeEncodeError:  # a lone surrogate, or a console of another encoding
            text = json.dumps(value, separators=(",", ":"))
        write(text + "\n")

    def records(self, values: Iterable[Any]) -> None:
        """Print objects that have `to_dict`, one a line."""
        for value in values:
            self.record(value.to_dict())

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], empty: str) -> None:
        """Print rows under headings; `empty` is what to say on a terminal where there are none."""
        lines = [*rows]
        if not lines:
            if is_terminal():
                self.show(Text(empty, "dim"))
            return
        width = shutil.get_terminal_size().columns if is_terminal() else _PIPED_WIDTH
        fits = sum(_widths(columns, lines, width)) + _GAP * (len(columns) - 1) <= width
        self.show(_table(columns, lines, width) if fits else _one_below_the_other(columns, lines))

    def pairs(self, rows: Iterable[tuple[str, RenderableType]]) -> None:
        """Print names and values, one pair a line."""
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(name, value)
        self.show(table)

    def show(self, renderable: RenderableType) -> None:
        """Print something of Rich: coloured on a terminal, plain elsewhere."""
        printed = _Rendered()
        console = Console(file=printed, highlight=False, markup=False, width=None if is_terminal() else _PIPED_WIDTH)
        console.print(renderable, soft_wrap=isinstance(renderable, Text))
        # Through `sys.stdout`, which a live bar replaces to keep its lines below what is printed.
        write("".join(line.rstrip(" ") + "\n" for line in printed.getvalue().splitlines()))


class _Rendered(io.StringIO):
    """What is to be printed, rendered as for stdout."""

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return is_terminal()


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", show_header=True)
    for column, room in zip(columns, _widths(columns, rows, width), strict=True):
        table.add_column(column.title, no_wrap=True, overflow="ellipsis", justify="right" if column.is_number else "left", width=room)
    for row in rows:
        table.add_row(*row)
    return table


def _one_below_the_other(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Text:
    """The rows where the terminal is too narrow for columns: each cell on its own line after its heading, so that nothing is cut."""
    room = max(len(column.title) for column in columns) + _GAP
    blocks = [
        Text("\n").join(Text.assemble((column.title.ljust(room), "bold"), cell) for column, cell in zip(columns, row, strict=True) if cell)
        for row in rows
    ]
    return Text("\n\n").join(blocks)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """The width of each column. Where there is no room for all, the last of those that may be cut give way first."""
    widths = [max(cell_len(str(cell)) for cell in (column.title, *cells)) for column, *cells in zip(columns, *rows, strict=True)]
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    for number in reversed(range(len(columns))):
        if columns[number].is_cut and excess > 0:
            taken = min(excess, max(widths[number] - _LEAST_WIDTH, 0))
            widths[number] -= taken
            excess -= taken
    return widths


def json_text(value: Any) -> RenderableType:
    """A value as indented JSON, coloured on a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return Syntax(text, "json", background_color="default", word_wrap=True) if is_terminal() else Text(text)


def styled(word: str) -> Text:
    """A status or a level in its colour."""
    return Text(safe(word), _STYLES.get(word, ""))


def safe(text: str) -> str:
    """A server's text in one line, without characters that could change the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def is_terminal() -> bool:
    """Whether a person reads stdout."""
    return stdout().isatty()


def stdout() -> TextIO:
    """The stream. Raises CommandError where it was closed before the program started."""
    stream: TextIO | None = sys.stdout
    if stream is None:
        raise CommandError("stdout is closed", "send the output to a file, or to /dev/null where you need none")
    return stream


def write(text: str) -> None:
    """Write to stdout at once, so that a reader gets each line when it is there."""
    stream = stdout()
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise unwritable(error) from None


def unwritable(error: OSError | ValueError) -> CommandError:
    """The error of an output that takes no more."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CommandError(f"the output cannot be written: {reason}", "free some space, or send it elsewhere")
