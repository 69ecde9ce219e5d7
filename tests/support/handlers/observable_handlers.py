"""Handlers that tests control and observe through the two names below."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from fluxbase_jobs.emulator import Context, function

gate = threading.Event()
contexts: list[Context] = []


def reset() -> None:
    """Remove the state of earlier tests."""
    gate.clear()
    contexts.clear()


def timed(handler: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A user's own decorator around a job function."""

    @functools.wraps(handler)
    def wrapper(*arguments: Any) -> dict[str, Any]:
        return {**handler(*arguments), "timed": True}

    return wrapper


@function("gated")
def gated(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Report progress and wait for the gate."""
    context.progress(20, "at the gate", {"z": 1, "aa": 0.5})
    context.log("waiting")
    gate.wait(10)
    return {"passed": True}


@function("blocking")
async def blocking(_payload: dict[str, Any], _context: Context) -> None:
    """Block the event loop until the gate opens."""
    gate.wait(10)


@function("returns")
def returns(payload: dict[str, Any], _context: Context) -> Any:
    """Return the payload's value."""
    return payload["value"]


@function("set")
def returns_set(_payload: dict[str, Any], _context: Context) -> Any:
    """Return a value without a JSON form."""
    return {1, 2}


@function("exits")
def exits(_payload: dict[str, Any], _context: Context) -> None:
    """Call for an exit of the program."""
    raise SystemExit(3)


class UnprintableError(Exception):
    """An exception whose `__str__` raises SystemExit."""

    def __str__(self) -> str:
        """Raise."""
        raise SystemExit


@function("unprintable")
def unprintable(_payload: dict[str, Any], _context: Context) -> None:
    """Raise an exception that has no text."""
    raise UnprintableError


@function("bad_level")
def bad_level(_payload: dict[str, Any], context: Context) -> None:
    """Log with an unknown level."""
    context.log("text", level="loud")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@function("reports")
def reports(payload: dict[str, Any], context: Context) -> None:
    """Report the payload as progress."""
    context.progress(payload["percent"], payload.get("message"), payload.get("data"))


@function("keeps_context")
def keeps_context(_payload: dict[str, Any], context: Context) -> None:
    """Give its context to the test."""
    contexts.append(context)


@timed
@function("decorated")
def decorated(_payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Have a decorator above `@function`."""
    return {}


@function("logs_lines")
def logs_lines(_payload: dict[str, Any], context: Context) -> None:
    """Log lines of several kinds."""
    context.log("one\ntwo", level="debug")
    context.log({"a": 1}, level="error")
    context.log("lone \ud800")
