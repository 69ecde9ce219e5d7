"""Schedules of job functions: a cron expression and, after a `|`, parameters for the jobs that it creates.

The server parses cron expressions with the Go library robfig/cron v3, with optional seconds. The emulator computes due times with
cronsim, whose rules differ, so it rewrites each field: `?` becomes `*`, days of the week end at 6, `*/2` in a day field becomes
`1-31/2` (a restriction; if both day fields are restricted, either may match), and `L` and `#` are rejected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from attrs import field, frozen
from cronsim import CronSim, CronSimError

from .json_text import InvalidJSONError, JSONValue, jsonb_text, normalise, parse
from .timestamps import rfc3339

_NANOSECONDS: Final = 1_000_000_000
_MIN_SECONDS: Final = 60
_MAX_SECONDS: Final = 2**63 / _NANOSECONDS
"""What fits into the 64 bits of Go's durations."""
_TOO_OFTEN: Final = "it is due more than once a minute, which the server refuses"
_FORMS: Final = 'write five fields such as "*/5 * * * *", six with the second first, @hourly or "@every 90s"'


class InvalidScheduleError(ValueError):
    """The server stores this schedule but never creates a job for it.

    The message gives the reason in one line and leaves out the parameters.
    """


class InvalidCronError(ValueError):
    """The server cannot parse this cron expression; the message gives the reason."""


class Recurrence(Protocol):
    """The due times of a cron expression."""

    def next_after(self, ns: int) -> int | None:
        """The first due time after `ns`, both in nanoseconds since 1970; None if there is none."""
        ...


@frozen
class Schedule:
    """When jobs are created, and with which payload."""

    recurrence: Recurrence
    params: Mapping[str, JSONValue] = field(repr=False)

    def next_after(self, ns: int) -> int | None:
        """The first due time after `ns`, both in nanoseconds since 1970; None if there is none."""
        return self.recurrence.next_after(ns)

    def payload(self, ns: int) -> str:
        """The payload, as jsonb text, of a job created at `ns`; parameters may override the fields that the server sets.

        Raises:
            NulInTextError: the parameters contain U+0000.
        """
        second = rfc3339(ns // _NANOSECONDS * 1_000_000)
        return jsonb_text(normalise({"_trigger": "cron", "_scheduled_at": second, **self.params}))


def read_schedule(text: str) -> Schedule:
    """Parse a schedule.

    Raises:
        InvalidScheduleError: the server would not create jobs for it.
    """
    # The server splits at the last bar, even if it is part of the parameters.
    before, bar, after = text.rpartition("|")
    try:
        return Schedule(read_cron(before), _params(after)) if bar else Schedule(read_cron(text), {})
    except InvalidCronError as error:
        expression, _, params = text.partition("|")
        reason = "the parameters may hold no |" if "|" in params else error
        raise InvalidScheduleError(f"schedule {expression!r} cannot be followed ({reason}): {_FORMS}") from error


def _params(text: str) -> Mapping[str, JSONValue]:
    try:
        params = parse(text.encode("utf-8", "surrogatepass"))
    except InvalidJSONError:
        params = text
    if isinstance(params, dict | None):
        return params or {}
    raise InvalidCronError("what follows the last | is no JSON object")


@frozen
class _Interval:
    """Due every `seconds`, counted from the given time."""

    seconds: int

    def next_after(self, ns: int) -> int | None:
        return (ns // _NANOSECONDS + self.seconds) * _NANOSECONDS


@frozen
class _Calendar:
    """Due whenever six fields in cronsim's syntax match."""

    fields: str
    zone: tzinfo

    def next_after(self, ns: int) -> int | None:
        start = datetime.fromtimestamp(ns // _NANOSECONDS, self.zone)
        moment = next(CronSim(self.fields, start), None)
        return None if moment is None else int(moment.timestamp()) * _NANOSECONDS


@frozen
class _Field:
    """The name and range of a cron field."""

    name: str
    low: int
    high: int


_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12),
    _Field("day of week", 0, 6),
)
_PART: Final = re.compile(r"(?P<low>\d{1,9}|[A-Z]{3}|[*?])(?:-(?P<high>\d{1,9}|[A-Z]{3}))?(?:/(?P<step>\d{1,9}))?", re.ASCII)
_ZONED: Final = re.compile(r"(?:CRON_)?TZ=(?P<zone>\S*)\s+(?P<rest>.*)", re.DOTALL)
_NAMED: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY: Final = "@every "
_SPAN: Final = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


def read_cron(expression: str) -> Recurrence:
    """Parse an expression: five fields, six with the second first, a name such as `@daily`, or `@every 1h30m`.

    `TZ=Europe/Berlin ` before the fields sets their time zone; the default is UTC.

    Raises:
        InvalidCronError: it cannot be parsed, is never due, or is due more than once a minute.
    """
    zoned = _ZONED.fullmatch(expression)
    if zoned:
        return _read(zoned["rest"].strip(), _zone(zoned["zone"]))
    return _read(expression, UTC)


def _read(expression: str, zone: tzinfo) -> Recurrence:
    if expression.startswith(_EVERY):
        return _interval(expression.removeprefix(_EVERY))
    fields = _NAMED.get(expression, expression).upper().split()
    if expression.startswith("@") and expression not in _NAMED:
        raise InvalidCronError(f"the names are {', '.join(_NAMED)} and @every with a time")
    if len(fields) not in {5, 6}:
        raise InvalidCronError(f"fields: {len(fields)}")
    texts = fields if len(fields) == len(_FIELDS) else ["0", *fields]
    return _calendar(" ".join(_rewritten(text, field) for text, field in zip(texts, _FIELDS, strict=True)), zone)


def _calendar(fields: str, zone: tzinfo) -> Recurrence:
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
        raise InvalidCronError(f"bad {field.name}")
    low, high, step = match.group("low", "high", "step")
    if low in {"*", "?"}:
        return "*" if step is None or int(step) == 1 else f"{field.low}-{field.high}/{step}"
    if any(end and end.isdigit() and int(end) > field.high for end in (low, high)):
        raise InvalidCronError(f"the {field.name} is {field.low} to {field.high}")
    if step and not high:
        high = str(field.high)
    return low + (f"-{high}" if high else "") + (f"/{step}" if step else "")


def _interval(text: str) -> Recurrence:
    spans = list(_SPAN.finditer(text))
    if not spans or "".join(span[0] for span in spans) != text:
        raise InvalidCronError("after @every stands a time such as 90s or 1h30m")
    seconds = sum(float(span["number"]) * _UNITS[span["unit"]] for span in spans)
    if seconds < _MIN_SECONDS:
        raise InvalidCronError(_TOO_OFTEN)
    if not seconds < _MAX_SECONDS:
        raise InvalidCronError("the time after @every is longer than 292 years")
    return _Interval(int(seconds))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # no such zone, no name of one, a folder of zones
        raise InvalidCronError(f"there is no time zone {name}") from error
