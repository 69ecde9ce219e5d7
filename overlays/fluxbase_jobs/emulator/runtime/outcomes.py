"""How a run ends, judged from what its handler returned or raised."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

from ..formats.json_text import JSONValue, NulInTextError, javascript_text, jsonb_text, normalise

if TYPE_CHECKING:
    from ..handlers.context import Level

_GO_KINDS: dict[type, str] = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}


@frozen
class Completed:
    """The job is done; `result` is a jsonb text."""

    result: str = field(repr=False)


@frozen
class Failed:
    """The job has failed for this reason."""

    error_message: str


Outcome: TypeAlias = Completed | Failed


@frozen
class Ending:
    """An outcome and the log lines that go with it."""

    outcome: Outcome
    lines: tuple[tuple[Level, str], ...]


def of_return(returned: object) -> Ending:
    """Judge what a handler returned.

    Raises:
        TypeError: the value has no JSON form, which counts as an error in the handler.

    """
    value = normalise(returned)
    line = _result_line({"success": True, "result": value})
    return Ending(_judge(value), (line,))


def of_exception(error: BaseException) -> Ending:
    """Judge what a handler raised: its text goes to the log, not to the job (failures: boom)."""
    text = str(error) or type(error).__name__
    stack = "".join(traceback.format_exception(error)).rstrip()
    line = _result_line({"success": False, "error": normalise(text), "stack": normalise(stack)})
    return Ending(Failed("exit status 1"), (("error", f"Job execution error: {text}"), line))


def _judge(value: JSONValue) -> Outcome:
    if value is None:
        return Completed("{}")
    if not isinstance(value, dict):
        kind = _GO_KINDS[type(value)]
        return Failed(
            f"Failed to parse job result: json: cannot unmarshal {kind} into Go struct field .result of type map[string]interface {{}}"
        )
    if value.get("success") is False and isinstance(why := value.get("error"), str):
        return Failed(why)
    try:
        return Completed(jsonb_text(value))
    except NulInTextError:
        return Failed("Failed to store job result: it holds the character U+0000")


def _result_line(value: JSONValue) -> tuple[Level, str]:
    return ("info", f"__RESULT__::{javascript_text(value)}")
