"""The sync of functions: what each server version creates, updates, deletes and reports, and the effect on jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from fluxbase_jobs.emulator.profiles import APRIL, MARCH

from contract import functions
from tests.support.servers.emulator_in_process import ADMIN, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator.conftest import Sign
    from tests.support.servers.emulator_in_process import Client, Running

SYNC = f"{ADMIN}/sync"
CODE = "export async function handler() { return {} }"
FULL: dict[str, Any] = {
    "name": "f",
    "code": "one",
    "description": "d",
    "original_code": "o",
    "is_bundled": True,
    "enabled": False,
    "schedule": "0 0 * * *",
    "timeout_seconds": 11,
    "memory_limit_mb": 12,
    "max_retries": 13,
    "progress_timeout_seconds": 14,
    "allow_net": False,
    "allow_env": False,
    "allow_read": True,
    "allow_write": True,
    "require_roles": ["x", "y"],
}
NUMBERS = ("timeout_seconds", "memory_limit_mb", "max_retries", "progress_timeout_seconds")
NUL = 'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
DUPLICATE = 'ERROR: duplicate key value violates unique constraint "functions_name_namespace_key" (SQLSTATE 23505)'


def some_namespace() -> str:
    """A namespace that no other test uses, and that sorts after `default`: submits without a namespace must not find its functions."""
    return f"sync-{uuid4()}"


def numbers(definition: dict[str, Any]) -> tuple[Any, ...]:
    """The four numbers of a function."""
    return tuple(definition[name] for name in NUMBERS)


def failures(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The errors in the response of either server version."""
    return [(fault.get("job", fault.get("name")), fault["action"], fault["error"]) for fault in report.get("errors", [])]


def test_the_response_of_march(march_admin: Client) -> None:
    """All fields, sorted, with a success message even if there were errors."""
    body = {"namespace": "m", "jobs": [{"name": "f"}, {"name": "f"}]}
    done = {"action": "create", "error": DUPLICATE, "job": "f"}

    text = march_admin.post(SYNC, json=body).text

    assert text == json.dumps(
        {
            "details": {"created": ["f"], "deleted": [], "unchanged": [], "updated": []},
            "dry_run": False,
            "errors": [done],
            "message": "Jobs synced successfully",
            "namespace": "m",
            "summary": {"created": 1, "deleted": 0, "errors": 1, "unchanged": 0, "updated": 0},
        },
        separators=(",", ":"),
    )


def test_the_response_of_april(april_admin: Client) -> None:
    """Either a message or errors."""
    well = april_admin.post(SYNC, json={"namespace": "a", "jobs": [{"name": "f"}]}).text
    badly = april_admin.post(SYNC, json={"namespace": "a", "jobs": [{"name": "g"}, {"name": "g"}]}).json()

    assert well == json.dumps(
        {
            "message": "Sync completed",
            "namespace": "a",
            "summary": {"created": 1, "updated": 0, "deleted": 0, "unchanged": 0, "errors": 0},
            "details": {"created": ["f"], "updated": [], "deleted": []},
            "dry_run": False,
        },
        separators=(",", ":"),
    )
    assert list(badly) == ["namespace", "summary", "details", "errors", "dry_run"]
    assert badly["errors"] == [{"name": "g", "error": DUPLICATE, "action": "create"}]


def test_a_new_function_in_march(march_admin: Client) -> None:
    """It has its code and the server's defaults."""
    namespace = some_namespace()
    march_admin.sync(namespace, {"name": "f", "code": CODE}, {**FULL, "name": "g"})

    found, other = march_admin.function(namespace, "f"), march_admin.function(namespace, "g")

    assert found["code"] == found["original_code"] == CODE
    assert numbers(found) == (300, 256, 0, 300)
    assert (found["is_bundled"], found["enabled"], found["allow_net"], found["allow_read"]) == (True, True, True, False)
    assert (found["version"], found["source"]) == (1, "api")
    assert not {"description", "schedule", "require_roles", "created_by"} & found.keys()
    assert {key: other[key] for key in FULL} == {**FULL, "name": "g"}


