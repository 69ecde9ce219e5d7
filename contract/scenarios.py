"""The requests of the recordings, scenario by scenario, in their order.

Each scenario is a function of the `World` that those before it left behind. The server must run the functions of `job-functions/` (the
emulator: `functions.py`). Labels are what exchanges of two recordings are paired by: do not rename one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias
from uuid import uuid4

from contract.recorder import Raw, Recorder
from contract.world import JOBS, PASSWORD, World

ADMIN: Final = "/api/v1/admin/jobs"
FAR: Final = "2030-01-02T03:04:05Z"
NO_HANDLER_CODE: Final = 'export async function handler(req, f, s, job) { return { hello: "sync" }; }'
AS_SERVICE: Final = "service role"
OVERSIZED: Final = json.dumps({"job_name": "echo", "payload": {"a": "x" * (1024 * 1024)}}).encode()
OVERSIZED_TEXT: Final = '<1,048,6xx bytes: payload {"a": "x" * 1048576}>'
Scenario: TypeAlias = Callable[[World], None]


def auth_tokens(world: World) -> None:
    """Sign in, refresh, and what becomes of the old tokens. The two sign-ups come before, as the world is made."""
    signed_in = world.post("signin", "/api/v1/auth/signin", {"email": world.email("ada"), "password": PASSWORD}, token=None).body
    wrong = {"email": world.email("ada"), "password": "wrong-password-1"}
    world.post("signin with a wrong password", "/api/v1/auth/signin", wrong, token=None)
    used = {"refresh_token": signed_in["refresh_token"]}
    refreshed = world.post("refresh", "/api/v1/auth/refresh", used, token=None).body
    time.sleep(1.1)  # tokens of one second can be equal
    world.post("refresh with the used refresh token", "/api/v1/auth/refresh", used, token=None)
    world.post("refresh with garbage", "/api/v1/auth/refresh", {"refresh_token": "garbage-garbage-garbage-garbage"}, token=None)
    world.get("old access token after refresh still works", f"{JOBS}?limit=1", token=signed_in["access_token"])
    world.get("new access token works", f"{JOBS}?limit=1", token=refreshed["access_token"])


def lifecycle(world: World) -> None:
    """A job from submit to its result, and what may not be done to it then."""
    payload = {"b": 1, "a": [2, 3], "html": "<b>&</b>", "uni": "grüße 🚀", "big": 9007199254740993, "f": 0.10, "nul": None}
    job_id = world.submit("submit", {"job_name": "echo", "payload": payload})
    world.until(job_id)
    world.get("list newest", f"{JOBS}?limit=1")
    world.get("list newest with result", f"{JOBS}?limit=1&include_result=true")
    world.settled_log("logs", job_id)
    world.post("cancel a completed job", f"{JOBS}/{job_id}/cancel")
    world.post("retry a completed job", f"{JOBS}/{job_id}/retry")
    world.post("cancel with an empty JSON body", f"{JOBS}/{job_id}/cancel", {})


def progress_and_logs(world: World) -> None:
    """Progress step by step, and who may read which lines of a log."""
    job_id = world.submit("submit", {"job_name": "steps", "payload": {"steps": 5, "delay_ms": 900}})
    world.until(job_id)
    world.settled_log("logs ", job_id)
    for query in ("?after_line=0", "?after_line=3", "?after_line=9999", "?after_line=-1", "?after_line=abc"):
        world.logs(f"logs {query}", job_id, query)
    world.logs("another user's logs", job_id, token=world.bob)
    world.logs("logs as service role", job_id, token=world.service)
    world.logs("logs of an unknown job", str(uuid4()))
    world.logs("logs of no uuid", "nope")
    job_id = world.submit("submit a quiet job", {"job_name": "quiet"})
    world.until(job_id)
    world.settled_log("logs of a quiet job", job_id)
    job_id = world.submit("submit a chatty job", {"job_name": "chatty"})
    world.until(job_id)
    world.settled_log("logs after line 240", job_id, "?after_line=240")


def logs_while_running(world: World) -> None:
    """A log that grows; then the job is cancelled."""
    job_id = world.submit("submit", {"job_name": "slow"})
    seen = 0
    deadline = time.monotonic() + world.watched_seconds
    while time.monotonic() < deadline:
        lines: list[dict[str, Any]] = world.logs(f"logs after_line={seen}", job_id, f"?after_line={seen}").fields.get("logs") or []
        seen = max([seen, *(line.get("line_number", 0) for line in lines)])
        time.sleep(1.5)
    world.post("cancel while running", f"{JOBS}/{job_id}/cancel")
    world.until(job_id)
    world.post("cancel again", f"{JOBS}/{job_id}/cancel")
    world.post("retry a cancelled job", f"{JOBS}/{job_id}/retry")
    time.sleep(world.log_seconds)
    world.logs("logs after cancel", job_id, f"?after_line={seen}")


def failures(world: World) -> None:
    """The ways in which a job fails, and its retries."""
    for name in ("boom", "softfail", "overtime", "list_result", "null_result", "edges"):
        job_id = world.submit(f"submit {name}", {"job_name": name})
        world.until(job_id, name)
        if name in {"boom", "edges"}:
            world.settled_log(f"logs {name}", job_id)
        if name == "boom":
            world.post("retry with max_retries 0", f"{JOBS}/{job_id}/retry")
    job_id = world.submit("submit flaky", {"job_name": "flaky"})
    world.until(job_id, "flaky")
    for count in (1, 2, 3):
        retried = world.post(f"retry {count}", f"{JOBS}/{job_id}/retry")
        world.get(f"get right after retry {count}", f"{JOBS}/{job_id}")
        if retried.status == 200:
            world.until(job_id, f"flaky retry {count}")
    world.settled_log("logs over all tries", job_id)
    world.post("retry with a pending job", f"{JOBS}/{job_id}/retry")


def big_result(world: World) -> None:
    """A result of 2,000 rows."""
    world.until(world.submit("submit big", {"job_name": "big"}))


def schedule(world: World) -> None:
    """When a job may start, in every form that a client may send."""
    job_id = world.submit("scheduled_at in UTC", {"job_name": "echo", "scheduled_at": FAR})
    world.get("get", f"{JOBS}/{job_id}")
    world.get("list pending", f"{JOBS}?status=pending&limit=1")
    world.post("retry a pending job", f"{JOBS}/{job_id}/retry")
    world.post("cancel a pending job", f"{JOBS}/{job_id}/cancel")
    world.get("get cancelled", f"{JOBS}/{job_id}")
    offset = {"job_name": "echo", "scheduled_at": "2030-01-02T03:04:05.123456789+02:00"}
    job_id = world.submit("scheduled_at with offset and nanoseconds", offset)
    world.get("get", f"{JOBS}/{job_id}")
    world.post("cancel", f"{JOBS}/{job_id}/cancel")
    world.until(world.submit("scheduled (the TypeScript name) is ignored", {"job_name": "echo", "scheduled": FAR}))
    world.until(world.submit("scheduled_at in the past", {"job_name": "echo", "scheduled_at": "2020-01-02T03:04:05Z"}))
    times: Sequence[object] = ("2030-01-02", "2030-01-02 03:04:05", "2030-01-02T03:04:05", "tomorrow", 1893553445, "")
    for value in times:
        world.submit(f"scheduled_at {value!r}", {"job_name": "echo", "scheduled_at": value})
    world.submit("scheduled_at null", {"job_name": "echo", "scheduled_at": None})


def submit_validation(world: World) -> None:
    """What a submit may hold, and the routes that do not exist."""
    _submit_fields(world)
    _submit_functions(world)
    _submit_bodies(world)
    world.get("GET on submit", f"{JOBS}/submit")
    world.get("unknown route", "/api/v1/jobz")
    world.recorder.send("DELETE a job", "DELETE", f"{JOBS}/{uuid4()}", token=world.ada)


def _submit_fields(world: World) -> None:
    values: dict[str, Sequence[object]] = {
        "payload": ([1, 2], "text", 7, True, None, {}),
        "priority": (5, -5, 0, 2147483647, 2147483648, 1.5, 1.0, "7", None, 9223372036854775808),
        "namespace": ("", "default", "nope", None, 5),
        "job_name": ("", "no-such-job", None, 5, "Echo", " echo"),
    }
    for name, choices in values.items():
        scheduled = {"scheduled_at": FAR} if name == "priority" else {}
        for value in choices:
            world.submit(f"{name} {value!r}", {"job_name": "echo", name: value, **scheduled})


def _submit_functions(world: World) -> None:
    world.submit("no job_name", {})
    world.submit("unknown field", {"job_name": "echo", "colour": "red"})
    world.submit("disabled function", {"job_name": "off"})
    world.submit("admin-only function", {"job_name": "admins"})
    world.submit("admin-only function as service role", {"job_name": "admins"}, token=world.service)
    world.submit("admin-only function as anon", {"job_name": "admins"}, token=world.anon)
    world.submit("echo as anon", {"job_name": "echo"}, token=world.anon)


def _submit_bodies(world: World) -> None:
    world.submit("array body", [1])
    world.submit("no body")
    echo = b'{"job_name":"echo"}'
    world.submit_raw("broken JSON", b'{"job_name":')
    world.submit_raw("text/plain", echo, content_type="text/plain")
    world.submit_raw("form body", b"job_name=echo", content_type="application/x-www-form-urlencoded")
    world.submit_raw("json with charset", echo, content_type="application/json; charset=utf-8")
    world.submit_raw("latin-1 bytes", b'{"job_name":"echo","payload":{"a":"\xe9"}}')
    world.submit_raw("NUL in a payload", b'{"job_name":"echo","payload":{"a":"x\\u0000y"}}')
    world.submit_raw("NaN in a payload", b'{"job_name":"echo","payload":{"a":NaN}}')
    world.submit_raw("lone surrogate", b'{"job_name":"echo","payload":{"a":"\\ud800"}}')
    world.submit_raw("duplicate keys", b'{"job_name":"echo","payload":{"a":1,"a":2}}')
    world.submit_raw("70 levels deep", b'{"job_name":"echo","payload":' + b'{"a":' * 70 + b"1" + b"}" * 71)
    world.submit_raw("over 1 MB", OVERSIZED)
    world.recorder.exchanges[-1]["request"]["body"] = OVERSIZED_TEXT


def ids(world: World) -> None:
    """The forms that a job's id may have."""
    job_id = world.submit("submit", {"job_name": "echo"})
    forms = (job_id.upper(), f"%7B{job_id}%7D", job_id.replace("-", ""), f"urn:uuid:{job_id}", "nope", str(uuid4()))
    for form in (*forms, "..%2F..%2Fhealth", f"{job_id}%20", f"{job_id}?x=1"):
        world.get(f"get {form.replace(job_id, '<id>')}", f"{JOBS}/{form}")
    for verb in ("cancel", "retry"):
        world.post(f"{verb} unknown", f"{JOBS}/{uuid4()}/{verb}")
        world.post(f"{verb} no uuid", f"{JOBS}/nope/{verb}")
    world.get("another user's job", f"{JOBS}/{job_id}", token=world.bob)


