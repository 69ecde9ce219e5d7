"""The emulator answers the recorded requests as the real servers did, value for value.

The recorded requests of each server version are sent in order to one emulator. Ids and tokens of the recording are replaced by
those that the emulator returned in the same place of an earlier response. Not compared are values that differ in every run, values
that depend on when a running job is read, and the exchanges named in `LEFT_OUT`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

import pytest
from fluxbase_jobs.emulator.formats.json_text import JSONValue
from fluxbase_jobs.emulator.profiles import PROFILES

from contract import functions, recordings
from contract.recordings import Exchange
from tests.emulator.conftest import Sign
from tests.support.servers.emulator_in_process import FINAL, AdjustableClock, Client, eventually, serving

LEFT_OUT: Final = {
    "admin": "the admin routes come later",
    "logs_while_running": "takes nine seconds; test_runs.py reads the log of a running job",
    "list_filters": "depends on how far 37 jobs are; test_jobs.py has the filters",
    "parallel": "a race; test_idempotency.py has it",
    "recorded-2026-04 / failures / edges: completed": "the real server lost this result, {}; it did not in March",
}
RANDOM: Final = {"request_id", "worker_id", "job_function_id", "timestamp", "time", "key", "key_prefix", "tenant_id"}
TIME_DEPENDENT: Final = {
    *("status", "worker_id", "started_at", "last_progress_at", "completed_at", "result", "error_message", "progress"),
    *("progress_percent", "progress_message", "progress_data", "estimated_completion_at", "estimated_seconds_left"),
}
IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|<(jwt|client-key)-\d+>=?")
MASKS: Final = {
    IDENTIFIER: "<id>",
    re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+|fbk_[\w-]{8,}=?"): "<id>",
    re.compile(r"20(?!30|20-01)\d\d-\d\d-\d\dT[\d:.]+Z"): "<now>",
    re.compile(r'"estimated_seconds_left": \d+'): '"estimated_seconds_left": n',
    re.compile(r'"stack":".*"(?=})'): '"stack":"..."',
}
BODIES: Final = {
    "latin-1 bytes": b'{"job_name":"echo","payload":{"a":"\xe9"}}',
    "over 1 MB": json.dumps({"job_name": "echo", "payload": {"a": "x" * (1024 * 1024)}}).encode(),
}
AS_BOB: Final = {"another user's logs", "another user's job", "replay as another user"}
AS_SERVICE: Final = {
    *("as service role", "logs as service role", "admin-only function as service role", "submit as service role"),
    *("service role JWT as bearer", "only user_id", "unknown user", "no uuid", "no user_id"),
}
AS_ANON: Final = {"anon JWT", "echo as anon", "admin-only function as anon"}
WITHOUT: Final = {"no credentials", "query token", "client key"}


@pytest.mark.parametrize("version", sorted(PROFILES))
def test_recording(monkeypatch: pytest.MonkeyPatch, sign: Sign, version: str) -> None:
    """No response differs."""
    monkeypatch.setattr(functions, "SECOND", 0.01)
    exchanges = recordings.load(f"recorded-{version}")
    clock = AdjustableClock(pace=0.1)
    with serving(*vars(functions).values(), profile=PROFILES[version], clock=clock) as running, running.client("") as client:
        replay = Replay(client, sign, exchanges)
        sent = [exchange for exchange in exchanges if not is_left_out(exchange)]
        differences = [difference for exchange in sent for difference in replay.differences(exchange)]

    assert len(sent) > 140
    assert "\n".join(differences) == ""


class Replay:
    """Sends the requests of a recording to an emulator and compares the responses."""

    def __init__(self, client: Client, sign: Sign, exchanges: tuple[Exchange, ...]) -> None:
        self._client = client
        self._ours: dict[str, str] = {}
        ada, bob = exchanges[0].json(), exchanges[1].json()
        self._ada, self._ada_refresh, self._bob = ada["access_token"], ada["refresh_token"], bob["access_token"]
        self._service = sign(role="service_role", sub="service_role")
        self._anon = sign(role="anon", sub="anon")
        self._expired = sign(role="authenticated", user_id="00000000-0000-0000-0000-000000000001", lifetime=-60)

    def differences(self, exchange: Exchange) -> Iterator[str]:
        """Send a request and yield the differences between the responses."""
        status, headers, body = self._response(exchange)
        self._learn(exchange.json(), body)
        real, ours = comparable(exchange.json(), exchange.json()), comparable(body, exchange.json())
        if (status, ours) != (exchange.status, real):
            yield f"{exchange.name}\n  real {exchange.status} {json.dumps(real)}\n  ours {status} {json.dumps(ours)}"
        for name in ("content-type", "idempotency-replayed", "x-ratelimit-limit", "x-ratelimit-remaining"):
            if exchange.response_headers.get(name) != headers.get(name):
                yield f"{exchange.name}: {name} is {headers.get(name)}"

    def _response(self, exchange: Exchange) -> tuple[int, Any, Any]:
        """Send one request; if the recorded job had ended, repeat it until ours has."""
        expected = status_of(exchange.json())
        if exchange.method == "GET" and expected in FINAL:
            return eventually(lambda: self._send(exchange), lambda response: status_of(response[2]) == expected)
        return self._send(exchange)

    def _send(self, exchange: Exchange) -> tuple[int, Any, Any]:
        self._client.cookies.clear()
        body = None if exchange.request_body is None else self._translated(exchange.request_body).encode()
        headers = {name: self._key(value) for name, value in exchange.request_headers.items()}
        response = self._client.request(
            exchange.method,
            self._translated(exchange.target),
            content=BODIES.get(exchange.label, body),
            headers={**headers, "authorization": self._authorization(exchange)},
        )
        return response.status_code, response.headers, response.json()

    def _authorization(self, exchange: Exchange) -> str:
        special = {
            "Authorization: ServiceKey": f"ServiceKey {self._service}",
            "lower-case bearer": f"bearer {self._service}",
            "bad bearer": "Bearer garbage",
            "wrong-secret JWT": f"Bearer {self._service[:-4]}AAAA",
            "expired user JWT": f"Bearer {self._expired}",
            "401 with a key": f"Bearer {self._expired}",
            "refresh token as bearer": f"Bearer {self._translated(self._ada_refresh)}",
        }
        if exchange.label in special:
            return special[exchange.label]
        return "" if self._is_without(exchange) else f"Bearer {self._bearer(exchange)}"

    def _is_without(self, exchange: Exchange) -> bool:
        return exchange.auth in {"none", *WITHOUT} or bool(
            {"x-service-key", "apikey", "clientkey", "x-client-key"} & set(exchange.request_headers)
        )

    def _bearer(self, exchange: Exchange) -> str:
        if exchange.label in AS_SERVICE:
            return self._service
        if exchange.label in AS_ANON:
            return self._anon
        return self._translated(self._bob if exchange.label in AS_BOB else self._ada)

    def _key(self, value: str) -> str:
        return self._service if value.startswith("<jwt") else self._translated(value)

    def _translated(self, text: str) -> str:
        for real, ours in self._ours.items():
            text = text.replace(real, ours)
        return text

    def _learn(self, real: JSONValue, ours: JSONValue) -> None:
        """Remember which of our ids and tokens correspond to the recorded ones, other spellings of ids included."""
        if isinstance(real, dict) and isinstance(ours, dict):
            for name, value in real.items():
                self._learn(value, ours.get(name))
        elif isinstance(real, str) and isinstance(ours, str) and IDENTIFIER.fullmatch(real):
            self._ours |= {real: ours, real.upper(): ours.upper(), real.replace("-", ""): ours.replace("-", "")}


def comparable(value: JSONValue, recorded: JSONValue) -> JSONValue:
    """The part of a response that can be compared; `recorded` shows whether its job was unfinished."""
    match value:
        case dict():
            return comparable_object(value, recorded if isinstance(recorded, dict) else {})
        case list():
            others = recorded[: len(value)] if isinstance(recorded, list) else []
            return [comparable(item, other) for item, other in zip_longest(value, others)]
        case str():
            return masked(value)
        case _:
            return value


def comparable_object(value: dict[str, JSONValue], recorded: dict[str, JSONValue]) -> JSONValue:
    """The part of an object that can be compared."""
    if isinstance(lines := value.get("logs"), list):
        # The real server returned two lines with the same timestamp in either order.
        return {"count": value["count"], "logs": "\n".join(sorted(masked(log_line(line)) for line in lines))}
    is_unfinished = "job_name" in recorded and recorded.get("status") not in FINAL
    hidden = TIME_DEPENDENT if is_unfinished else set[str]()
    return {name: "*" if name in RANDOM else comparable(item, recorded.get(name)) for name, item in value.items() if name not in hidden}


def log_line(line: JSONValue) -> str:
    """Level, text and field names of a log line."""
    assert isinstance(line, dict)
    return f"{line['level']} {line['message']} {list(line)}"


def masked(text: str) -> str:
    """The text with a placeholder for everything that differs in every run."""
    for pattern, placeholder in MASKS.items():
        text = pattern.sub(placeholder, text)
    return text


def status_of(body: JSONValue) -> JSONValue:
    """The status of a job, if the body is one."""
    return body.get("status") if isinstance(body, dict) else None


def is_left_out(exchange: Exchange) -> bool:
    """Whether an exchange is skipped: named in LEFT_OUT, or a read of an unfinished job."""
    named = {exchange.scenario, exchange.label, exchange.name} & set(LEFT_OUT)
    return bool(named) or exchange.label.endswith((": pending", ": running"))