def test_a_new_function_in_april(april_admin: Client) -> None:
    """It loses its code, and numbers that are not sent are zero."""
    namespace = some_namespace()
    april_admin.sync(namespace, {"name": "f", "code": CODE}, {**FULL, "name": "g"})

    found, other = april_admin.function(namespace, "f"), april_admin.function(namespace, "g")

    assert (found["code"], found["original_code"], found["is_bundled"]) == ("", "", False)
    assert numbers(found) == (0, 0, 0, 0)
    assert {key: other[key] for key in FULL} == {**FULL, "name": "g", "code": "", "original_code": "", "is_bundled": False}


def test_march_reads_the_annotations_in_the_code(march_admin: Client, april_admin: Client) -> None:
    """There are four, and numbers that are sent override them. April servers lose the code before they read it."""
    namespace = some_namespace()
    marked = "// @fluxbase:timeout 17 @fluxbase:memory 99\n// @fluxbase:max-retries 4\n// @fluxbase:progress-timeout 8"
    jobs: list[dict[str, Any]] = [{"name": "f", "code": marked}, {"name": "g", "code": "", "original_code": marked, "timeout_seconds": 1}]
    for admin in (march_admin, april_admin):
        admin.sync(namespace, *jobs)

    assert numbers(march_admin.function(namespace, "f")) == (17, 99, 4, 8)
    assert numbers(march_admin.function(namespace, "g")) == (1, 99, 4, 8)
    assert numbers(april_admin.function(namespace, "f")) == (0, 0, 0, 0)


def test_invalid_annotations_are_ignored(march_admin: Client) -> None:
    """Numbers beyond 64 bits are ignored too."""
    namespace = some_namespace()
    march_admin.sync(
        namespace, {"name": "f", "code": f"@fluxbase:timeout soon @fluxbase:memory {2**63} @fluxbase:max-retries {'9' * 5000}"}
    )

    assert numbers(march_admin.function(namespace, "f")) == (300, 256, 0, 300)


def test_an_update_keeps_what_is_not_sent(admin: Client, march_admin: Client) -> None:
    """All fields but the code. On March servers three of the numbers come from the code's annotations or their defaults."""
    namespace = some_namespace()
    admin.sync(namespace, FULL)
    before = admin.function(namespace, "f")

    report = admin.sync(namespace, {"name": "f", "code": "two", "description": None, "require_roles": []})
    after = admin.function(namespace, "f")

    in_march = admin.base_url == march_admin.base_url
    code = ("two", "two") if in_march else ("", "")
    assert (report["summary"]["updated"], report["details"]["updated"]) == (1, ["f"])
    assert (after["version"], after["code"], after["original_code"]) == (2, *code)
    assert numbers(after) == ((300, 256, 13, 300) if in_march else (11, 12, 13, 14))
    changed = {*NUMBERS, "version", "code", "original_code", "updated_at"}
    assert {key: after[key] for key in after.keys() - changed} == {key: before[key] for key in before.keys() - changed}
    assert after["updated_at"] > before["updated_at"]


def test_an_update_changes_what_is_sent(admin: Client) -> None:
    """Zero, empty and false count as sent."""
    namespace = some_namespace()
    admin.sync(namespace, FULL)
    sent = {**dict.fromkeys(NUMBERS, 0), "description": "", "schedule": "", "enabled": True, "allow_write": False, "require_roles": ["z"]}

    admin.sync(namespace, {"name": "f", **sent})

    found = admin.function(namespace, "f")
    assert {key: found[key] for key in sent} == sent


