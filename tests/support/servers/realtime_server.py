"""A server with jobs that a test changes at will, over HTTP and the WebSocket, with the oddities of the real ones."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

import uvicorn
from attrs import define, field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.support.sample_responses import job as sample_job

NEVER_ON_SOCKETS = ("payload", "result")


def now() -> str:
    """The time, as the server writes it."""
    return datetime.now(UTC).isoformat()


@define(eq=False)
class _Client:
    socket: WebSocket
    outbox: asyncio.Queue[str | None] = field(factory=asyncio.Queue[str | None])
    filters: dict[str, set[str]] = field(factory=dict[str, set[str]])
    logs: dict[str, str] = field(factory=dict[str, str])


@define(eq=False)
class RealtimeServer:
    """The server, in a thread of its own."""

    table_enabled: bool = True
    logs_hidden: bool = False
    drops_line: Callable[[int], bool] = lambda _: False
    """Which log frames the server drops without a sign."""
    refuses: int | None = None
    """A status in place of the upgrade."""
    jobs: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    lines: dict[str, list[dict[str, Any]]] = field(factory=dict[str, list[dict[str, Any]]])
    requests: list[str] = field(factory=list[str])
    questions: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    opened: int = 0
    headers: list[dict[str, str]] = field(factory=list[dict[str, str]])
    _clients: list[_Client] = field(factory=list[_Client])
    _loop: asyncio.AbstractEventLoop | None = None
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None
    url: str = ""

    def __enter__(self) -> Self:
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        started = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._server = uvicorn.Server(
                uvicorn.Config(self._app(), log_config=None, ws="websockets-sansio", lifespan="off", timeout_graceful_shutdown=1)
            )
            started.set()
            await self._server.serve([listening])

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join()

    def add_job(self, **fields: Any) -> str:
        """A new pending job."""
        job_id = str(uuid4())
        never = {"result": None, "started_at": None, "completed_at": None, "last_progress_at": None, "progress": None}
        new = {**never, "progress_percent": None, "status": "pending", "created_at": now(), **fields}
        self.jobs[job_id] = sample_job(**{**new, "id": job_id})
        self.lines[job_id] = []
        return job_id

    def change(self, job_id: str, **fields: Any) -> None:
        """Change a job; its watchers receive two frames, as from the real servers."""
        self._in_loop(self._change, job_id, fields)

    def progress(self, job_id: str, percent: int) -> None:
        """Report progress."""
        self.change(job_id, status="running", progress=json.dumps({"percent": percent}), last_progress_at=now())

    def end(self, job_id: str, status: str = "completed", **fields: Any) -> None:
        """End a job."""
        self.change(job_id, status=status, completed_at=now(), **{"result": '{"done": true}', **fields})

    def log(self, job_id: str, *messages: str, level: str = "info") -> None:
        """Write lines into a job's log."""
        self._in_loop(self._log, job_id, messages, level)

    def cut(self) -> None:
        """Tear all sockets."""
        self._in_loop(self._cut)

    def send(self, text: str) -> None:
        """Send a message to all sockets."""
        self._in_loop(self._send_to_all, text)

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._clients)

    def _in_loop(self, function: Callable[..., Any], *arguments: Any) -> None:
        done = threading.Event()
        loop = self._loop
        assert loop is not None
        loop.call_soon_threadsafe(function, *arguments)
        loop.call_soon_threadsafe(done.set)
        done.wait(5)

    def _change(self, job_id: str, fields: dict[str, Any]) -> None:
        self.jobs[job_id] = {key: value for key, value in {**self.jobs[job_id], **fields}.items() if value is not None}
        record = {key: value for key, value in self.jobs[job_id].items() if key not in NEVER_ON_SOCKETS}
        if "progress" in record:
            record["progress"] = json.loads(record["progress"])
        frame = {"type": "postgres_changes", "payload": {"type": "UPDATE", "schema": "jobs", "table": "queue", "record": record}}
        for client in self._clients:
            if any(job_id in ids for ids in client.filters.values()):
                client.outbox.put_nowait(json.dumps(frame) + "\n")
                client.outbox.put_nowait(json.dumps(frame) + "\n")

    def _log(self, job_id: str, messages: tuple[str, ...], level: str) -> None:
        for message in messages:
            lines = self.lines[job_id]
            line = {"line_number": len(lines) + 1, "level": level, "message": message, "timestamp": now(), "execution_id": job_id}
            lines.append({"id": str(uuid4()), "category": "execution", **line})
            for client in self._clients:
                if job_id in client.logs and not self.drops_line(len(lines)):
                    client.outbox.put_nowait(json.dumps({"type": "execution_log", "payload": {**line, "execution_type": "job"}}))

    def _send_to_all(self, text: str) -> None:
        for client in self._clients:
            client.outbox.put_nowait(text)

    def _cut(self) -> None:
        for client in self._clients:
            client.outbox.put_nowait(None)

    def _app(self) -> Starlette:
        jobs = "/api/v1/jobs"
        routes = [
            Route(f"{jobs}/submit", self._submit, methods=["POST"]),
            Route(f"{jobs}/{{job_id}}/cancel", self._cancel, methods=["POST"]),
            Route(f"{jobs}/{{job_id}}/logs", self._logs),
            Route(f"{jobs}/{{job_id}}", self._get),
            Route(jobs, self._list),
        ]
        if self.refuses is None:
            return Starlette(routes=[*routes, WebSocketRoute("/realtime", self._socket)])
        return Starlette(routes=routes)

    async def _submit(self, request: Request) -> JSONResponse:
        self.requests.append("POST submit")
        body = await request.json()
        return JSONResponse(self.jobs[self.add_job(job_name=body["job_name"])], 201)

    async def _cancel(self, request: Request) -> JSONResponse:
        self.requests.append("POST cancel")
        self._change(request.path_params["job_id"], {"status": "cancelled", "completed_at": now()})
        return JSONResponse({"message": "Job cancelled"})

    async def _get(self, request: Request) -> JSONResponse:
        self.requests.append("GET job")
        found = self.jobs.get(request.path_params["job_id"])
        return JSONResponse({"error": "Job not found"}, 404) if found is None else JSONResponse(found)

    async def _list(self, request: Request) -> JSONResponse:
        self.requests.append("GET list")
        start, size = int(request.query_params.get("offset", 0)), int(request.query_params["limit"])
        return JSONResponse({"jobs": [*reversed(self.jobs.values())][start : start + size] or None, "limit": size, "offset": start})

    async def _logs(self, request: Request) -> JSONResponse:
        self.requests.append("GET logs")
        after = int(request.query_params.get("after_line", 0))
        lines = [line for line in self.lines[request.path_params["job_id"]] if line["line_number"] > after]
        return JSONResponse({"logs": None if self.logs_hidden else lines or None, "count": 0})

    async def _socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.opened += 1
        self.headers.append(dict(websocket.headers))
        client = _Client(websocket)
        self._clients.append(client)
        sending = asyncio.create_task(self._send(client))
        receiving = asyncio.create_task(self._receive(client))
        await asyncio.wait([sending, receiving], return_when=asyncio.FIRST_COMPLETED)
        self._clients.remove(client)
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _send(self, client: _Client) -> None:
        while (text := await client.outbox.get()) is not None:
            await client.socket.send_text(text)
        await client.socket.close(1011)

    async def _receive(self, client: _Client) -> None:
        try:
            while True:
                self._answer(client, json.loads(await client.socket.receive_text()))
        except WebSocketDisconnect:
            return

    def _answer(self, client: _Client, question: dict[str, Any]) -> None:
        self.questions.append(question)
        config, subscription = question.get("config", {}), str(uuid4())
        answer: dict[str, Any] | None = None
        match question["type"]:
            case "subscribe" if self.table_enabled:
                client.filters[subscription] = set(config["filter"].partition(".")[2].strip("()").split(","))
                answer = {"type": "ack", "payload": {"subscribed": True, "subscription_id": subscription, **config}}
            case "subscribe":
                answer = {"type": "error", "error": "table jobs.queue not enabled for realtime"}
            case "subscribe_logs":
                client.logs[config["execution_id"]] = subscription
                answer = {"type": "ack", "payload": {"subscribed": True, "subscription_id": subscription, **config}}
            case "unsubscribe":
                client.filters.pop(question["subscription_id"], None)
                client.logs = {job: sub for job, sub in client.logs.items() if sub != question["subscription_id"]}
                answer = {"type": "ack", "payload": {"unsubscribed": True}}
            case "access_token":
                answer = {"type": "ack", "payload": {"type": "access_token", "updated": True}}
            case _:
                pass
        if answer is not None:
            client.outbox.put_nowait(json.dumps(answer) + "\n")
        if question["type"] == "subscribe_logs":
            self._log(config["execution_id"], ("Created execution log subscription",), "info")


def token(**claims: Any) -> str:
    """A token of the service role, or with other claims; its signature is none."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'role': 'service_role', 'sub': 'service_role', **claims})}.c2ln"
