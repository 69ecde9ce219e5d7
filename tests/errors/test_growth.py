"""Reading an answer takes work in proportion to its size, whatever a hostile server puts into it.

The answers are of the largest size that is read. One whose reading grows with the square of its size would take minutes of processor time;
the limit below is on processor time, so that a busy machine does not matter, and ten times what all of them take.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from fluxbase_jobs._operations import auth, jobs
from fluxbase_jobs._operations.interpret import interpret
from fluxbase_jobs._transports.bounds import MAX_ERROR_BYTES
from fluxbase_jobs._transports.messages import Headers, RawResponse

from tests.support.sample_responses import JOB_ID

PROCESSOR_SECONDS: Final = 60
TYPES: Final = ("application/json", "text/html", "text/plain")


def filled(start: bytes, piece: bytes, end: bytes = b"") -> bytes:
    """A body of the largest size that repeats a piece."""
    return start + piece * ((MAX_ERROR_BYTES - len(start) - len(end)) // len(piece)) + end


BODIES: Final = {
    "titles without end": filled(b"", b"<title>"),
    "tags without end": filled(b"", b"<title"),
    "ends of titles": filled(b"<title>", b"</titl"),
    "digits": filled(b'{"priority":', b"9", b"}"),
    "an exponent": filled(b'{"retry_after":1e', b"9", b"}"),
    "a fraction": filled(b'{"retry_after":0.', b"1", b"}"),
    "blanks": filled(b"", b" "),
    "lists": filled(b"", b"["),
    "objects": filled(b"", b'{"error":'),
    "the same key": filled(b"{", b'"error":"a",', b'"a":1}'),
    "quotes": filled(b"", b'"'),
    "escapes": filled(b'{"error":"', b"\\u0041", b'"}'),
    "surrogates": filled(b'{"error":"', b"\\ud800", b'"}'),
    "no UTF-8": filled(b"", b"\xff"),
    "beginnings of tokens": filled(b'{"error":"', b"eyJ", b'"}'),
    "tokens": filled(b'{"error":"', b"eyJhbGciOi.", b'"}'),
    "errors": filled(b'{"errors":[', b'{"a":{"b":["c"]}},', b'""]}'),
    "jobs": filled(b'{"jobs":[', b'{"id":""},', b"{}]}"),
}
RETRY_AFTERS: Final = ("9", "Mon, ", "1 ", ":", "-", "(", ".", "00:", "Jan ")


def read_all() -> None:
    """Read every hostile answer with each kind of operation; an error here fails the test."""
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    operations: Any = (jobs.get(JOB_ID), jobs.list_(jobs.page(jobs.Filters(), 50, 0)), auth.refresh("a-token"))
    now = datetime.now(UTC)
    for operation in operations:
        for body in BODIES.values():
            for kind in TYPES:
                for status in (200, 404):
                    interpret(operation, RawResponse(status, Headers([(b"content-type", kind.encode())]), body), now)
        for text in RETRY_AFTERS:
            value = (text * 100_000)[:100_000].encode()
            interpret(operation, RawResponse(429, Headers([(b"retry-after", value)]), b"{}"), now)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on processor time")
def test_hostile_answers_take_work_in_proportion_to_their_size() -> None:
    """All of them within the limit, in a process of its own."""
    reading = multiprocessing.get_context("spawn").Process(target=read_all)
    reading.start()
    reading.join()

    assert reading.exitcode == 0
