"""The recorded exchanges with running Fluxbase servers, as values.

The files beside this module are facts about another program: no test is mended by editing one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
MARCH: Final = "recorded-2026-03"
APRIL: Final = "recorded-2026-04"
LIMITS: Final = "recorded-2026-03-limits"
FAULTS: Final = "recorded-2026-03-faults"
RECORDINGS: Final = (MARCH, APRIL, LIMITS, FAULTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response. Header names are in lower case, bodies the exact text (but `note` says if a list was shortened)."""

    recording: str
    scenario: str
    label: str
    index: int
    """The position in its scenario, because labels repeat."""

    method: str
    path: str
    query: str
    request_headers: Mapping[str, str]
    auth: str
    """A description of the credentials, which are not among the headers."""

    request_body: str | None
    status: int
    response_headers: Mapping[str, str]
    body: str
    note: str | None

    @property
    def name(self) -> str:
        """Recording, scenario and label, for test ids and messages."""
        return f"{self.recording} / {self.scenario} / {self.label}"

    @property
    def target(self) -> str:
        """The path with its query, undecoded."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def succeeded(self) -> bool:
        """Whether the status was 2xx."""
        return self.status // 100 == 2

    def json(self) -> Any:
        """The decoded response body."""
        return json.loads(self.body)


@cache
def load(recording: str) -> tuple[Exchange, ...]:
    """All exchanges of one recording, in the order they were sent."""
    return parsed(recording, json.loads((FOLDER / f"{recording}.json").read_text("utf-8")))


def parsed(recording: str, document: Mapping[str, Any]) -> tuple[Exchange, ...]:
    """All exchanges of a recording's document, in the order they were sent."""
    scenarios: Mapping[str, list[Mapping[str, Any]]] = document["scenarios"]
    return tuple(
        _exchange(recording, scenario, index, raw) for scenario, exchanges in scenarios.items() for index, raw in enumerate(exchanges)
    )


def every_exchange() -> Iterator[Exchange]:
    """The exchanges of all recordings."""
    for recording in RECORDINGS:
        yield from load(recording)


def newest() -> str:
    """The name of the recording of the newest server."""
    return max(path.stem for path in FOLDER.glob("recorded-*.json") if re.fullmatch(r"recorded-\d{4}-\d{2}", path.stem))


def _exchange(recording: str, scenario: str, index: int, raw: Mapping[str, Any]) -> Exchange:
    request, response = raw["request"], raw["response"]
    path, _, query = request["path"].partition("?")
    return Exchange(
        recording=recording,
        scenario=scenario,
        label=raw["label"],
        index=index,
        method=request["method"],
        path=path,
        query=query,
        request_headers=_lower(request["headers"]),
        auth=request["auth"],
        request_body=request["body"],
        status=response["status"],
        response_headers=_lower(response["headers"]),
        body=response["body"],
        note=raw.get("note"),
    )


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def realtime_sessions(recording: str) -> Mapping[str, list[dict[str, Any]]]:
    """The recorded sessions over the WebSocket: what each side sent, in order."""
    sessions: Mapping[str, list[dict[str, Any]]] = json.loads((FOLDER / f"realtime-{recording}.json").read_text("utf-8"))["sessions"]
    return sessions
