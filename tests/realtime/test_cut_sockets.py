"""Sockets that are cut at random while a job logs a thousand lines, in both profiles, for both clients."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest
from fluxbase_jobs import LogLine, Result
from fluxbase_jobs.testing import Server

from tests.support.styles import Style

pytestmark = pytest.mark.slow

LINES: Final = 1000
CUTS: Final = 50


def logging_job(server: Server, seed: int) -> None:
    """Let the server have a job that logs a thousand lines, and cuts the sockets at random lines."""
    cut_at = set(random.Random(seed).sample(range(1, LINES), CUTS))  # noqa: S311  # a test's random moments

    @server.function("lines")
    def lines(_: dict[str, Any], context: Any) -> dict[str, Any]:
        for number in range(1, LINES + 1):
            context.log(f"line {number}")
            time.sleep(0.002)
            if number in cut_at:
                server.faults.cut_sockets()
        return {"lines": LINES}


class Recorder:
    """Opens sockets, and keeps the log lines that come over them."""

    def __init__(self, server: Server, style: Style) -> None:
        self._connect: Any = server.realtime_connector() if style == "sync" else server.async_realtime_connector()
        self.opened = 0
        self.messages: dict[int, str] = {}
        """By number."""

    def __call__(self, base_url: str, headers: Mapping[str, str]) -> Any:
        """Open a socket to a server."""
        self.opened += 1
        return _RecordedSocket(self._connect(base_url, headers), self)

    async def open(self, base_url: str, headers: Mapping[str, str]) -> Any:
        """The same for an async client."""
        self.opened += 1
        return _AsyncRecordedSocket(await self._connect(base_url, headers), self)

    def take(self, message: str | None) -> str | None:
        """Keep the lines in a message."""
        for frame in map(json.loads, (message or "").splitlines()):
            if frame["type"] == "execution_log":
                self.messages[frame["payload"]["line_number"]] = frame["payload"]["message"]
        return message


class _RecordedSocket:
    def __init__(self, socket: Any, recorder: Recorder) -> None:
        self.send, self.close = socket.send, socket.close
        self._socket, self._recorder = socket, recorder

    def receive(self, timeout: float) -> str | None:
        return self._recorder.take(self._socket.receive(timeout))


class _AsyncRecordedSocket(_RecordedSocket):
    async def receive(self) -> str | None:  # type: ignore[override]  # the async client's socket has no timeout
        return self._recorder.take(await self._socket.receive())


def tailed(server: Server, style: Style, recorder: Recorder) -> list[Result[LogLine]]:
    """What `tail` gives of the job."""
    if style == "sync":
        with server.client(realtime=True) as client:
            client.fetch.listen_through(recorder)
            return [*client.jobs.tail(client.jobs.submit("lines").unwrap(), timeout=60)]

    async def follow() -> list[Result[LogLine]]:
        async with server.async_client(realtime=True) as client:
            client.fetch.listen_through(recorder.open)
            job = (await client.jobs.submit("lines")).unwrap()
            return [result async for result in client.jobs.tail(job, timeout=60)]

    return asyncio.run(follow())


def gaps(results: list[Result[LogLine]]) -> set[int]:
    """The numbers that are told to be missing."""
    told = [note for result in results for note in result.meta.notes]
    spans = [re.findall(r"\d+", note.partition(" of the log")[0]) for note in told]
    return {number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}


def test_nothing_is_lost_where_the_log_is_shown(style: Style) -> None:
    """A thousand lines in order, none twice."""
    with Server(profile="2026-03") as server:
        logging_job(server, seed=7)
        recorder = Recorder(server, style)
        results = tailed(server, style, recorder)

    assert [str(result.unwrap()) for result in results] == [f"line {number}" for number in range(1, LINES + 1)]
    assert gaps(results) == set()
    assert recorder.opened > 1


@pytest.mark.parametrize("realtime", ["on", "all"])
def test_gaps_are_told_where_the_log_is_hidden(style: Style, realtime: Any) -> None:
    """Every line that came over a socket, in order, none twice; the numbers of all others are told."""
    with Server(profile="2026-04", realtime=realtime) as server:
        logging_job(server, seed=7)
        recorder = Recorder(server, style)
        results = tailed(server, style, recorder)

    lines = [result.unwrap() for result in results if not result.meta.notes]
    came = {number: text for number, text in recorder.messages.items() if text.startswith("line ")}
    assert {line.line_number: str(line) for line in lines} == came
    assert [line.line_number for line in lines] == sorted(came)
    last = max(recorder.messages)
    assert gaps(results) == set(range(1, last + 1)) - recorder.messages.keys()
