"""Holds one recording against another, exchange by exchange, value by value.

Not compared is what every run chooses (ids, times, tokens, request ids) and what a server says of itself (counts, workers, code). Where an
answer depends on how far the worker is, `RACES` says so, and the other right answers agree too: no request is sent again until it agrees
by luck.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from contract.recordings import Exchange

JSONObject: TypeAlias = dict[str, Any]
Point: TypeAlias = tuple[str, str, str]
"""A path into an answer, and what the two recordings have there."""
Place: TypeAlias = tuple[str, str, int | None]


class Race(StrEnum):
    """What of an exchange depends on the moment; recordings of `record` carry these texts."""

    POLL = "a poll may miss this step of the job"
    STAGE = "each job may be pending, running or ended"
    NEWEST = "which jobs have ended by then"
    HISTORY = "a server that is not new has jobs already"
    LOG = "the lines that were written by then"
    TOGETHER = "the order in which the server takes requests sent at once"


RACES: Final = (
    (Race.POLL, r"\w+ / .+: (pending|running)"),
    (Race.STAGE, r"ids / get <id>(\?x=1)?|ids / get urn:uuid:<id>|ids / another user's job"),
    (Race.STAGE, r"failures / get right after retry \d"),
    (Race.NEWEST, r"list_filters / list \?status=completed.*"),
    (Race.STAGE, r"list_filters / list .*|credentials / .*|admin / GET (/queue)?\?.*|admin / list .* namespace"),
    (Race.HISTORY, r"auth_tokens / (old|new) access token .*"),
    (Race.LOG, r"logs_while_running / logs .*"),
    (Race.TOGETHER, r"idempotency / parallel"),
)
"""Which exchanges are races, as patterns of scenario and label; all others have one right answer."""

OWN: Final = re.compile(
    r"admin / GET /(functions|functions/default/echo|functions\?namespace=default|stats.*|workers)|credentials / create a client key"
)
"""Exchanges in which a server speaks of itself: only keys and types are compared."""

CHOSEN: Final = frozenset(
    {
        *("id", "request_id", "worker_id", "job_function_id", "created_by", "execution_id", "user_id", "tenant_id", "session_id"),
        *("key", "key_prefix", "stack", "estimated_seconds_left", "estimated_completion_at"),
    }
)
"""Keys whose values every run chooses; that they are there is compared."""

PROGRESS: Final = frozenset({"progress", "progress_percent", "progress_message", "progress_data", "last_progress_at"})
TIMED: Final = PROGRESS | {
    *("status", "worker_id", "started_at", "completed_at", "result", "error_message"),
    *("estimated_completion_at", "estimated_seconds_left"),
}
"""Keys of a job that depend on how far it is."""

LOST: Final = {"recorded-2026-04 / failures / edges: completed": PROGRESS | {"result"}}
"""Where a recorded server lost the output of its job (see CONTRACT.md), and the keys that are not compared for it."""

UNDERWAY: Final = frozenset({"pending", "running", "cancelled"})
"""States in which a job may have timed keys or not: a cancelled one may have run or not."""

UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
MASKS: Final = (
    (UUID, "<id>"),
    (re.compile(r"(?:<(?:jwt|client-key)-\d+>|eyJ[\w-]+\.[\w-]+\.[\w-]+)=?"), "<token>"),
    (re.compile(r"20(?!30|20-01)\d\d-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"\b(ada|bob)-[0-9a-f]{6}\b", re.IGNORECASE), r"\1"),
    (re.compile(r'"stack":".*"(?=})'), '"stack":"..."'),
    (re.compile(r'"estimated_seconds_left": ?\d+'), '"estimated_seconds_left": n'),
)
"""What every run chooses inside of texts. The times of 2030 and of January 2020 are the scenarios'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One point in which an exchange was answered otherwise."""

    scenario: str
    label: str
    point: str
    """The path into the answer, as in `body.jobs[0].priority`."""

    recorded: str
    answered: str

    def __str__(self) -> str:
        return f"{self.scenario} / {self.label}: {self.point}\n    recorded {self.recorded}\n    answered {self.answered}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What holding one recording against another gave."""

    compared: int
    races: int
    """How many of the exchanges have more than one right answer."""

    differences: tuple[Difference, ...]
    different: int
    """How many exchanges differ, each in one point or more."""

    def __str__(self) -> str:
        agreed = f"{self.compared - self.different} of {self.compared} exchanges agree"
        return "\n".join([*map(str, self.differences), f"{agreed}; {self.races} of them have more than one right answer"])


