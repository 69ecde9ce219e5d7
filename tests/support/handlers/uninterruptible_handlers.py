"""Handlers that do not end by themselves, each in a way of its own. What they say is in `steps`, by job."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fluxbase_jobs.emulator import Context, function

if TYPE_CHECKING:
    from collections.abc import Callable

steps: defaultdict[str, list[str]] = defaultdict(list)


@function("busy")
def busy(_payload: dict[str, Any], context: Context) -> None:
    """Computes for ever."""
    said = _begin(context)
    try:
        while True:
            pass
    finally:
        said("finally")


@function("sleeping")
def sleeping(_payload: dict[str, Any], context: Context) -> None:
    """Blocks again and again."""
    said = _begin(context)
    try:
        time.sleep(0.2)
        time.sleep(0.2)
        said("went on")
    finally:
        said("finally")


@function("reporting")
def reporting(_payload: dict[str, Any], context: Context) -> None:
    """Reports all the time."""
    said = _begin(context)
    try:
        while True:
            context.log("still here")
            context.progress(50)
    finally:
        said("finally")


@function("polite")
def polite(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Goes on until it is told to stop, and then has a result."""
    said = _begin(context)
    try:
        while not context.cancelled:
            time.sleep(0.001)
    except BaseException as error:  # noqa: BLE001 - it will have its say
        said(type(error).__name__)
    finally:
        said("finally")
    return {"too": "late"}


@function("swallowing")
def swallowing(_payload: dict[str, Any], context: Context) -> None:
    """Takes the first stop for an error of its own."""
    said = _begin(context)
    try:
        while True:
            pass
    except BaseException as error:  # noqa: BLE001 - that is what it is here for
        said(type(error).__name__)
    try:
        while True:
            pass
    finally:
        said("finally")


@function("waiting")
async def waiting(_payload: dict[str, Any], context: Context) -> None:
    """Awaits what does not come."""
    said = _begin(context)
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        said("finally")


@function("blocking")
async def blocking(_payload: dict[str, Any], context: Context) -> None:
    """Blocks its event loop."""
    said = _begin(context)
    try:
        while True:
            time.sleep(0.01)  # noqa: ASYNC251 - that is what it is here for
    finally:
        said("finally")


@function("ignoring")
async def ignoring(_payload: dict[str, Any], context: Context) -> None:
    """Takes no cancellation."""
    said = _begin(context)
    try:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                said("not now")
    finally:
        said("finally")


@function("parent")
async def parent(_payload: dict[str, Any], context: Context) -> None:
    """Has its work done by tasks, one of which blocks."""
    said = _begin(context)

    async def child() -> None:
        while True:
            time.sleep(0.01)  # noqa: ASYNC251 - that is what it is here for

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(60))
            group.create_task(child())
    finally:
        said("finally")


ALL = ("busy", "sleeping", "reporting", "polite", "swallowing", "waiting", "blocking", "ignoring", "parent")


def are_gone(job_id: str = "") -> bool:
    """Tell whether no thread runs for the job any more, or for any."""
    return not any(thread.name.startswith(f"fluxbase job {job_id}") for thread in threading.enumerate())


def _begin(context: Context) -> Callable[[str], None]:
    said = steps[context.job_id].append
    said("begun")
    return said
