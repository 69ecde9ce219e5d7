"""Handlers that do not end by themselves, each for a different reason. They record their steps in `steps`, by job id."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from fluxbase_jobs.emulator import Context, function

steps: defaultdict[str, list[str]] = defaultdict(list)


@function("busy")
def busy(_payload: dict[str, Any], context: Context) -> None:
    """Compute forever."""
    record = _begin(context)
    try:
        while True:
            pass
    finally:
        record("finally")


@function("sleeping")
def sleeping(_payload: dict[str, Any], context: Context) -> None:
    """Block twice in time.sleep."""
    record = _begin(context)
    try:
        time.sleep(0.2)
        time.sleep(0.2)
        record("went on")
    finally:
        record("finally")


@function("reporting")
def reporting(_payload: dict[str, Any], context: Context) -> None:
    """Report without a pause."""
    record = _begin(context)
    try:
        while True:
            context.log("still here")
            context.progress(50)
    finally:
        record("finally")


@function("polite")
def polite(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Run until the context is cancelled, then return a result."""
    record = _begin(context)
    try:
        while not context.cancelled:
            time.sleep(0.001)
    except BaseException as error:  # noqa: BLE001  # any interrupt is recorded
        record(type(error).__name__)
    finally:
        record("finally")
    return {"too": "late"}


@function("swallowing")
def swallowing(_payload: dict[str, Any], context: Context) -> None:
    """Catch the first interrupt and go on."""
    record = _begin(context)
    try:
        while True:
            pass
    except BaseException as error:  # noqa: BLE001  # the purpose of this handler
        record(type(error).__name__)
    try:
        while True:
            pass
    finally:
        record("finally")


@function("waiting")
async def waiting(_payload: dict[str, Any], context: Context) -> None:
    """Await a long sleep, and await again while ending."""
    record = _begin(context)
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        record("finally")


@function("blocking")
async def blocking(_payload: dict[str, Any], context: Context) -> None:
    """Block the event loop."""
    record = _begin(context)
    try:
        while True:
            time.sleep(0.01)  # noqa: ASYNC251  # the purpose of this handler
    finally:
        record("finally")


@function("ignoring")
async def ignoring(_payload: dict[str, Any], context: Context) -> None:
    """Ignore cancellations."""
    record = _begin(context)
    try:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                record("not now")
    finally:
        record("finally")


@function("parent")
async def parent(_payload: dict[str, Any], context: Context) -> None:
    """Run tasks, one of which blocks."""
    record = _begin(context)

    async def child() -> None:
        while True:
            time.sleep(0.01)  # noqa: ASYNC251  # the purpose of this handler

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(60))
            group.create_task(child())
    finally:
        record("finally")


ALL = ("busy", "sleeping", "reporting", "polite", "swallowing", "waiting", "blocking", "ignoring", "parent")


def are_gone(job_id: str = "") -> bool:
    """Whether no thread of the job, or of any job, is left."""
    return not any(thread.name.startswith(f"fluxbase job {job_id}") for thread in threading.enumerate())


def _begin(context: Context) -> Callable[[str], None]:
    record = steps[context.job_id].append
    record("begun")
    return record