class Comparer:
    """Compares answers with those of one recording. A `lossy` server may lose output of a job and have older jobs, as real ones do."""

    def __init__(
        self, recorded: Sequence[Exchange], *, lossy: bool = False, excused: Mapping[str, frozenset[str]] = MappingProxyType({})
    ) -> None:
        """Learn from the recording which keys a job has in which state, and which lines its logs have.

        Args:
            recorded: the recording that answers are held against.
            lossy: whether answers come from a server that loses output and has a history.
            excused: names of exchanges, and the keys of their jobs that are not compared.
        """
        self._recorded = recorded
        self._lossy = lossy
        self._excused = {**LOST, **excused}
        self._stages = {_stage(job, exchange) for exchange in recorded for job in _jobs(exchange)}
        self._lines = {line for exchange in recorded for line in _lines(_decoded(exchange))}
        self._together = {_outline(exchange) for exchange in recorded if exchange.label in {"parallel", "replay"}}

    def compare(self, answered: Sequence[Exchange]) -> Comparison:
        """Pair the exchanges by scenario, label and order, and compare each pair; scenarios that were not recorded are left out."""
        waiting: dict[Place, list[Exchange]] = defaultdict(list)
        for place, exchange in _placed(answered):
            waiting[place].append(exchange)
        scenarios = {exchange.scenario for exchange in answered}
        expected = [exchange for exchange in self._recorded if exchange.scenario in scenarios]
        found = [list(self._differences(exchange, waiting[place])) for place, exchange in _placed(expected)]
        return Comparison(
            compared=len(expected),
            races=sum(race_of(exchange.scenario, exchange.label) is not None for exchange in expected),
            differences=tuple(difference for differences in found for difference in differences),
            different=sum(bool(differences) for differences in found),
        )

    def _differences(self, real: Exchange, candidates: list[Exchange]) -> Iterator[Difference]:
        race = race_of(real.scenario, real.label)
        if not candidates and race in {Race.POLL, Race.LOG}:
            return
        points = self._points(real, candidates.pop(0), race) if candidates else [("exchange", "an answer", "not requested")]
        for point, recorded, answered in points:
            yield Difference(scenario=real.scenario, label=real.label, point=point, recorded=recorded, answered=answered)

    def _points(self, real: Exchange, ours: Exchange, race: Race | None) -> Iterator[Point]:
        """In which points two answers differ."""
        if race is Race.TOGETHER:
            if _outline(ours) not in self._together:
                yield "answer", " or ".join(sorted(self._together)), _outline(ours)
            return
        yield from _unlike(_head(real), _head(ours), "")
        recorded, answered = _decoded(real), _decoded(ours)
        yield from _unlike(*self._comparable(recorded, answered, real, race), "body")

    def _comparable(self, recorded: object, answered: object, real: Exchange, race: Race | None) -> tuple[object, object]:
        """Both bodies without that in which they may differ and what every run chooses."""
        if OWN.fullmatch(f"{real.scenario} / {real.label}"):
            return _shape(recorded), _shape(answered)
        objects = [cast("JSONObject", value) for value in (recorded, answered) if isinstance(value, dict)]
        if len(objects) == 2:
            recorded, answered = self._settled(objects[0], objects[1], real, race)
        return _normal(recorded), _normal(answered)

    def _settled(self, recorded: JSONObject, answered: JSONObject, real: Exchange, race: Race | None) -> tuple[object, object]:
        """Both bodies without that in which they may differ."""
        if race in {Race.HISTORY, Race.NEWEST}:
            return _anonymous(recorded), _anonymous(answered)
        if "job_name" in recorded and "job_name" in answered:
            return self._settled_jobs(recorded, answered, real, race)
        if recorded.get("jobs") and answered.get("jobs"):
            return self._settled_lists(recorded, answered, real, race)
        if "logs" in recorded and "logs" in answered:
            return self._settled_logs(recorded, answered, race)
        return recorded, answered

    def _settled_lists(self, recorded: JSONObject, answered: JSONObject, real: Exchange, race: Race | None) -> tuple[object, object]:
        """Both lists with their jobs settled in pairs; of a server that has older jobs, only the newest is compared."""
        length = 1 if self._lossy else None
        left: list[JSONObject] = recorded["jobs"][:length]
        right: list[JSONObject] = answered["jobs"][:length]
        pairs = [self._settled_jobs(one, other, real, race) for one, other in zip(left, right, strict=False)]
        settled = [pair[0] for pair in pairs] + left[len(pairs) :], [pair[1] for pair in pairs] + right[len(pairs) :]
        return {**recorded, "jobs": settled[0]}, {**answered, "jobs": settled[1]}

    def _settled_jobs(self, recorded: JSONObject, answered: JSONObject, real: Exchange, race: Race | None) -> tuple[object, object]:
        """Both jobs, without the timed keys where those depend on the moment."""
        hidden: frozenset[str] = frozenset()
        if recorded.get("status") != answered.get("status"):
            if race in {Race.POLL, Race.STAGE} and (answered.get("status") in UNDERWAY or _stage(answered, real) in self._stages):
                hidden = TIMED
        elif answered.get("status") in UNDERWAY:
            hidden = TIMED - {"status"}
        elif self._lossy:
            hidden = PROGRESS | {"result"} if answered.get("result") == "{}" else PROGRESS
        hidden |= self._excused.get(real.name, frozenset())
        return _without(recorded, hidden), _without(answered, hidden)

    def _settled_logs(self, recorded: JSONObject, answered: JSONObject, race: Race | None) -> tuple[object, object]:
        """Both logs as sorted lines: two lines of one moment come in either order. A lossy server may have fewer, a race others."""
        real, ours = sorted(_lines(recorded)), sorted(_lines(answered))
        if race is Race.LOG:
            real = ours if _numberless(ours) <= _numberless(self._lines) else real
        elif self._lossy and bool(real) == bool(ours) and set(ours) <= self._lines:
            real = ours
        return {"logs": real}, {"logs": ours, **({} if answered["count"] == len(_lines(answered)) else {"count": answered["count"]})}


