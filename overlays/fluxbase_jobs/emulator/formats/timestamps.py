"""Timestamps and durations as the server formats and parses them: Go's RFC 3339 and duration texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

_RFC3339: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)T(?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d+))?(?P<zone>Z|[+-]\d\d:\d\d)",
    re.ASCII,
)
_WHOLE_DAY: Final = "24:00"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_EPOCH: Final = _EPOCH.replace(tzinfo=None)
_MICROSECOND: Final = timedelta(microseconds=1)


@frozen
class Timestamp:
    """A time that a client sent."""

    micros: int
    """Microseconds since 1970, as the database stores it."""
    echo: str
    """The text that the response to the request contains."""
    is_storable: bool = True
    """False for an offset of a whole day, which Go takes and PostgreSQL refuses."""


def rfc3339(micros: int) -> str:
    """Format microseconds since 1970 as UTC text without trailing zeros."""
    return rfc3339_nanos(micros * 1_000)


def rfc3339_nanos(nanos: int) -> str:
    """Format nanoseconds since 1970 as UTC text without trailing zeros."""
    whole, fraction = divmod(nanos, 1_000_000_000)
    text = (_UTC_EPOCH + timedelta(seconds=whole)).isoformat(timespec="seconds")
    return f"{text}{_fraction(f'{fraction:09d}')}Z"


def postgres_timestamp(micros: int) -> str:
    """Format microseconds since 1970 as PostgreSQL prints them in JSON: `2026-11-23T17:50:38.2795+00:00`."""
    return f"{rfc3339(micros).removesuffix('Z')}+00:00"


def read_timestamp(text: str) -> Timestamp:
    """Parse RFC 3339 with an offset; the server rejects every other form (schedule).

    Raises:
        ValueError: the text has another form, or no such time exists.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not RFC 3339")
    day, time, fraction, zone = match["day"], match["time"], match["fraction"] or "", match["zone"]
    # The echo keeps nine digits of the fraction, the database six; the rest is cut off (schedule: nanoseconds).
    if zone[1:] == _WHOLE_DAY:
        return evolve(read_timestamp(f"{day}T{time}Z"), is_storable=False)
    at = datetime.fromisoformat(f"{day}T{time}{zone}")
    micros = (_in_utc(at) - _EPOCH) // _MICROSECOND + int(fraction[:6].ljust(6, "0"))
    echo_zone = "Z" if at.utcoffset() == timedelta() else zone
    return Timestamp(micros, f"{day}T{time}{_fraction(fraction[:9])}{echo_zone}")


def duration(seconds: int) -> str:
    """Format whole seconds as `2s`, `5m0s`, `1h0m0s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("before the first or after the last year") from error


def _fraction(digits: str) -> str:
    digits = digits.rstrip("0")
    return f".{digits}" if digits else ""