def list_filters(world: World) -> None:
    """The list's parameters, right and wrong."""
    queries = (
        *("", "?limit=2", "?limit=2&offset=2", "?limit=0", "?limit=-1&offset=1", "?limit=abc&offset=xyz", "?limit=2&offset=100000"),
        *("?status=failed&limit=2", "?status=nope", "?status=", "?status=FAILED"),
        *("?namespace=default&limit=2", "?namespace=nope", "?namespace=&limit=1"),
        *("?include_result=true&limit=2", "?include_result=1&limit=1", "?include_result=True&limit=1", "?includeResult=true&limit=1"),
        *("?job_name=flaky", "?name=flaky&limit=1", "?status=completed&job_name=echo&limit=1&namespace=default"),
        *("?limit=2147483648", "?limit=9223372036854775808&offset=1", "?limit=1&offset=-5", "?limit=1.5"),
    )
    for query in queries:
        envelope = world.get(f"list {query}", f"{JOBS}{query}").fields
        _cut(world.recorder.exchanges[-1], envelope)


def _cut(exchange: Raw, envelope: dict[str, Any]) -> None:
    """Keep two of more than three jobs: how many there are is of no interest."""
    if len(jobs := envelope.get("jobs") or []) > 3:
        exchange["response"]["body"] = json.dumps({**envelope, "jobs": jobs[:2]}, ensure_ascii=False)
        exchange["note"] = f"{len(jobs)} jobs were sent; cut to 2 here"


