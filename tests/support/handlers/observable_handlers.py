"""Handlers that tests look into: what they wait for and what they say is in the two names below."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from fluxbase_jobs.emulator import Context, function

if TYPE_CHECKING:
    from collections.abc import Callable

gate = threading.Event()
contexts: list[Context] = []


def reset() -> None:
    """Forget what earlier tests left."""
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
    """Waits for the gate, half done."""
    context.progress(20, "at the gate", {"z": 1, "aa": 0.5})
    context.log("waiting")
    gate.wait(10)
    return {"passed": True}


@function("blocking")
async def blocking(_payload: dict[str, Any], _context: Context) -> None:
    """Blocks its event loop."""
    gate.wait(10)


@function("returns")
def returns(payload: dict[str, Any], _context: Context) -> Any:
    """Returns what it is told to."""
    return payload["value"]


@function("set")
def returns_set(_payload: dict[str, Any], _context: Context) -> Any:
    """Returns what JSON does not know."""
    return {1, 2}


@function("exits")
def exits(_payload: dict[str, Any], _context: Context) -> None:
    """Leaves the program."""
    raise SystemExit(3)


class Unspeakable(Exception):
    """Ends the thread that asks for its text."""

    def __str__(self) -> str:
        """Have none."""
        raise SystemExit


@function("unspeakable")
def unspeakable(_payload: dict[str, Any], _context: Context) -> None:
    """Raises what nobody can look at."""
    raise Unspeakable


@function("bad_level")
def bad_level(_payload: dict[str, Any], context: Context) -> None:
    """Logs with a level that does not exist."""
    context.log("text", level="loud")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@function("reports")
def reports(payload: dict[str, Any], context: Context) -> None:
    """Reports what it is told to."""
    context.progress(payload["percent"], payload.get("message"), payload.get("data"))


@function("keeps_context")
def keeps_context(_payload: dict[str, Any], context: Context) -> None:
    """Shows its context to the test."""
    contexts.append(context)


@timed
@function("decorated")
def decorated(_payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Has a decorator above its mark."""
    return {}


@function("logs_lines")
def logs_lines(_payload: dict[str, Any], context: Context) -> None:
    """Logs lines of several kinds."""
    context.log("one\ntwo", level="debug")
    context.log({"a": 1}, level="error")
    context.log("lone \ud800")
