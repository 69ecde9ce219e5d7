"""The lines of a log, from a WebSocket and over HTTP: in the order of their numbers, none twice, with a note where lines are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice, pairwise
from typing import Any, Final, TypeAlias, cast

from attrs import define, field
from msgspec.structs import replace

from ..models.jobs import LogLine

GAP_SECONDS: Final = 3.0
"""Seconds that log lines are held back while earlier ones are missing: they come out of order, and HTTP shows them up to 2 s late."""
LATE_GAP_SECONDS: Final = 20.0
"""The same where the log that HTTP shows does not reach the gap yet: busy servers write it late."""
HIDDEN_GAP_SECONDS: Final = 0.5
"""The same where the server hides its logs from HTTP."""

REMEMBERED: Final = 10_000
"""How many lines are remembered one by one, so that none is given twice; twice as many before the oldest are forgotten."""
Given: TypeAlias = dict[tuple[int, int], datetime]
"""When each line was written, by its number and the hash of its text: a text may be long, and logs have many."""


def number_of(line: LogLine) -> int:
    """A line's number; zero where it has none, so that it comes before all others."""
    return line.line_number or 0


def merged(shown: Sequence[LogLine], heard: Sequence[LogLine]) -> list[LogLine]:
    """The lines of both, by number; a line that both have is the shown one, which has the server's id."""
    if not heard:
        return [*shown]
    known = {(line.line_number, line.message) for line in shown}
    new = [line for line in heard if (line.line_number, line.message) not in known]
    return sorted([*shown, *new], key=number_of) if new else [*shown]


@define
class LineOrder:
    """Puts log lines that come in any order, from two sources, into the order of their numbers; each is given once.

    A line is held back while earlier ones are missing, but not for ever: then it comes with a note that says which are missing.
    """

    after: int
    """The number up to which all lines were given, or given up."""
    not_before: datetime | None = None
    """When the attempt began that is followed; earlier lines belong to another one."""
    gap_since: float | None = None
    """Since when lines are held back, on the monotonic clock."""
    _held: dict[int, LogLine] = field(factory=dict[int, LogLine])
    _late: list[LogLine] = field(factory=list[LogLine])
    _given: Given = field(factory=Given)
    """The lines of this attempt that were given."""
    _earlier: int = 0
    """The highest number that an earlier attempt is known to have: if this one's numbers go on, they begin after it."""
    _earlier_given: Given = field(factory=Given)
    """The lines of earlier attempts that were given."""
    _forgotten: tuple[int, datetime] | None = None
    """The highest number and the latest time of the lines that are no longer remembered: none up to both is given again."""

    def __attrs_post_init__(self) -> None:
        self._earlier = self.after

    @property
    def has_gap(self) -> bool:
        """Whether lines are held back."""
        return bool(self._held)

    def is_behind(self, number: int) -> bool:
        """Whether the first line that is held back comes before a number, or is it."""
        return bool(self._held) and min(self._held) <= number

    def held_for(self, now: float, hold: float) -> float:
        """The seconds until the lines that are held back are given all the same."""
        return 0.0 if self.gap_since is None else max(0.0, self.gap_since + hold - now)

    def add(self, lines: Iterable[LogLine], now: float) -> None:
        """Take lines of either source."""
        for line in lines:
            number = number_of(line)
            if self._is_given(line, self._given):
                continue
            if self.not_before is not None and line.timestamp < self.not_before:
                self._add_earlier(line)
                continue
            if number > self.after:
                self._held.setdefault(number, line)
            else:
                self._late.append(line)
                self._remember(line, self._given)
        self._note_gap(now)

    def _add_earlier(self, line: LogLine) -> None:
        """Give a line of an earlier attempt at once, unless it was given."""
        self._earlier = max(self._earlier, number_of(line))
        if not self._is_given(line, self._earlier_given):
            self._remember(line, self._earlier_given)
            self._late.append(line)

    def _is_given(self, line: LogLine, given: Given) -> bool:
        number, at = self._forgotten or (0, line.timestamp)
        return _key(line) in given or (number_of(line) <= number and line.timestamp <= at)

    def _remember(self, line: LogLine, given: Given) -> None:
        """Remember that a line was given, and forget the oldest lines where there are many."""
        given[_key(line)] = line.timestamp
        if len(given) > 2 * REMEMBERED:
            forgotten = [(key[0], given.pop(key)) for key in [*islice(given, REMEMBERED)]]
            forgotten += [] if self._forgotten is None else [self._forgotten]
            self._forgotten = max(number for number, _ in forgotten), max(at for _, at in forgotten)

    def restart(self, started_at: datetime | None) -> None:
        """Follow another attempt: its numbers go on, or begin from 1 again. Some of its lines may have been given already."""
        given, self._given = self._given, {line: at for line, at in self._given.items() if started_at is not None and at >= started_at}
        self._earlier_given |= {line: at for line, at in given.items() if line not in self._given}
        self._earlier = max((number for number, _ in self._earlier_given), default=self._earlier)
        for number, line in [*self._held.items()]:
            if started_at is None or line.timestamp < started_at:
                self._add_earlier(self._held.pop(number))
        self.not_before, self.after = started_at, max((number for number, _ in self._given), default=0)

    def take(self, now: float, hold: float) -> list[tuple[LogLine, str | None]]:
        """The lines whose turn it is, each with what to say where lines before it are missing."""
        taken: list[tuple[LogLine, str | None]] = [(line, None) for line in sorted(self._late, key=number_of)]
        self._late = []
        while self._held:
            first = self.after + 1 if self.after + 1 in self._held else min(self._held)
            before = self._earlier if self.after < self._earlier < first else self.after
            missing = first > before + 1
            if missing and now - (now if self.gap_since is None else self.gap_since) < hold:
                break
            line = self._held.pop(first)
            taken.append((line, gap_note(before + 1, first - 1) if missing else None))
            self._remember(line, self._given)
            self.after = first
            self.gap_since = None
        self._note_gap(now)
        return taken

    def _note_gap(self, now: float) -> None:
        """Note since when lines are held back. Those that need not wait are taken at once, and the time then starts again."""
        self.gap_since = (now if self.gap_since is None else self.gap_since) if self._held else None


def _key(line: LogLine) -> tuple[int, int]:
    return number_of(line), hash(line.message)


def gap_line(note: str, before: LogLine) -> LogLine:
    """What stands in a followed log where lines are missing: a warning without a number, at the time of the line after it."""
    line = replace(cast("Any", before), id=f"{before.id}:gap", level="warn", message=note, line_number=None)
    return cast("LogLine", line)


def missing_note(lines: Sequence[LogLine], after: int, kept: int | None) -> tuple[str, ...]:
    """What to say of the lines after a number that are not among these; nothing where all are there. See `ClientMemory.kept`."""
    numbers = sorted({after, *(number for line in lines if (number := number_of(line)) > after)})
    gaps = [(before + 1, number - 1) for before, number in pairwise(numbers) if number > before + 1]
    return (gap_note(gaps[0][0], gaps[-1][1], sum(last - first + 1 for first, last in gaps), kept),) if gaps else ()


def gap_note(first: int, last: int, count: int | None = None, kept: int | None = None) -> str:
    """What to say of lines that are not there: all from the first to the last, or so many of them, of which some came but were not kept."""
    which = f"line {first}" if first == last else f"lines {first} to {last}"
    which = which if count in {None, last - first + 1} else f"{count} of the {which}"
    if kept is not None:
        return f"{which} of the log are not kept, or did not come: the client keeps the last {kept:,} of those that came over its WebSocket"
    return f"{which} of the log did not come: the server dropped them, or wrote them before this client listened"
