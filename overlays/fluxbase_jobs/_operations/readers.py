"""Reading bodies: from bytes to what users receive. Each raises msgspec.DecodeError, which names the place."""

from __future__ import annotations

import msgspec
from fluxbase_jobs_client import models as wire

from ..models import Job, LogLine


class _Jobs(msgspec.Struct):
    jobs: list[Job] | None


class _Lines(msgspec.Struct):
    logs: list[LogLine] | None


# Loose on purpose: an empty list is null on the wire (recorded), and an envelope may one day be the bare list.
job = msgspec.json.Decoder(Job).decode
_read_jobs = msgspec.json.Decoder(_Jobs | list[Job] | None).decode
_read_lines = msgspec.json.Decoder(_Lines | list[LogLine] | None).decode
_read_message = msgspec.json.Decoder(wire.Message).decode


def jobs(content: bytes) -> list[Job]:
    """A page's jobs."""
    page = _read_jobs(content)
    return (page.jobs if isinstance(page, _Jobs) else page) or []


def lines(content: bytes) -> list[LogLine]:
    """A log's lines."""
    page = _read_lines(content)
    return (page.logs if isinstance(page, _Lines) else page) or []


def confirmation(content: bytes) -> None:
    """The sentence that says that it was done."""
    _read_message(content)
