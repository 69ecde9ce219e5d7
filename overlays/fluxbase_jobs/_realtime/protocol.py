"""The frames of the WebSocket: from text to events, and from questions to text. Nothing here sends or waits."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, Final, TypeAlias, cast

import msgspec
from attrs import fields, frozen
from fluxbase_jobs_client import models as wire

from .._operations import readers
from ..models.jobs import Job, LogLine

TABLE_ERROR: Final = "not enabled for realtime"
"""How the server's error for changes of jobs ends: the April 2026 server has them switched off (recorded)."""
_JOB_FIELDS: Final = frozenset(field.name for field in fields(wire.Job))
_read_line: Final = msgspec.json.Decoder(LogLine).decode


@frozen
class JobChanged:
    """A job changed. The event has no payload and no result."""

    job: Job


@frozen
class LineLogged:
    """A job wrote a line into its log. Lines come out of order now and then."""

    job_id: str
    line: LogLine


@frozen
class Acknowledged:
    """The server took a question: a subscription of changes (`job_ids`), of a log (`log_of`), or a new token."""

    subscription_id: str | None
    job_ids: frozenset[str] = frozenset()
    log_of: str | None = None


@frozen
class Refused:
    """The server refused a question. It does not say which one."""

    error: str


Frame: TypeAlias = JobChanged | LineLogged | Acknowledged | Refused


def read(text: str | bytes) -> Iterator[Frame]:
    """The frames of one message, which may hold several. What is unknown or unreadable is passed over."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    decoder, position = json.JSONDecoder(), 0
    while (position := _after_blanks(text, position)) < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        frame = _frame(cast("dict[str, Any]", value)) if isinstance(value, dict) else None
        if frame is not None:
            yield frame


def subscribe(job_ids: Collection[str]) -> str:
    """Ask for the changes of these jobs."""
    ids = sorted(job_ids)
    condition = f"id=eq.{ids[0]}" if len(ids) == 1 else f"id=in.({','.join(ids)})"
    return _text(type="subscribe", config={"event": "*", "schema": "jobs", "table": "queue", "filter": condition})


def subscribe_log(job_id: str) -> str:
    """Ask for the lines of a job's log from now on."""
    return _text(type="subscribe_logs", config={"execution_id": job_id, "type": "job"})


def unsubscribe(subscription_id: str) -> str:
    """End a subscription."""
    return _text(type="unsubscribe", subscription_id=subscription_id)


def access_token(token: str) -> str:
    """Go on with a new token."""
    return _text(type="access_token", token=token)


def heartbeat() -> str:
    """Say that the client is there."""
    return _text(type="heartbeat")


def _text(**frame: object) -> str:
    return msgspec.json.encode(frame).decode()


def _after_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _frame(value: dict[str, Any]) -> Frame | None:
    payload: Any = value.get("payload")
    body = cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}
    match value.get("type"):
        case "postgres_changes":
            job = _job(body)
            return None if job is None else JobChanged(job)
        case "execution_log":
            return _line(body)
        case "ack":
            return _acknowledged(body)
        case "error":
            return Refused(str(value.get("error") or body.get("error") or "refused"))
        case _:
            return None


def _job(change: dict[str, Any]) -> Job | None:
    """The job of a change, as the HTTP API would send it: the progress as text, nothing that is null, the function's id by its name."""
    record: Any = change.get("record")
    if not isinstance(record, dict) or change.get("table") != "queue" or change.get("type") == "DELETE":
        return None
    row = cast("dict[str, Any]", record)
    row = {**row, "job_function_id": row.get("function_id")}
    sent = {name: value for name, value in row.items() if name in _JOB_FIELDS and value is not None}
    try:
        if not isinstance(sent.get("progress", ""), str):
            sent["progress"] = msgspec.json.encode(sent["progress"]).decode()
        return readers.job(msgspec.json.encode(sent))
    except (ValueError, RecursionError):
        return None


def _line(payload: dict[str, Any]) -> LineLogged | None:
    job_id, number = payload.get("execution_id"), payload.get("line_number")
    sent = {"id": f"{job_id}:{number}", "category": "execution", **{name: payload.get(name) for name in ("timestamp", "level", "message")}}
    try:
        return LineLogged(str(job_id), _read_line(msgspec.json.encode({**sent, "execution_id": job_id, "line_number": number})))
    except (ValueError, RecursionError):
        return None


def _acknowledged(payload: dict[str, Any]) -> Acknowledged | None:
    given = payload.get("subscription_id")
    subscription = given if isinstance(given, str) else None
    if payload.get("subscribed") and payload.get("execution_id"):
        return Acknowledged(subscription, log_of=str(payload["execution_id"]))
    if payload.get("subscribed"):
        _, _, ids = str(payload.get("filter", "")).partition(".")
        return Acknowledged(subscription, frozenset(ids.strip("()").split(",")))
    return None