def credentials(world: World) -> None:
    """Every credential, right and wrong."""
    bearers: dict[str, str | None] = {
        "no credentials": None,
        "bad bearer": "garbage",
        "expired user JWT": world.expired,
        "wrong-secret JWT": world.service[:-4] + "AAAA",
        "anon JWT": world.anon,
        "service role JWT as bearer": world.service,
    }
    headers: dict[str, dict[str, str]] = {
        "service role JWT as X-Service-Key": {"X-Service-Key": world.service},
        "Authorization: ServiceKey": {"Authorization": f"ServiceKey {world.service}"},
        "bad X-Service-Key": {"X-Service-Key": "sk_live_nope"},
        "bad X-Client-Key": {"X-Client-Key": "fbk_nope"},
        "apikey header": {"apikey": world.service},
        "clientkey header with a JWT": {"clientkey": world.service},
        "lower-case bearer": {"Authorization": f"bearer {world.service}"},
    }
    for label, token in bearers.items():
        world.get(label, f"{JOBS}?limit=1", token=token, auth=label)
    for label, sent in headers.items():
        world.get(label, f"{JOBS}?limit=1", token=None, headers=sent, auth=label)
    world.get("refresh token as bearer", f"{JOBS}?limit=1", token=world.ada_refresh, auth="refresh token as bearer")
    world.get("query token", f"{JOBS}?limit=1", token=None, auth="query token")
    _client_key(world)
    world.submit("submit as service role", {"job_name": "echo"}, token=world.service, auth=AS_SERVICE)


