"""A server whose answers are ready made, in a process of its own, so that only the clients are measured."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from contract.recordings import MARCH, load

ROOT: Final = Path(__file__).parents[1]
JOB: Final[dict[str, Any]] = next(
    exchange.json()
    for exchange in load(MARCH)
    if exchange.scenario == "progress_and_logs" and exchange.method == "GET" and '"completed"' in exchange.body
)
"""A recorded job that ended: 25 fields, and two in its `progress_data`."""
JOB_ID: Final[str] = JOB["id"]
FUNCTION: Final = "resize"
"""The function of each submit. An answer about another one would be refused."""
_HEAD: Final = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


def answer(status: int, body: object) -> bytes:
    """A complete response, its JSON as the server writes it."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return _HEAD % (status, len(content), content)


class Answers:
    """The answer to each request, encoded once."""

    def __init__(self) -> None:
        self._job = answer(200, JOB)
        self._submitted = answer(201, {**JOB, "job_name": FUNCTION, "status": "pending"})
        self._pages: dict[int, bytes] = {}

    def to(self, method: str, path: str) -> bytes:
        """The answer to a request."""
        if method == "POST":
            return self._submitted
        parts = urlsplit(path)
        if not parts.path.endswith("/jobs"):
            return self._job
        limit = int(parse_qs(parts.query).get("limit", ["50"])[0])
        if limit not in self._pages:
            jobs = [{**JOB, "id": f"{number:08x}{JOB_ID[8:]}"} for number in range(limit)]
            self._pages[limit] = answer(200, {"jobs": jobs, "limit": limit, "offset": 0})
        return self._pages[limit]


class Connection(asyncio.Protocol):
    """Answers each request of one connection, `delay` seconds after it came."""

    def __init__(self, answers: Answers, delay: float) -> None:
        self._answers, self._delay, self._data = answers, delay, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].decode("latin-1")
            length = next((int(line.partition(":")[2]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
            if len(self._data) < end + 4 + length:
                return
            self._data = self._data[end + 4 + length :]
            method, path, _ = head.split(" ", 2)
            self._send(self._answers.to(method, path))

    def _send(self, response: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, response)
        else:
            self._transport.write(response)


async def serve(delay: float) -> None:
    """Print the port, and serve until the process is ended."""
    answers = Answers()
    listening = await asyncio.get_running_loop().create_server(lambda: Connection(answers, delay), "127.0.0.1", 0, backlog=512)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


@contextmanager
def running(delay: float = 0.0) -> Generator[str]:
    """The address of a server that takes `delay` seconds for each answer."""
    command = [sys.executable, "-m", "benchmarks.server", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