def test_a_dry_run_changes_nothing(admin: Client) -> None:
    """It reports what a sync would do; a function named twice is reported twice."""
    namespace = some_namespace()
    admin.sync(namespace, {"name": "kept"}, {"name": "old"}, {"name": "a"})

    report = admin.sync(namespace, {"name": "kept"}, {"name": "new"}, {"name": "new"}, dry_run=True, delete_missing=True)

    assert (report["message"], report["dry_run"]) == ("Dry run - no changes made", True)
    assert {name: report["details"][name] for name in ("created", "updated", "deleted")} == {
        "created": ["new", "new"],
        "updated": ["kept"],
        "deleted": ["a", "old"],
    }
    assert admin.function(namespace, "kept")["version"] == 1
    assert admin.functions(namespace) == ["a", "kept", "old"]


def test_missing_functions_are_deleted_on_request(admin: Client) -> None:
    """Only in the synced namespace, and even if another function failed."""
    namespace, other = some_namespace(), some_namespace()
    for each in (namespace, other):
        admin.sync(each, {"name": "a"}, {"name": "b"})
    job_id = admin.run("a", namespace=namespace)["id"]

    assert admin.sync(namespace, {"name": "b"})["details"]["deleted"] == []
    report = admin.sync(namespace, {"name": "c"}, {"name": "bad", "code": "", "description": "\0"}, delete_missing=True)

    assert report["details"]["deleted"] == ["a", "b"]
    assert report["summary"] == {"created": 1, "updated": 0, "deleted": 2, "unchanged": 0, "errors": 1}
    assert admin.functions(namespace) == ["c"]
    assert admin.functions(other) == ["a", "b"]
    assert "job_function_id" not in admin.job(job_id)


def test_a_function_that_is_named_twice(admin: Client) -> None:
    """The first is created. Both updates start from the function as it was before the sync."""
    namespace = some_namespace()
    created = admin.sync(namespace, {"name": "f", "description": "one"}, {"name": "f", "description": "two"})
    first = admin.function(namespace, "f")
    updated = admin.sync(namespace, {"name": "f", "max_retries": 5}, {"name": "f", "description": "three"})
    last = admin.function(namespace, "f")

    assert (created["details"]["created"], failures(created)) == (["f"], [("f", "create", DUPLICATE)])
    assert (first["description"], first["version"]) == ("one", 1)
    assert updated["details"]["updated"] == ["f", "f"]
    assert (last["description"], last["max_retries"], last["version"]) == ("three", 0, 3)


def test_april_creates_before_it_updates(march_admin: Client, april_admin: Client) -> None:
    """The order of the errors shows it; March servers follow the order of the list."""
    namespace, wrong = some_namespace(), {"timeout_seconds": 2**31}
    orders: list[list[str]] = []
    for admin in (march_admin, april_admin):
        admin.sync(namespace, {"name": "old"})
        orders.append([name for name, _, _ in failures(admin.sync(namespace, {"name": "old", **wrong}, {"name": "new", **wrong}))])

    assert orders == [["old", "new"], ["new", "old"]]


def test_a_function_that_cannot_be_stored_is_an_error(admin: Client) -> None:
    """The error is the database's; the other functions are synced."""
    namespace = some_namespace()
    admin.sync(namespace, {"name": "known"})

    report = admin.sync(
        namespace,
        {"name": "a", "timeout_seconds": 2**31},
        {"name": "b", "progress_timeout_seconds": -(2**31) - 1},
        {"name": "c", "description": "\0"},
        {"name": "d", "require_roles": ["\0"]},
        {"name": "e\0"},
        {"name": "fine"},
    )
    update = admin.sync(namespace, {"name": "known", "timeout_seconds": 2**31})

    too_large = "unable to encode 2147483648 into binary format for int4 (OID 23): 2147483648 is greater than maximum value for int4"
    too_small = "unable to encode -2147483649 into binary format for int4 (OID 23): -2147483649 is less than minimum value for int4"
    assert failures(report) == [
        ("a", "create", f"failed to encode args[10]: {too_large}"),
        ("b", "create", f"failed to encode args[13]: {too_small}"),
        ("c", "create", NUL),
        ("d", "create", NUL),
        ("e\0", "create", NUL),
    ]
    assert report["details"]["created"] == ["fine"]
    assert failures(update) == [("known", "update", f"failed to encode args[7]: {too_large}")]
    assert admin.function(namespace, "known")["version"] == 1


