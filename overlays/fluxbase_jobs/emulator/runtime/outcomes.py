"""How a run ends, decided from what its handler returned or raised."""

from __future__ import annotations

import traceback
from typing import Final, TypeAlias

from attrs import field, frozen

from ..formats.json_text import JSONValue, NulInTextError, javascript_text, jsonb_text, normalise
from ..handlers.context import Level

MAX_NOTIFIED_BYTES: Final = 7_000
"""How long an error message or a progress report may be. The trigger that announces a change of a job puts its row into a NOTIFY,
which takes 8,000 bytes, and fails beyond; so does the change itself."""

_MAX_LINE_BYTES: Final = 1024 * 1024
"""The longest line of a job's output that the server reads; it reads nothing after a longer one."""

_GO_KINDS: Final[dict[type, str]] = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}


@frozen
class Completed:
    """The job has completed; `result` is jsonb text."""

    result: str = field(repr=False)


@frozen
class Failed:
    """The job has failed with this error message."""

    error_message: str


@frozen
class Hanging:
    """The database refuses the job's end, so the job stays `running`."""


Outcome: TypeAlias = Completed | Failed | Hanging


@frozen
class HandlerEnd:
    """The outcome of a handler and the log lines that the server adds at its end."""

    outcome: Outcome
    lines: tuple[tuple[Level, str], ...]
    outcome_unread: Outcome = Completed("{}")
    """The outcome if the process has ended before the server read its last lines."""


def end_of_return(returned: object) -> HandlerEnd:
    """Turn a handler's return value into an outcome.

    Raises:
        TypeError: the value has no JSON form, which counts as an error in the handler.
    """
    value = normalise(returned)
    level, line = _result_line({"success": True, "result": value})
    if len(line.encode()) > _MAX_LINE_BYTES:
        return HandlerEnd(Completed("{}"), ())
    return HandlerEnd(_outcome(value), ((level, line),))


def end_of_exception(error: BaseException) -> HandlerEnd:
    """Turn a handler's exception into an outcome: its text goes to the log, not to the job (failures: boom)."""
    text = _text_of(error)
    stack = "".join(traceback.format_exception(error)).rstrip()
    line = _result_line({"success": False, "error": normalise(text), "stack": normalise(stack)})
    outcome = Failed("exit status 1")
    return HandlerEnd(outcome, (("error", f"Job execution error: {text}"), line), outcome)


def _text_of(error: BaseException) -> str:
    """What the log says of an exception: its text, after its type where the text alone is a mere value, as in `KeyError('name')`."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # the handler's own class may raise anything
        text = ""
    if not text:
        return name
    is_value = isinstance(error, KeyError) or (isinstance(error, Exception) and len(error.args) == 1 and not isinstance(error.args[0], str))
    return f"{name}: {text}" if is_value else text


def _outcome(value: JSONValue) -> Outcome:
    if value is None:
        return Completed("{}")
    if not isinstance(value, dict):
        kind = _GO_KINDS[type(value)]
        return Failed(
            f"Failed to parse job result: json: cannot unmarshal {kind} into Go struct field .result of type map[string]interface {{}}"
        )
    if value.get("success") is False and isinstance(error := value.get("error", ""), str):
        return Hanging() if "\0" in error or len(error.encode()) > MAX_NOTIFIED_BYTES else Failed(error)
    try:
        return Completed(jsonb_text(value))
    except NulInTextError:
        return Hanging()


def _result_line(value: JSONValue) -> tuple[Level, str]:
    return ("info", f"__RESULT__::{javascript_text(value)}")
