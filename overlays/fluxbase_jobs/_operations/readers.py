"""Reading bodies: from bytes to what users receive. Each raises msgspec.DecodeError, which names the place."""

from __future__ import annotations

from typing import Final

import msgspec
from fluxbase_jobs_client import models as wire

from ..models.admin import JobFunction, JobStats, SyncResult, Worker
from ..models.admin import sync_result as _sync_result
from ..models.jobs import Job, LogLine, share_texts
from ..models.wire_value import WireList

RESULT_LINE: Final = "__RESULT__::"
"""How the log line begins in which a job passes its result to the server."""
_SUBSCRIPTION_LINE: Final = "Created execution log subscription"
"""What the server writes into a job's log for each subscriber to it."""


class _Jobs(msgspec.Struct):
    jobs: list[Job] | None


class _Lines(msgspec.Struct):
    logs: list[LogLine] | None


class _Namespaces(msgspec.Struct):
    namespaces: list[str] | None


# Loose on purpose: an empty list is null on the wire (recorded), and an envelope may one day be the bare list.
job = msgspec.json.Decoder(Job).decode
function = msgspec.json.Decoder(JobFunction).decode
stats = msgspec.json.Decoder(JobStats).decode
_read_jobs = msgspec.json.Decoder(_Jobs | list[Job] | None).decode
_read_lines = msgspec.json.Decoder(_Lines | list[LogLine] | None).decode
_read_namespaces = msgspec.json.Decoder(_Namespaces | list[str] | None).decode
_read_workers = msgspec.json.Decoder(list[Worker] | None).decode
_read_functions = msgspec.json.Decoder(list[JobFunction] | None).decode
_read_sync = msgspec.json.Decoder(wire.SyncResult).decode
_read_message = msgspec.json.Decoder(wire.Message).decode


def jobs(content: bytes) -> list[Job]:
    """A page's jobs."""
    page = _read_jobs(content)
    listed = (page.jobs if isinstance(page, _Jobs) else page) or []
    share_texts(listed)
    return WireList(listed)


def lines(content: bytes) -> list[LogLine]:
    """A log's lines."""
    page = _read_lines(content)
    return WireList((page.logs if isinstance(page, _Lines) else page) or [])


def is_servers_own_line(line: LogLine) -> bool:
    """Whether the server wrote this line into the job's log, and not the job."""
    return line.message == _SUBSCRIPTION_LINE


def confirmation(content: bytes) -> None:
    """Check that the body is the documented confirmation message."""
    _read_message(content)


def namespaces(content: bytes) -> list[str]:
    """The names of the namespaces."""
    listed = _read_namespaces(content)
    return (listed.namespaces if isinstance(listed, _Namespaces) else listed) or []


def workers(content: bytes) -> list[Worker]:
    """The workers."""
    return WireList(_read_workers(content) or [])


def functions(content: bytes) -> list[JobFunction]:
    """The functions."""
    return WireList(_read_functions(content) or [])


def sync_result(content: bytes) -> SyncResult:
    """What a sync did."""
    return _sync_result(_read_sync(content))


def nothing(content: bytes) -> None:
    """Check that the body is empty, as documented for a deletion."""
    if content:
        raise msgspec.DecodeError("it should be empty")