def test_a_nul_in_code_matters_where_code_is_kept(march_admin: Client, april_admin: Client) -> None:
    """April servers lose the code before they store it."""
    job = {"name": "f", "code": "\0"}

    assert failures(march_admin.sync(some_namespace(), job)) == [("f", "create", NUL)]
    assert failures(april_admin.sync(some_namespace(), job)) == []


def test_unusual_values_are_accepted(admin: Client) -> None:
    """Special characters in names, keys in any case, negative numbers, invalid schedules, unknown keys, null for absent."""
    namespace = some_namespace()
    body = {
        "NAMESPACE": namespace,
        "Jobs": [
            None,
            {"NAME": "x/y", "style": 1, "source": "filesystem", "disable_execution_logs": True},
            {"name": "\ud800", "schedule": "every tuesday", "max_retries": -1, "enabled": None, "require_roles": [None, ""]},
        ],
        "options": None,
    }

    report = admin.post(SYNC, content=json.dumps(body), headers={"content-type": "application/vnd.x+json"}).json()

    assert report["details"]["created"] == ["", "x/y", "\ufffd"]
    found = {entry["name"]: entry for entry in admin.get(f"{ADMIN}/functions", params={"namespace": namespace}).json()}
    assert (found["x/y"]["source"], found["x/y"]["disable_execution_logs"]) == ("api", False)
    odd = found["\ufffd"]
    assert (odd["schedule"], odd["max_retries"], odd["enabled"], odd["require_roles"]) == ("every tuesday", -1, True, ["", ""])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '"x"',
        "{} x",
        '{"namespace":1}',
        '{"jobs":{}}',
        '{"jobs":["x"]}',
        '{"jobs":[[]]}',
        '{"options":[]}',
        '{"options":{"dry_run":1}}',
        '{"options":{"delete_missing":"yes"}}',
        *(f'{{"jobs":[{{"{name}":1}}]}}' for name in ("name", "code", "description", "original_code", "schedule")),
        *(f'{{"jobs":[{{"{name}":"true"}}]}}' for name in ("is_bundled", "enabled", "allow_net", "allow_env", "allow_read", "allow_write")),
        *(f'{{"jobs":[{{"{name}":{value}}}]}}' for name in NUMBERS for value in ('"5"', "1.0", "1e2", "1.5", "true", 2**63)),
        *(f'{{"jobs":[{{"require_roles":{value}}}]}}' for value in ('"admin"', "[1]", "{}")),
        '{"jobs":[{"description":' + "[" * 20_000 + "]" * 20_000 + "}]}",
    ],
)
def test_bodies_that_are_refused(admin: Client, body: str) -> None:
    """A field of a wrong type refuses the whole request."""
    response = admin.post(SYNC, content=body, headers={"content-type": "application/json"})

    assert (response.status_code, response.text) == (400, '{"error":"Invalid request body"}')


@pytest.mark.parametrize("kind", [None, "text/plain"])
def test_a_body_must_be_declared_as_json(admin: Client, kind: str | None) -> None:
    """As on other routes; a form is accepted, but its fields are not read."""
    refused = admin.post(SYNC, content=b"{}", headers={"content-type": kind} if kind else {})
    form = admin.post(SYNC, data={"namespace": "x"})

    assert refused.status_code == 400
    assert form.json()["namespace"] == "default"