def _client_key(world: World) -> None:
    """Make a client key, where the server lets one be made, and use it."""
    settings = {"name": "sdk", "scopes": ["jobs:read", "jobs:write"]}
    made = world.post("create a client key", "/api/v1/client-keys", settings)
    if made.status != 201:
        return
    key: dict[str, Any] = {"token": None, "headers": {"X-Client-Key": made.body["key"]}, "auth": "client key"}
    world.get("list with a client key", f"{JOBS}?limit=1", **key)
    job_id = world.submit("submit with a client key", {"job_name": "echo"}, **key)
    world.logs("logs with a client key", job_id, **key)


def on_behalf_of(world: World) -> None:
    """Jobs for another user."""
    bob = {"user_id": world.bob_id, "user_email": "bob@example.com", "user_role": "authenticated"}
    world.submit("as a user", {"job_name": "echo", "on_behalf_of": bob})
    others: dict[str, dict[str, str]] = {
        "as service role": bob,
        "only user_id": {"user_id": world.bob_id},
        "unknown user": {"user_id": str(uuid4())},
        "no uuid": {"user_id": "bob"},
        "no user_id": {},
    }
    for label, user in others.items():
        world.submit(label, {"job_name": "echo", "on_behalf_of": user}, token=world.service)


def idempotency(world: World) -> None:
    """One key for one job: replays, misuse, refusals that are replayed, and eight submits at once."""
    first, second = ({"job_name": "echo", "payload": {"n": number}} for number in (1, 2))
    key = {"Idempotency-Key": str(uuid4())}
    job_id = world.submit("first", first, headers=key)
    world.submit("replay", first, headers=key)
    world.submit("same key, other body", second, headers=key)
    world.post("same key, other path", f"{JOBS}/{job_id}/cancel", headers=key)
    world.submit("replay as another user", first, headers=key, token=world.bob)
    world.submit("key too long", {"job_name": "echo"}, headers={"Idempotency-Key": "x" * 257})
    world.submit("empty key", {"job_name": "echo"}, headers={"Idempotency-Key": ""})
    key = {"Idempotency-Key": str(uuid4())}
    world.submit("401 with a key", {"job_name": "echo"}, headers=key, token=world.expired)
    world.submit("the 401 is replayed with a good token", {"job_name": "echo"}, headers=key)
    key = {"Idempotency-Key": str(uuid4())}
    world.submit("404 with a key", {"job_name": "no-such-job"}, headers=key)
    world.submit("404 replayed", {"job_name": "no-such-job"}, headers=key)
    _parallel_submits(world, {"Idempotency-Key": str(uuid4())})