def race_of(scenario: str, label: str) -> Race | None:
    """What of an exchange depends on the moment, if anything."""
    name = f"{scenario} / {UUID.sub('<id>', label)}"
    return next((race for race, pattern in RACES if re.fullmatch(pattern, name)), None)


def _placed(exchanges: Sequence[Exchange]) -> Iterator[tuple[Place, Exchange]]:
    """Each exchange with what it is paired by: its scenario, its label, and for a poll which of the scenario's jobs it is about."""
    submitted: dict[str, dict[object, int]] = defaultdict(dict)
    for exchange in exchanges:
        label = re.sub(r"^(logs after_line=)\d+$", r"\1<n>", UUID.sub("<id>", exchange.label))
        job_id, jobs = _job_id(exchange), submitted[exchange.scenario]
        if exchange.path.endswith("/submit") and exchange.status == 201:
            jobs.setdefault(job_id, len(jobs))
        is_poll = race_of(exchange.scenario, label) is Race.POLL
        yield (exchange.scenario, label, jobs.get(job_id) if is_poll else None), exchange


def _job_id(exchange: Exchange) -> object:
    body = _decoded(exchange)
    return cast("JSONObject", body).get("id") if isinstance(body, dict) else None


def _decoded(exchange: Exchange) -> object:
    try:
        return exchange.json()
    except ValueError:
        return exchange.body