@pytest.mark.parametrize("body", ["null", "{}", '{"jobs":null}', '{"jobs":[],"options":{"dry_run":true,"delete_missing":true}}'])
def test_an_empty_sync_loads_the_functions_that_have_a_handler(admin: Client, body: str) -> None:
    """Options are ignored, and both server versions answer with March's fields and zeros."""
    response = admin.post(SYNC, content=body, headers={"content-type": "application/json"})

    assert response.text == (
        '{"details":{"created":[],"deleted":[],"unchanged":[],"updated":[]},"dry_run":false,"errors":[],'
        '"message":"Jobs synced from filesystem","namespace":"default",'
        '"summary":{"created":0,"deleted":0,"errors":0,"unchanged":0,"updated":0}}'
    )


@pytest.mark.parametrize("profile", [MARCH, APRIL], ids=lambda profile: profile.name)
def test_an_empty_sync_reverts_changes(profile: Any) -> None:
    """It restores deleted functions and the handlers' settings, keeps synced functions, and raises the version of each."""
    with serving(profile=profile) as running, running.client(running.service_key) as admin:
        before = admin.function("default", "echo")
        admin.sync(
            "default", {"name": "echo", "code": "changed", "description": "d", "enabled": False, "timeout_seconds": 5}, {"name": "mine"}
        )
        changed = admin.function("default", "echo")
        admin.delete(f"{ADMIN}/functions/default/big")

        admin.sync("default")
        after = admin.function("default", "echo")

        assert changed["source"] == "filesystem"
        assert changed["code"] == ("changed" if profile is MARCH else "")
        assert (before["version"], changed["version"], after["version"]) == (1, 2, 3)
        dated = {"version", "updated_at"}
        assert {key: after[key] for key in after.keys() - dated} == {key: before[key] for key in before.keys() - dated}
        assert admin.function("default", "big")["version"] == 1
        assert admin.function("default", "mine")["version"] == 1


def test_an_empty_sync_fills_another_namespace(admin: Client) -> None:
    """The handlers run the jobs of that namespace too."""
    namespace = some_namespace()
    admin.sync(namespace)

    assert "echo" in admin.functions(namespace)
    assert admin.run("echo", {"a": 1}, namespace=namespace)["result"] == '{"echo": {"a": 1}}'


def test_code_from_the_wire_is_never_run(tmp_path: Path) -> None:
    """March servers complete the job of a function without handler with {}, April servers fail it. Python code is not run."""
    trace = tmp_path / "ran"
    code = f"open({str(trace)!r}, 'w').write('x')\nasync def handler(*_): return {{}}"
    ends: list[tuple[str, str | None]] = []
    for profile in (MARCH, APRIL):
        with serving(profile=profile) as running, running.client(running.service_key) as admin:
            admin.sync("s", {"name": "f", "code": code, "original_code": code})
            job = admin.run("f", {"a": 1}, namespace="s")
            ends.append((job["status"], job.get("result", job.get("error_message"))))

    assert ends == [("completed", "{}"), ("failed", "Job function has no code")]
    assert not trace.exists()


def test_a_job_without_code_is_seen_running_once() -> None:
    """The April recording read such a job while it was running, and failed at the next read; every client sees the same here."""
    with serving(profile=APRIL, poll_interval=1.0) as running, running.client(running.service_key) as admin:
        admin.sync("s", {"name": "f", "code": "x"})
        job_id = admin.queue("f", namespace="s")
        seen = admin.until(job_id, lambda job: job["status"] != "pending")
        ended = admin.ended(job_id)

    assert (seen["status"], ended["status"]) == ("running", "failed")