def _parallel_submits(world: World, key: dict[str, str]) -> None:
    def send(recorder: Recorder) -> None:
        body = {"job_name": "echo", "payload": {"p": 1}}
        recorder.send("parallel", "POST", f"{JOBS}/submit", body, token=world.ada, headers=key)

    recorders = [Recorder(url=world.recorder.url, secret=world.recorder.secret) for _ in range(8)]
    with ThreadPoolExecutor(len(recorders)) as pool:
        list(pool.map(send, recorders))
    world.recorder.exchanges += [exchange for recorder in recorders for exchange in recorder.exchanges]


def admin(world: World) -> None:
    """The admin routes, as a user, as nobody and as the service role."""
    service: dict[str, Any] = {"token": world.service, "auth": AS_SERVICE}
    world.get("as a user", f"{ADMIN}/queue")
    world.get("no credentials", f"{ADMIN}/queue", token=None)
    world.get(
        "X-Service-Key on admin",
        f"{ADMIN}/queue",
        token=None,
        headers={"X-Service-Key": world.service},
        auth="X-Service-Key service role",
    )
    paths = (
        *("/namespaces", "/functions", "/functions?namespace=default", "/functions?namespace=nope"),
        *("/functions/default/echo", "/functions/default/nope", "/stats", "/stats?namespace=default", "/workers"),
        *("/queue?limit=2", "/queue?limit=1&status=failed&include_result=true", "?limit=1"),
    )
    for path in paths:
        world.get(f"GET {path}", f"{ADMIN}{path}", **service)
    _admin_job(world, service)
    _admin_sync(world, service)


def _admin_job(world: World, service: dict[str, Any]) -> None:
    job_id = world.submit("submit slow", {"job_name": "slow"})
    world.until(job_id, states=frozenset({"running"}))
    world.get("get", f"{ADMIN}/queue/{job_id}", **service)
    world.get("get by /admin/jobs/id", f"{ADMIN}/{job_id}", **service)
    world.post("terminate", f"{ADMIN}/queue/{job_id}/terminate", **service)
    world.post("terminate again", f"{ADMIN}/queue/{job_id}/terminate", **service)
    again = world.post("resubmit", f"{ADMIN}/queue/{job_id}/resubmit", **service)
    if again.status == 201:
        world.post("cancel the resubmitted", f"{ADMIN}/queue/{again.body['id']}/cancel", **service)
    world.post("retry a cancelled job", f"{ADMIN}/queue/{job_id}/retry", **service)
    world.post("resubmit unknown", f"{ADMIN}/queue/{uuid4()}/resubmit", **service)
    world.get("get unknown", f"{ADMIN}/queue/{uuid4()}", **service)


def _admin_sync(world: World, service: dict[str, Any]) -> None:
    hello = {"name": "hello", "code": NO_HANDLER_CODE}
    full = {**hello, "timeout_seconds": 30, "max_retries": 3, "description": "says hello"}

    def sync(label: str, function: Mapping[str, object], **options: bool) -> None:
        body = {"namespace": "reports", "jobs": [function], **({"options": options} if options else {})}
        world.post(label, f"{ADMIN}/sync", body, **service)

    sync("sync dry run", hello, dry_run=True)
    sync("sync", full)
    sync("sync again", hello)
    job_id = world.submit("submit the synced job", {"job_name": "hello", "namespace": "reports"})
    world.until(job_id)
    world.get("list its namespace", f"{JOBS}?namespace=reports&limit=1")
    world.get("list the default namespace", f"{JOBS}?namespace=default&limit=1")
    sync("sync delete missing", {"name": "other", "code": NO_HANDLER_CODE}, delete_missing=True)
    world.get("get a job whose function is gone", f"{JOBS}/{job_id}")
    for label in ("delete a function", "delete it again"):
        world.recorder.send(label, "DELETE", f"{ADMIN}/functions/reports/other", **service)
    world.post("sync from files", f"{ADMIN}/sync", {"namespace": "default"}, **service)


SCENARIOS: Final[tuple[Scenario, ...]] = (
    *(auth_tokens, lifecycle, progress_and_logs, logs_while_running, failures, big_result, schedule),
    *(submit_validation, ids, list_filters, credentials, on_behalf_of, idempotency, admin),
)
