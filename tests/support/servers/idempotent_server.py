"""A local server that handles idempotency keys as the real one does, stores jobs, and fails at a given rate."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from random import Random
from typing import Any, Final
from uuid import UUID

from attrs import define, evolve, field

from tests.support.sample_responses import job
from tests.support.servers.local_server import Answer, LocalServer, Request

KEY: Final = "idempotency-key"
FAULTS: Final = (
    Answer(fault="drop before reading"),
    Answer(fault="drop after reading"),
    Answer(fault="half a body"),
    Answer(503, "<html>no server is there</html>", {"content-type": "text/html"}),
    Answer(429, {"error": "Too many requests"}, {"retry-after": "0"}),
)
_NOT_FOUND: Final = {"error": "Job function not found"}
_MISMATCH: Final = {"error": "Idempotency Key Mismatch", "code": "IDEMPOTENCY_REQUEST_BODY_MISMATCH"}


@define
class IdempotentServer(LocalServer):
    """Accepts submits of all functions except those in `unknown`, and repeats the first response for a known key."""

    fault_rate: float = 0.0
    seed: int = 7
    unknown: set[str] = field(factory=set[str])
    jobs: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    stored: dict[str, tuple[bytes, Answer]] = field(factory=dict[str, tuple[bytes, Answer]])
    """The body and the response of the first request with each key."""
    faults: int = 0
    _random: Random = field(init=False)
    _lock: threading.Lock = field(factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311  # the same faults in each run

    def next(self) -> Answer:
        """Choose a fault, or none."""
        with self._lock:
            if self._random.random() >= self.fault_rate:
                return Answer()
            self.faults += 1
            return self._random.choice(FAULTS)

    def answer_to(self, request: Request, planned: Answer) -> Answer:
        """Repeat the first response to the key, or create a job; error statuses, as a proxy sends them, are not stored."""
        if planned.status != 200:
            return planned
        with self._lock:
            return evolve(self._respond(request), fault=planned.fault)

    def _respond(self, request: Request) -> Answer:
        key = request.headers[KEY]
        if key not in self.stored:
            self.stored[key] = (request.body, self._submit(request.json()))
            return self.stored[key][1]
        body, first = self.stored[key]
        return evolve(first, headers={"idempotency-replayed": "true"}) if body == request.body else Answer(422, _MISMATCH)

    def _submit(self, submission: dict[str, Any]) -> Answer:
        if submission["job_name"] in self.unknown:
            return Answer(404, _NOT_FOUND)
        self.jobs.append({**submission, "id": str(UUID(int=len(self.jobs)))})
        return Answer(201, job(id=self.jobs[-1]["id"], job_name=submission["job_name"], status="pending"))

    def payloads(self) -> list[Any]:
        """The payloads of the stored jobs."""
        return [job.get("payload") for job in self.jobs]

    def keys(self) -> list[str]:
        """The idempotency keys of all requests."""
        return [request.headers[KEY] for request in self.requests]


def numbered_items(count: int, start: int = 0) -> Iterable[tuple[str, dict[str, int]]]:
    """Distinct items for `submit_many`."""
    return [("resize", {"n": number}) for number in range(start, count)]