def test_a_handler_of_its_name_runs_a_synced_function(admin: Client) -> None:
    """In both server versions, whatever code was sent; the sync's settings apply."""
    namespace = some_namespace()
    admin.sync(namespace, {"name": "echo", "code": "raise SystemExit", "max_retries": 7})

    job = admin.run("echo", {"a": 1}, namespace=namespace)

    assert (job["status"], job["result"], job["max_retries"]) == ("completed", '{"echo": {"a": 1}}', 7)


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_invalid_timeout_is_replaced_by_the_default(admin: Client, seconds: int) -> None:
    """Zero or less means five minutes."""
    namespace = some_namespace()
    admin.sync(namespace, {"name": "steps", "timeout_seconds": seconds})

    job = admin.run("steps", {"steps": 2, "delay_ms": 20}, namespace=namespace)

    assert (job["status"], job["max_duration_seconds"]) == ("completed", seconds)


def test_a_sync_changes_which_functions_can_be_submitted(admin: Client, emulator: Running) -> None:
    """Functions can be disabled or limited to roles; a pending job of a disabled function fails."""
    namespace = some_namespace()
    admin.sync(namespace, {"name": "f"})
    waiting = admin.queue("f", namespace=namespace, scheduled_at="2099-01-01T00:00:00Z")

    with emulator.client() as user:
        admin.sync(namespace, {"name": "f", "require_roles": ["admin"]})
        roles = user.submit("f", namespace=namespace)
        admin.sync(namespace, {"name": "f", "enabled": False})
        disabled = user.submit("f", namespace=namespace)
    again = admin.ended(admin.post(f"{ADMIN}/queue/{waiting}/resubmit").json()["id"])

    assert (roles.status_code, roles.json()["required_roles"]) == (403, ["admin"])
    assert disabled.json() == {"error": "Job function is disabled"}
    assert (again["status"], again["error_message"]) == ("failed", "Job function is disabled")


def test_the_author_of_a_function(admin: Client, emulator: Running, sign: Sign) -> None:
    """A user is stored, a service role is not. A user unknown to the server can update functions but not create them."""
    namespace = some_namespace()
    with emulator.client() as user:
        me: str = user.job(user.queue("echo"))["created_by"]

    def sync_as(name: str, user_id: str) -> dict[str, Any]:
        with emulator.client(sign(role="admin", user_id=user_id)) as client:
            return client.sync(namespace, {"name": name})

    sync_as("mine", me)
    sync_as("odd", "no-uuid")
    refused = sync_as("ghost", str(uuid4()))
    admin.sync(namespace, {"name": "services"})

    assert failures(refused) == [
        (
            "ghost",
            "create",
            'ERROR: insert or update on table "functions" violates foreign key constraint "functions_created_by_fkey" (SQLSTATE 23503)',
        )
    ]
    assert sync_as("mine", str(uuid4()))["summary"]["updated"] == 1
    assert admin.function(namespace, "mine")["created_by"] == me
    assert not {"created_by"} & {*admin.function(namespace, "odd"), *admin.function(namespace, "services")}


def test_a_large_sync_is_accepted(admin: Client) -> None:
    """The limit is 500 MB, compared to five on other admin routes."""
    six_megabytes = "x" * (6 * 1024 * 1024)

    assert admin.sync("big", {"name": "f", "code": six_megabytes}, dry_run=True)["details"]["created"] == ["f"]
    refused = admin.post(f"{ADMIN}/queue/x/cancel", content=six_megabytes)
    assert refused.status_code == 413
    assert refused.json()["details"] == {"endpoint_type": "admin", "max_bytes": 5 * 1024 * 1024}


def test_synced_functions_are_kept(tmp_path: Path) -> None:
    """They survive a restart; functions whose handlers are gone do not."""
    database = tmp_path / "jobs.db"
    with serving(functions.echo, functions.big, database=database) as running, running.client(running.service_key) as admin:
        admin.sync("default", {"name": "mine", "description": "kept"}, {"name": "echo", "description": "changed"})

    with serving(functions.echo, database=database) as running, running.client(running.service_key) as admin:
        assert admin.functions("default") == ["echo", "mine"]
        assert admin.function("default", "mine")["description"] == "kept"
        assert "description" not in admin.function("default", "echo")
