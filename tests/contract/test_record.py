"""`record`: a server's answers as a recording, without its secret; what cannot be recorded is refused in one line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fluxbase_jobs.emulator.profiles import PROFILES

from contract import functions, record, scenarios
from contract.compare import Comparer, Race
from contract.record import BadArgument, recorded
from contract.recorder import RecordingFailed
from contract.recordings import APRIL, MARCH, load, parsed
from tests.support.servers.emulator_in_process import SECRET, Running, serving

JOB_FUNCTIONS: Final = Path(record.__file__).with_name("job-functions")
SHORT: Final = (
    *(scenarios.lifecycle, scenarios.schedule, scenarios.submit_validation, scenarios.ids),
    *(scenarios.credentials, scenarios.on_behalf_of, scenarios.idempotency),
)
"""The scenarios that need no long-running job."""


@pytest.fixture(scope="module", params=sorted(PROFILES))
def profile(request: pytest.FixtureRequest) -> str:
    """One of the emulator's profiles."""
    return str(request.param)


@pytest.fixture(scope="module")
def running(profile: str) -> Iterator[Running]:
    """An emulator of the profile with the Python versions of the recorded functions."""
    with serving(*vars(functions).values(), profile=PROFILES[profile]) as server:
        yield server


@pytest.fixture(scope="module")
def document(running: Running) -> dict[str, Any]:
    """The recording of the emulator."""
    return recorded(running.url, SECRET, name="emulator", scenarios=SHORT, log_seconds=0.0)


def test_the_emulator_is_recorded_as_the_server_was(document: dict[str, Any], profile: str) -> None:
    """The recording has the format of the kept ones, and agrees with that of the profile."""
    recording = {"2026-03": MARCH, "2026-04": APRIL}[profile]

    comparison = Comparer(load(recording)).compare(parsed("answered", document))

    assert comparison.differences == ()
    assert comparison.compared == sum(exchange.scenario in document["scenarios"] for exchange in load(recording))
    assert list(document["scenarios"]) == [scenario.__name__ for scenario in SHORT]


def test_no_secret_and_no_token_is_kept(document: dict[str, Any]) -> None:
    """A token stands there as a number; equal tokens have equal ones."""
    text = json.dumps(document)
    sent = {each["label"]: each["request"] for each in document["scenarios"]["credentials"]}

    assert SECRET not in text
    assert not re.search(r"eyJ[\w-]+\.|fbk_(?!nope)|Bearer (?!token)", text)
    assert re.fullmatch(r"<jwt-\d+>", sent["apikey header"]["headers"]["apikey"])
    assert sent["apikey header"]["headers"]["apikey"] == sent["clientkey header with a JWT"]["headers"]["clientkey"]
    assert "Authorization" not in sent["lower-case bearer"]["headers"]


def test_races_are_marked(document: dict[str, Any]) -> None:
    """Whoever reads the recording sees which answers could have been others."""
    marks = {each["label"]: each.get("race") for each in document["scenarios"]["ids"]}

    assert marks["get <id>?x=1"] == Race.STAGE.value
    assert marks["get nope"] is None


def test_the_twins_are_those_of_the_job_functions() -> None:
    """Each function of the server has a Python version with the same name and options."""
    options = {"require-role": "admin", "max-retries": None, "timeout": None, "enabled": None, "disable-execution-logs": None}
    for path in JOB_FUNCTIONS.glob("*.ts"):
        known = dict(re.findall(r"^// @fluxbase:([\w-]+) ?(.*)$", path.read_text(), re.MULTILINE))
        assert known.keys() <= options.keys()
        function = _python_function(path.stem)
        assert str(function.max_retries) == known.get("max-retries", "0")
        assert str(function.timeout) == known.get("timeout", "300")
        assert ",".join(function.require_roles) == known.get("require-role", "")
        assert str(function.enabled).lower() == known.get("enabled", "true")
        assert function.execution_logs == ("disable-execution-logs" not in known)
    assert {name for name in vars(functions) if hasattr(getattr(functions, name), "__fluxbase_job_functions__")} == record.FUNCTIONS


def _python_function(name: str) -> Any:
    return getattr(functions, name).__fluxbase_job_functions__[0]


def test_a_wrong_secret_is_refused(running: Running) -> None:
    """Before anything is recorded."""
    with pytest.raises(BadArgument, match="does not accept a token signed with this JWT secret: pass the one that"):
        recorded(running.url, "another-secret-of-enough-characters", name="x")


def test_a_server_without_the_functions_is_refused() -> None:
    """Its answers would be those of a server without jobs."""
    with (
        serving(functions.echo) as server,
        pytest.raises(BadArgument, match=r"lacks the functions admins, big, .*: start it with those of"),
    ):
        recorded(server.url, SECRET, name="x")


def test_a_server_without_jobs_is_refused() -> None:
    """The error has the status."""
    with serving(functions.echo, jobs="off") as server, pytest.raises(BadArgument, match=r"answers 404 .* has its jobs switched on"):
        recorded(server.url, SECRET, name="x")


def test_an_unreachable_server_is_reported() -> None:
    """With its address, without the token that was sent."""
    with pytest.raises(RecordingFailed, match=r"^http://127.0.0.1:9 does not answer GET /api/v1/jobs: .*refused"):
        recorded("http://127.0.0.1:9", SECRET, name="x")


@pytest.mark.parametrize(
    ("arguments", "secret", "line"),
    [
        ([], "", "the server's address is missing: pass URL JWT_SECRET"),
        ([SECRET], SECRET, "the first argument is no server's address: pass one like http://127.0.0.1:8080"),
        (["http://127.0.0.1:9"], "", "the server's JWT secret is missing: pass URL JWT_SECRET"),
        (["http://127.0.0.1:9"], "a-secret", "the JWT secret is too short: servers take 32 characters or more"),
        (["http://127.0.0.1:9", __file__], SECRET, "exists and recordings are not overwritten: name another file after the secret"),
        (["http://127.0.0.1:9", "/no/such/folder/x.json"], SECRET, "/no/such/folder is no folder: name a file in one that exists"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], secret: str, line: str) -> None:
    """That says what is wrong and how to mend it; the secret is in none."""
    command = [sys.executable, "-m", "contract.record", *arguments]
    folder = Path(record.__file__).parents[1]
    done = subprocess.run(command, env={"FLUXBASE_JWT_SECRET": secret}, cwd=folder, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("record: ")
    assert line in done.stderr
    assert not secret or secret not in done.stderr
