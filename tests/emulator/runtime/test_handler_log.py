"""What handlers log and raise is shown to the developer: on the program's terminal, and in what pytest captures."""

from __future__ import annotations

import logging
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.profiles import APRIL, MARCH, Profile

from tests.support.servers.emulator_in_process import Client, eventually, program, serving

LOGGER: Final = "fluxbase_jobs.emulator.handlers"
HANDLERS: Final = """
from fluxbase_jobs.emulator import function

@function("talks")
def talks(payload, context):
    context.log("first line\\nsecond line")
    context.log("only for debugging", "debug")
    return payload["such a key"]

@function("async_talks")
async def async_talks(payload, context):
    return talks(payload, context)
"""


@function("reports")
def reports(payload: dict[str, Any], context: Context) -> None:
    """Log a line at the payload's level."""
    context.log("a line", payload["level"])


class SilentError(Exception):
    """An exception whose text cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@function("raises")
def raises(payload: dict[str, Any], _context: Context) -> None:
    """Raise the exception that the payload names."""
    errors: dict[str, Exception] = {
        "key": KeyError("name"),
        "number": ValueError(5),
        "text": ValueError("too wide"),
        "empty": AssertionError(),
        "system": FileNotFoundError(2, "No such file"),
        "silent": SilentError("a text"),
    }
    raise errors[payload["kind"]]


@function("returns_a_set")
def returns_a_set(_payload: dict[str, Any], _context: Context) -> Any:
    """Return what has no JSON form."""
    return {1}


@pytest.fixture(scope="module")
def lab() -> Generator[Client]:
    """A client of an emulator with the handlers above."""
    with serving(reports, raises, returns_a_set, profile=MARCH) as running, running.client() as client:
        yield client


@pytest.mark.parametrize("profile", [MARCH, APRIL], ids=["march", "april"])
@pytest.mark.parametrize("name", ["talks", "async_talks"])
def test_on_the_terminal(tmp_path: Path, profile: Profile, name: str) -> None:
    """Each line and the traceback, from the handler's own frame on, whatever clients can read; the server's own lines are left out."""
    path = tmp_path / "handlers.py"
    path.write_text(HANDLERS)
    with program("--functions", path, "--profile", profile.name) as started:
        with started.running.client() as client:
            job_id = client.run(name)["id"]
        started.end(signal.SIGTERM)
        assert started.process.stderr
        errors = started.process.stderr.read()

    lines = [line.partition(" ")[2] for line in errors.splitlines()]
    label = f"job {job_id} of default/{name}"
    assert lines[:4] == [
        f"{label}: first line",
        f"{label}: second line",
        f"{label}: only for debugging",
        f"{label} raised an exception:",
    ]
    assert errors.splitlines()[4] == "Traceback (most recent call last):"
    assert errors.splitlines()[5].startswith(f'  File "{path}", line ')
    assert "KeyError: 'such a key'" in errors
    assert "__RESULT__" not in errors


@pytest.mark.parametrize(
    ("level", "logged"),
    [("trace", "DEBUG"), ("debug", "DEBUG"), ("info", "INFO"), ("warn", "WARNING"), ("error", "ERROR"), ("panic", "CRITICAL")],
)
def test_level_of_a_line(lab: Client, caplog: pytest.LogCaptureFixture, level: str, logged: str) -> None:
    """A line keeps its level, and pytest captures it at every level without a setting."""
    job_id = lab.run("reports", {"level": level})["id"]

    records = [record for record in caplog.records if record.name == LOGGER]
    assert [(record.levelname, record.getMessage()) for record in records] == [(logged, f"job {job_id} of default/reports: a line")]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("key", "KeyError: 'name'"),
        ("silent", "SilentError"),
        ("number", "ValueError: 5"),
        ("text", "too wide"),
        ("empty", "AssertionError"),
        ("system", "[Errno 2] No such file"),
    ],
)
def test_text_of_an_exception(lab: Client, caplog: pytest.LogCaptureFixture, kind: str, text: str) -> None:
    """In the job's log an exception has its type where its text is only a value; to pytest it comes as an exception."""
    job_id = lab.run("raises", {"kind": kind})["id"]

    assert lab.messages(job_id)[0] == ("error", f"Job execution error: {text}")
    (record,) = eventually(lambda: [record for record in caplog.records if record.name == LOGGER], bool)
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert isinstance(record.exc_info[1], Exception)


def test_result_without_a_json_form(lab: Client, caplog: pytest.LogCaptureFixture) -> None:
    """A result that cannot be returned is logged there too."""
    lab.run("returns_a_set")

    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert record.exc_info
    assert "set" in str(record.exc_info[1])
