"""A server that keeps idempotency keys as the real one does, holds jobs, and fails as often as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from random import Random
from typing import Any, Final
from uuid import UUID

from attrs import define, evolve, field

from tests.support.local_server import Answer, LocalServer, Request
from tests.support.sample_responses import job

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
class KeepingServer(LocalServer):
    """Takes submits of any function but those in `unknown`; each has its job, and each key its first answer."""

    fault_rate: float = 0.0
    seed: int = 7
    unknown: set[str] = field(factory=set[str])
    jobs: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    kept: dict[str, tuple[bytes, Answer]] = field(factory=dict[str, tuple[bytes, Answer]])
    faults: int = 0
    _dice: Random = field(init=False)
    _changing: threading.Lock = field(factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self._dice = Random(self.seed)  # noqa: S311  # the same faults in each run

    def next(self) -> Answer:
        """A fault, or none."""
        with self._changing:
            if self._dice.random() >= self.fault_rate:
                return Answer()
            self.faults += 1
            return self._dice.choice(FAULTS)

    def answer_to(self, request: Request, planned: Answer) -> Answer:
        """The first answer to the key, or a new job; a proxy's refusals come before and are not kept."""
        if planned.status != 200:
            return planned
        with self._changing:
            return evolve(self._handled(request), fault=planned.fault)

    def _handled(self, request: Request) -> Answer:
        key = request.headers[KEY]
        if key not in self.kept:
            self.kept[key] = (request.body, self._submitted(request.json()))
            return self.kept[key][1]
        body, first = self.kept[key]
        return evolve(first, headers={"idempotency-replayed": "true"}) if body == request.body else Answer(422, _MISMATCH)

    def _submitted(self, asked: dict[str, Any]) -> Answer:
        if asked["job_name"] in self.unknown:
            return Answer(404, _NOT_FOUND)
        self.jobs.append({**asked, "id": str(UUID(int=len(self.jobs)))})
        return Answer(201, job(id=self.jobs[-1]["id"], job_name=asked["job_name"], status="pending"))

    def payloads(self) -> list[Any]:
        """The payloads of its jobs."""
        return [job.get("payload") for job in self.jobs]

    def keys(self) -> list[str]:
        """The keys of all requests."""
        return [request.headers[KEY] for request in self.requests]


def numbered(count: int, start: int = 0) -> Iterable[tuple[str, dict[str, int]]]:
    """Items that differ."""
    return [("resize", {"n": number}) for number in range(start, count)]
