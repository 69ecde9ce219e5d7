"""Timestamps and durations in Go's texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from fluxbase_jobs.emulator.formats.timestamps import duration, read_timestamp, rfc3339, rfc3339_nanos
from hypothesis import given, settings
from hypothesis import strategies as st

REPEATABLE = settings(derandomize=True)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@REPEATABLE
@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=OFFSETS))  # noqa: DTZ001 - the strategy adds the zone
def test_reading(moment: datetime) -> None:
    """A time with any offset is the same timestamp, and the echo keeps the offset."""
    text = moment.isoformat()
    read = read_timestamp(text)

    assert EPOCH + timedelta(microseconds=read.micros) == moment
    assert datetime.fromisoformat(read.echo) == moment


@REPEATABLE
@given(st.integers(-62_000_000_000_000_000, 250_000_000_000_000_000))
def test_writing(micros: int) -> None:
    """Every written timestamp can be read back."""
    assert read_timestamp(rfc3339(micros)).micros == micros


@pytest.mark.parametrize(
    ("text", "echo", "stored"),
    [
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z"),
        ("2030-01-02T03:04:05+00:00", "2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z"),
        ("2030-01-02T03:04:05.120Z", "2030-01-02T03:04:05.12Z", "2030-01-02T03:04:05.12Z"),
        ("2030-01-02T03:04:05.000+02:00", "2030-01-02T03:04:05+02:00", "2030-01-02T01:04:05Z"),
        ("2030-01-02T03:04:05.1234567891-02:30", "2030-01-02T03:04:05.123456789-02:30", "2030-01-02T05:34:05.123456Z"),
    ],
)
def test_forms(text: str, echo: str, stored: str) -> None:
    """The echo has nine digits of the fraction, the database six; trailing zeros are cut."""
    moment = read_timestamp(text)

    assert (moment.echo, rfc3339(moment.micros)) == (echo, stored)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2030-01-02", "2030-01-02 03:04:05Z", "2030-01-02T03:04:05", "2030-01-02t03:04:05z"),
        *("2030-02-30T03:04:05Z", "2030-01-02T24:04:05Z", "2030-01-02T03:04:60Z", "2030-01-02T03:04:05+25:00"),
        *("2030-01-02T03:04:05,Z", "2030-01-02T03:04:05.Z", "2030-01-02T03:04:05+0200", "\uff12030-01-02T03:04:05Z"),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z"),
    ],
)
def test_refused(text: str) -> None:
    """Other forms, and times that do not exist, are refused."""
    with pytest.raises(ValueError, match=r".+"):
        read_timestamp(text)


def test_s11_comma_as_decimal_sign() -> None:
    """It is taken, and written as a point."""
    assert read_timestamp("2030-01-02T03:04:05,5Z").echo == "2030-01-02T03:04:05.5Z"


def test_nanoseconds() -> None:
    """An estimate has nine digits."""
    assert rfc3339_nanos(1_795_455_854_789_012_683) == "2026-11-23T17:44:14.789012683Z"


@pytest.mark.parametrize(
    ("seconds", "text"), [(2, "2s"), (59, "59s"), (60, "1m0s"), (90, "1m30s"), (300, "5m0s"), (3600, "1h0m0s"), (3725, "1h2m5s")]
)
def test_durations(seconds: int, text: str) -> None:
    """Durations are written as in the server's timeout message."""
    assert duration(seconds) == text
