"""The frames of the WebSocket: reads those of clients, writes those of the server.

A frame is a JSON object in a text message. The server ends each with a line break and puts what is waiting into one message.

    client                                                       server
    {"type": "subscribe", "config": {"event", "schema", "table", "filter"?}}
                                                                 {"type": "ack", "payload": {"subscribed": true, "subscription_id", ...}}
                                                                 {"type": "postgres_changes", "payload": {"type", "table", "schema", "record", "old_record"?}}
    {"type": "subscribe_logs", "config": {"execution_id", "type": "job"}}
                                                                 {"type": "ack", "payload": {"subscribed": true, "subscription_id", "execution_id", ...}}
                                                                 {"type": "execution_log", "payload": {"execution_id", "line_number", "level", "message", ...}}
    {"type": "unsubscribe", "subscription_id"}                   {"type": "ack", "payload": {"unsubscribed": true, "subscription_id"}}
    {"type": "access_token", "token"}                            {"type": "ack", "payload": {"type": "access_token", "updated": true}}
    {"type": "heartbeat"}                                        no response; the server sends one every 30 s
    anything that is refused                                     {"type": "error", "error"}

Frames of changes and log lines do not name their subscription.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from attrs import asdict, frozen

from ..formats.json_text import InvalidJSONError, JSONValue, body_text, clean_text, go_text, normalise, parse
from ..formats.timestamps import postgres_timestamp, rfc3339
from ..store import Job, LogLine

TABLE: Final = "jobs.queue"
"""The only table whose changes the emulator sends."""

_FILTER: Final = re.compile(r"(?P<column>[a-z_]+)=(?P<operator>eq|neq|in)\.(?P<value>.*)", re.DOTALL)
_NOT_SENT: Final = ("payload", "result", "job_function_id")
_PROGRESS_COLUMNS: Final = {
    "percent": "progress_percent",
    "message": "progress_message",
    "estimated_seconds_left": "estimated_seconds_left",
}


class MalformedFrameError(Exception):
    """The message is no JSON object: the server tears the connection down without a close frame (odd frames)."""


class InvalidFilterError(ValueError):
    """The filter of a subscription cannot be used."""


@frozen
class Filter:
    """The condition of a subscription: `id=eq.X`, `status=neq.X` or `id=in.(X,Y)`, on any column of the table."""

    column: str
    values: frozenset[str]
    is_negated: bool = False

    def matches(self, record: Mapping[str, JSONValue]) -> bool:
        """Whether the condition holds for a row."""
        value = record.get(self.column)
        return value is not None and (str(value) in self.values) is not self.is_negated


@frozen
class Subscribe:
    """A request for changes of a table."""

    event: str
    schema: str
    table: str
    filter_text: str

    @property
    def full_table(self) -> str:
        """Schema and table."""
        return f"{self.schema}.{self.table}"


@frozen
class SubscribeLogs:
    """A request for the log lines of a job from now on."""

    execution_id: str
    kind: str


@frozen
class Unsubscribe:
    """A request to end a subscription of either kind."""

    subscription_id: str


@frozen
class RenewToken:
    """A new token for the open socket."""

    token: str


@frozen
class Heartbeat:
    """A sign of life, which is not answered."""


@frozen
class UnknownRequest:
    """A frame of another type."""

    kind: str


Request: TypeAlias = Subscribe | SubscribeLogs | Unsubscribe | RenewToken | Heartbeat | UnknownRequest


def read_request(message: str) -> Request:
    """Read a client's frame.

    Raises:
        MalformedFrameError: the message is no JSON object.
    """
    try:
        frame = parse(message.encode("utf-8", "surrogatepass"))
    except InvalidJSONError as error:
        raise MalformedFrameError from error
    if not isinstance(frame, dict):
        raise MalformedFrameError
    config = frame.get("config")
    return _request(frame, config if isinstance(config, dict) else {})


def read_filter(text: str) -> Filter | None:
    """Read the filter of a subscription; None if there is none.

    Raises:
        InvalidFilterError: the text has another form.
    """
    if not text:
        return None
    match = _FILTER.fullmatch(text)
    if match is None:
        raise InvalidFilterError(text)
    column, operator, value = match["column"], match["operator"], match["value"]
    if operator != "in":
        return Filter(column, frozenset({value}), operator == "neq")
    if not (value.startswith("(") and value.endswith(")")):
        raise InvalidFilterError(text)
    return Filter(column, frozenset(item.strip() for item in value[1:-1].split(",")))


def ack(payload: Mapping[str, JSONValue]) -> str:
    """The response to a request that was carried out."""
    return f'{{"type":"ack","payload":{go_text(dict(payload))}}}'


def error(message: str) -> str:
    """The response to a request that was refused."""
    return body_text({"type": "error", "error": message})


def heartbeat() -> str:
    """The server's sign of life."""
    return body_text({"type": "heartbeat"})


def log_frame(line: LogLine) -> str:
    """A new line of a log."""
    payload: dict[str, JSONValue] = {
        "execution_id": line.job_id,
        "execution_type": "job",
        "level": line.level,
        "line_number": line.line_number,
        "message": line.message,
        "timestamp": rfc3339(line.at),
    }
    return f'{{"type":"execution_log","payload":{go_text(payload)}}}'


def change_frame(event: str, record: dict[str, JSONValue], old_record: dict[str, JSONValue] | None) -> str:
    """A change of a job. Only the new row has columns for the parts of its progress."""
    schema, _, table = TABLE.partition(".")
    old = "" if old_record is None else f',"old_record":{go_text(old_record)}'
    new = go_text({**record, **_progress_columns(record)})
    return f'{{"type":"postgres_changes","payload":{{"type":"{event}","table":"{table}","schema":"{schema}","record":{new}{old}}}}}'


def record_of(job: Job, tenant_id: str | None) -> dict[str, JSONValue]:
    """The row of a job as the server sends it: without payload and result, with nulls, and progress as an object.

    Args:
        job: the job.
        tenant_id: the tenant's id; None for a server version without this column.
    """
    values: dict[str, Any] = asdict(job)
    record = {name: _column(name, value) for name, value in values.items() if name not in _NOT_SENT}
    record |= {"function_id": job.job_function_id, "user_name": None}
    return record if tenant_id is None else {**record, "tenant_id": tenant_id}


def _request(frame: dict[str, JSONValue], config: dict[str, JSONValue]) -> Request:
    match kind := _text(frame, "type"):
        case "subscribe":
            event, schema = _text(config, "event") or "*", _text(config, "schema") or "public"
            return Subscribe(event, schema, _text(config, "table"), _text(config, "filter"))
        case "subscribe_logs":
            return SubscribeLogs(_text(config, "execution_id"), _text(config, "type"))
        case "unsubscribe":
            return Unsubscribe(_text(frame, "subscription_id"))
        case "access_token":
            return RenewToken(_text(frame, "token"))
        case "heartbeat":
            return Heartbeat()
        case _:
            return UnknownRequest(kind)


def _column(name: str, value: Any) -> JSONValue:
    if value is None:
        return None
    if name == "progress":
        return parse(value.encode())
    return postgres_timestamp(value) if name.endswith("_at") else normalise(value)


def _progress_columns(record: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    progress = record.get("progress")
    if not isinstance(progress, dict):
        return {}
    return {column: progress[name] for name, column in _PROGRESS_COLUMNS.items() if name in progress}


def _text(fields: Mapping[str, JSONValue], name: str) -> str:
    value = fields.get(name)
    return clean_text(value) if isinstance(value, str) else ""