def _jobs(exchange: Exchange) -> Iterator[JSONObject]:
    """The jobs in an answer: itself, or those of a list."""
    body = _decoded(exchange)
    if isinstance(body, dict):
        known = cast("JSONObject", body)
        yield from [known] if "job_name" in known else known.get("jobs") or []


def _stage(job: JSONObject, exchange: Exchange) -> tuple[str, str, frozenset[str]]:
    """The form of the answer, the job's status and which of the timed keys it has."""
    form = "job" if "/jobs?" not in f"{exchange.path}?" and "/queue?" not in f"{exchange.path}?" else exchange.query
    results = "include_result=true" in form
    return "job" if form == "job" else f"list {results}", job["status"], frozenset(job.keys() & TIMED)


def _lines(body: object) -> list[str]:
    """The lines of a log: level, text and the names of the fields."""
    lines: list[JSONObject] = (cast("JSONObject", body).get("logs") if isinstance(body, dict) else None) or []
    return [f"{line['level']} {_masked(line['message'])} {sorted(line)}" for line in lines]


def _numberless(lines: Iterable[str]) -> set[str]:
    """The lines that differ in more than a number."""
    return {re.sub(r"\d+", "n", line) for line in lines}


def _anonymous(envelope: JSONObject) -> JSONObject:
    """A list's response without the fields that differ from job to job."""
    return {**envelope, "jobs": None}


def _head(exchange: Exchange) -> JSONObject:
    """What is compared of an answer beside its body."""
    headers = exchange.response_headers
    kept = {name: headers.get(name, "none") for name in ("content-type", "retry-after", "idempotency-replayed")}
    return {"status": exchange.status, **kept, "cookies": "set-cookie" in headers}


def _outline(exchange: Exchange) -> str:
    """An answer by its head and the keys and types of its body."""
    return json.dumps([_head(exchange), _shape(_decoded(exchange))], sort_keys=True)


def _shape(value: object) -> object:
    """Keys and types; of a list, those of its first item."""
    match value:
        case dict():
            return {key: _shape(item) for key, item in sorted(cast("JSONObject", value).items())}
        case list():
            return [_shape(item) for item in cast("list[object]", value)[:1]]
        case bool() | str() | None:
            return type(value).__name__
        case _:
            return "number"


def _normal(value: object) -> object:
    """A value without what every run chooses."""
    match value:
        case dict():
            known = cast("JSONObject", value).items()
            return {key: "*" if key in CHOSEN else _normal(item) for key, item in known}
        case list():
            return [_normal(item) for item in cast("list[object]", value)]
        case str():
            return _masked(value)
        case _:
            return value


def _masked(text: str) -> str:
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text


def _without(job: JSONObject, hidden: frozenset[str]) -> JSONObject:
    return {key: value for key, value in job.items() if key not in hidden}


def _unlike(real: object, ours: object, path: str) -> Iterator[Point]:
    """The paths at which two values differ."""
    left, right = _parts(real), _parts(ours)
    if left is not None and right is not None and type(real) is type(ours) and (isinstance(real, dict) or len(left) == len(right)):
        for key in dict.fromkeys([*left, *right]):
            yield from _unlike(left.get(key, _ABSENT), right.get(key, _ABSENT), f"{path}{key}".removeprefix("."))
    elif real != ours or type(real) is not type(ours):
        yield path, _text(real), _text(ours)


def _parts(value: object) -> dict[str, object] | None:
    """The values in an object or array, by what follows their path; nothing for other values."""
    match value:
        case dict():
            return {f".{key}": item for key, item in cast("JSONObject", value).items()}
        case list():
            return {f"[{index}]": item for index, item in enumerate(cast("list[object]", value))}
        case _:
            return None


class _Absent:
    """Stands for a key that is not there."""


_ABSENT: Final = _Absent()


def _text(value: object) -> str:
    text = "absent" if value is _ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
