"""A Retry-After that is a date: how long to wait by the server's clock, which is the one that counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

import pytest
from fluxbase_jobs import RateLimited

from tests.support.sample_responses import JOB_ID
from tests.support.servers.local_server import raw_answers
from tests.support.styles import Connect

LIMITED: Final = "HTTP/1.1 429 Slow down"
SERVERS_TIME: Final = "date: Thu, 01 Jan 2026 00:00:00 GMT"


def seconds(connect: Connect, *headers: str, body: bytes = b"{}") -> float | None:
    """What the error says of an answer with these headers and no others."""
    with raw_answers(LIMITED, *headers, body=body) as url:
        error = connect(url, retry=None).jobs.get(JOB_ID).error
    assert isinstance(error, RateLimited)
    return error.retry_after


@pytest.mark.parametrize(
    "moment",
    [
        "Thu, 01 Jan 2026 00:00:30 GMT",
        "Thursday, 01-Jan-26 00:00:30 GMT",
        "Thu Jan  1 00:00:30 2026",
        "Thu, 01 Jan 2026 02:00:30 +0200",
        "Wed, 31 Dec 2025 22:00:30 -0200",
        "Thu, 01 Jan 2026 00:00:30 -0000",
    ],
)
def test_a_date_counts_by_the_servers_clock(connect: Connect, moment: str) -> None:
    """In each of the forms that HTTP has for dates, in any time zone, whatever our clock says."""
    assert seconds(connect, SERVERS_TIME, f"Retry-After: {moment}") == 30.0


@pytest.mark.parametrize("clock", [[], ["date: soon"]])
def test_without_the_servers_time_a_date_counts_by_our_clock(connect: Connect, clock: list[str]) -> None:
    """From when the answer came."""
    found = seconds(connect, *clock, f"retry-after: {format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}")

    assert found is not None
    assert 3000 < found <= 3600


@pytest.mark.parametrize(("moment", "wait"), [("Wed, 31 Dec 2025 23:59:59 GMT", 0.0), ("Fri, 31 Dec 9999 23:59:59 -0100", 1e9)])
def test_a_date_far_away_is_the_shortest_or_the_longest_wait(connect: Connect, moment: str, wait: float) -> None:
    """What is past is no reason to wait, and no wait lasts longer than a billion seconds."""
    assert seconds(connect, SERVERS_TIME, f"retry-after: {moment}") == wait


@pytest.mark.parametrize("number", ["9" * 400, "1000000001", "1e9"])
def test_a_number_in_the_body_is_bounded_too(connect: Connect, number: str) -> None:
    """As text, where it is written as digits, and as a number of JSON."""
    assert seconds(connect, body=b'{"retry_after": "%s"}' % number.encode()) == (None if "e" in number else 1e9)
    assert len(number) > 300 or seconds(connect, body=b'{"retry_after": %s}' % number.encode()) == 1e9


def test_the_header_counts_before_the_body(connect: Connect) -> None:
    """Of several headers the longest wait; the body where the header says nothing that can be read."""
    body = b'{"retry_after": 60}'

    assert seconds(connect, "retry-after: 7", "retry-after: 9", "retry-after: 8", body=body) == 9.0
    assert seconds(connect, "retry-after: 7", "retry-after: soon", body=body) == 60.0
    assert seconds(connect, SERVERS_TIME, "retry-after: Thu, 01 Jan 2026 00:00:30 GMT", body=body) == 30.0


def test_a_number_in_a_body_that_is_nested_too_deep_is_read(connect: Connect) -> None:
    """As its message and its code are."""
    assert seconds(connect, body=b'{"retry_after": 1.5, "details": %s}' % (b"[" * 300 + b"]" * 300)) == 1.5
