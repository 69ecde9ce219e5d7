"""Cron expressions as the real server reads them, by the rules of the Go library robfig/cron v3 with optional seconds.

They differ from those of cronsim, which finds the moments here, so each field is rewritten for it: `?` is `*`, the day of the
week ends with 6, `*/2` in a day field is a restriction like `1-31/2` (so that with both day fields restricted either is
enough), and there is neither `L` nor `#`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from attrs import frozen
from cronsim import CronSim, CronSimError

_NANOSECONDS = 1_000_000_000
_SHORTEST_SECONDS = 60
_LONGEST_SECONDS = 2**63 / _NANOSECONDS
"""What fits into the 64 bits of Go's durations."""
_TOO_OFTEN = "it is due more than once a minute, which the server refuses"


class InvalidCronError(ValueError):
    """The server would not take this expression; the text says why."""


class Rhythm(Protocol):
    """When something is due, again and again."""

    def next_after(self, ns: int) -> int | None:
        """Return the first moment after this one, both in nanoseconds since 1970; None if there is no further one."""
        ...


@frozen
class _Interval:
    """Every so many seconds, counted from when it is asked."""

    seconds: int

    def next_after(self, ns: int) -> int | None:
        return (ns // _NANOSECONDS + self.seconds) * _NANOSECONDS


@frozen
class _Calendar:
    """At the moments that match six fields, as cronsim writes them."""

    fields: str
    zone: tzinfo

    def next_after(self, ns: int) -> int | None:
        start = datetime.fromtimestamp(ns // _NANOSECONDS, self.zone)
        moment = next(CronSim(self.fields, start), None)
        return None if moment is None else int(moment.timestamp()) * _NANOSECONDS


@frozen
class _Field:
    name: str
    low: int
    high: int


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12),
    _Field("day of week", 0, 6),
)
_PART = re.compile(r"(?P<low>\d{1,9}|[A-Z]{3}|[*?])(?:-(?P<high>\d{1,9}|[A-Z]{3}))?(?:/(?P<step>\d{1,9}))?", re.ASCII)
_ZONED = re.compile(r"(?:CRON_)?TZ=(?P<zone>\S*)\s+(?P<rest>.*)", re.DOTALL)
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_SPAN = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


def read_cron(expression: str) -> Rhythm:
    """Read an expression: five fields, six with the second first, `@daily` and the like, or `@every 1h30m`.

    Before the fields, `TZ=Europe/Berlin ` names their time zone; without it they are in UTC.

    Raises:
        InvalidCronError: it cannot be read, is never due, or is due more than once a minute.

    """
    zoned = _ZONED.fullmatch(expression)
    if zoned:
        return _read(zoned["rest"].strip(), _zone(zoned["zone"]))
    return _read(expression, UTC)


def _read(expression: str, zone: tzinfo) -> Rhythm:
    if expression.startswith(_EVERY):
        return _interval(expression.removeprefix(_EVERY))
    fields = _NAMED.get(expression, expression).upper().split()
    if expression.startswith("@") and expression not in _NAMED:
        message = f"the names are {', '.join(_NAMED)} and @every with a time"
        raise InvalidCronError(message)
    if len(fields) not in {5, 6}:
        message = f"fields: {len(fields)}"
        raise InvalidCronError(message)
    texts = fields if len(fields) == len(_FIELDS) else ["0", *fields]
    return _calendar(" ".join(_rewritten(text, field) for text, field in zip(texts, _FIELDS, strict=True)), zone)


def _calendar(fields: str, zone: tzinfo) -> Rhythm:
    try:
        seconds = CronSim(fields, datetime.now(zone)).seconds
    except CronSimError as error:
        raise InvalidCronError(str(error).lower()) from error
    if len(seconds) > 1:
        raise InvalidCronError(_TOO_OFTEN)
    return _Calendar(fields, zone)


def _rewritten(text: str, field: _Field) -> str:
    parts = [_part(part, field) for part in text.split(",") if part] or [_part("", field)]
    # One star makes the whole field unrestricted.
    return "*" if "*" in parts else ",".join(parts)


def _part(text: str, field: _Field) -> str:
    match = _PART.fullmatch(text)
    if match is None:
        message = f"bad {field.name}"
        raise InvalidCronError(message)
    low, high, step = match.group("low", "high", "step")
    if low in {"*", "?"}:
        return "*" if step is None or int(step) == 1 else f"{field.low}-{field.high}/{step}"
    if any(end and end.isdigit() and int(end) > field.high for end in (low, high)):
        message = f"the {field.name} is {field.low} to {field.high}"
        raise InvalidCronError(message)
    if step and not high:
        high = str(field.high)
    return low + (f"-{high}" if high else "") + (f"/{step}" if step else "")


def _interval(text: str) -> Rhythm:
    spans = list(_SPAN.finditer(text))
    if not spans or "".join(span[0] for span in spans) != text:
        message = "after @every stands a time such as 90s or 1h30m"
        raise InvalidCronError(message)
    seconds = sum(float(span["number"]) * _UNITS[span["unit"]] for span in spans)
    if seconds < _SHORTEST_SECONDS:
        raise InvalidCronError(_TOO_OFTEN)
    if not seconds < _LONGEST_SECONDS:
        message = "the time after @every is longer than 292 years"
        raise InvalidCronError(message)
    return _Interval(int(seconds))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # no such zone, no name of one, a folder of zones
        message = f"there is no time zone {name}"
        raise InvalidCronError(message) from error
