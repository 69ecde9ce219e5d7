"""`wait`, `watch` and `logs`: one job and many, their exit codes, and what they print for people and programs."""

from __future__ import annotations

import asyncio

import pytest
from fluxbase_jobs.emulator import Context
from fluxbase_jobs.testing import Server

from tests.support.program import Program

UNKNOWN = "00000000-0000-0000-0000-000000000000"
OTHER = "00000000-0000-0000-0000-000000000001"


def test_wait_prints_the_result(program: Program) -> None:
    """As `submit --wait` does."""
    ended = program("wait", program.submitted("echo"))

    assert (ended.code, ended.out) == (0, '{\n  "echo": {}\n}\n')


def test_wait_for_many_from_stdin(program: Program) -> None:
    """A line for each; the exit code is the worst; ids come one a line or as `list --json` prints them."""
    for name in ("echo", "boom", "echo"):
        program.submitted(name)
    ended = program("wait", "-", stdin=program("list", "--json").out)

    assert ended.code == 1
    assert sorted(line.split()[1] for line in ended.out.splitlines()) == ["completed", "completed", "failed"]
    assert "ended 3 of 3\n" in ended.err
    assert "failed: the reactor is on fire\n" in ended.err


def test_wait_for_many_as_json(program: Program) -> None:
    """A job a line, failed ones too."""
    ended = program("wait", program.submitted("echo"), program.submitted("boom"), "--json")

    assert sorted(job["status"] for job in ended.json) == ["completed", "failed"]
    assert '"error": "JobFailed"' in ended.err


def test_cancelled_and_timed_out(program: Program) -> None:
    """Codes 3 and 4; a timeout says how to wait on."""
    cancelled, endless = program.submitted("endless"), program.submitted("endless")
    program("cancel", cancelled)
    waited, late = program("wait", cancelled), program("wait", endless, "--timeout", "0.2")

    assert (waited.code, late.code) == (3, 4)
    assert waited.err.endswith(f"fluxbase-jobs: job {cancelled} was cancelled\n")
    assert f"run `fluxbase-jobs wait {endless}` to keep waiting" in late.err
    program("cancel", endless)


@pytest.mark.parametrize(
    "command", [["wait"], ["wait", OTHER], ["wait", "--follow"], ["watch"], ["watch", OTHER], ["logs", "--follow"]], ids=" ".join
)
def test_no_server_is_said_at_once(program: Program, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """In place of riding it out for fifteen minutes, as a wait does where the server goes away later."""
    monkeypatch.setenv("FLUXBASE_URL", "http://127.0.0.1:9")
    ended = program(*command, UNKNOWN, "--timeout", "600")

    assert (ended.code, ended.out) == (5, "")
    assert "Connection refused" in ended.err
    assert "is the server running?" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["wait"], 2, "no job id is given (`fluxbase-jobs list` shows the ids; `-` reads them from stdin)"),
        (["wait", "x"], 2, "must be a UUID"),
        (["wait", UNKNOWN], 5, f"{UNKNOWN}: Job not found (is the id right?"),
        (["wait", UNKNOWN, "--timeout", "x"], 2, "--timeout must be a number; got 'x'"),
        (["watch"], 2, "no job id is given"),
        (["watch", UNKNOWN], 5, f"{UNKNOWN}: Job not found (is the id right?"),
        (["logs"], 2, "logs takes one ID, and none is given (`fluxbase-jobs logs --help` shows how)"),
        (["logs", UNKNOWN, "more"], 2, "logs takes one ID, and 'more' is one too many"),
        (["logs", UNKNOWN, "--after", "x"], 2, "--after must be a whole number; got 'x'"),
        (["logs", "x"], 2, "must be a UUID"),
        (["logs", UNKNOWN, "--after", "-1"], 2, "--after must"),
        (["logs", UNKNOWN, "-f"], 5, f"{UNKNOWN}: Job not found (is the id right?"),
        (["logs", UNKNOWN], 5, f"{UNKNOWN}: Failed to get job (is the id right?"),
    ],
)  # fmt: skip
def test_wrong_arguments(program: Program, arguments: list[str], code: int, message: str) -> None:
    """One line, and the code of its kind."""
    ended = program(*arguments, stdin="")

    assert (ended.code, ended.out) == (code, "")
    assert message in ended.error


@pytest.mark.parametrize("command", ["wait", "watch", "logs", "get", "cancel", "terminate", "retry", "resubmit"])
def test_empty_stdin(program: Program, command: str) -> None:
    """Nothing to do is no error: a filter before the pipe may find nothing."""
    ended = program(command, "-", stdin="")

    assert (ended.code, ended.out, ended.error) == (0, "", "no ids on standard input")


@pytest.mark.parametrize("command", ["wait", "watch"])
def test_unknown_ids_among_others_are_named(program: Program, command: str) -> None:
    """Each on its own line."""
    ended = program(command, UNKNOWN, OTHER)

    assert ended.code == 5
    for job_id in (UNKNOWN, OTHER):
        assert f"fluxbase-jobs: {job_id}: Job not found (is the id right?" in ended.err


def test_watch_of_a_completed_job(program: Program) -> None:
    """All of it is done, and its last report is no news any more: `list` and the bars say the same."""
    job_id = program.job_of("echo", "completed")

    assert program("watch", job_id).out == f"{job_id}  completed  100 %\n"


def test_log_of_the_id_on_stdin(program: Program) -> None:
    """As `submit` prints it; only one, as the lines of several would be mixed."""
    job_id = program.job_of("echo", "completed")
    several = program("logs", "-", stdin=f"{job_id}\n{UNKNOWN}\n")

    assert program("logs", "-", stdin=f"{job_id}\n").out == "one line\n"
    assert (several.code, several.error) == (
        2,
        "logs takes one ID, and stdin has 2 (`fluxbase-jobs wait --follow -` prints the logs of several jobs)",
    )


def test_watch_of_a_failed_job(program: Program) -> None:
    """The change says "exit status 1"; the cause is elsewhere."""
    job_id = program.job_of("boom", "failed")

    assert program("watch", job_id).error == f"why job {job_id} failed: run `fluxbase-jobs logs {job_id}` or `fluxbase-jobs wait {job_id}`"


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["2026-04"])
def test_lines_that_are_missing_from_a_followed_log(program: Program) -> None:
    """A note on stderr, which cannot be taken for a line that the job wrote; JSON has it among the lines."""
    program.server.faults.add_frame_fault("execution_log", drop=True)

    @program.server.function("counted")
    async def counted(_payload: object, context: Context) -> None:
        await asyncio.sleep(1)
        for number in range(3):
            context.log(f"number {number}")

    ended = program("submit", "counted", "--follow")

    assert "did not come" not in ended.out
    assert "fluxbase-jobs: line 1 of the log did not come: " in ended.err


def test_stdin_without_ids(program: Program) -> None:
    """Lines that are no jobs are refused before anything is waited for."""
    assert "a line of stdin has no job id" in program("wait", "-", stdin='{"name": "x"}\n').error
    assert "stdin is not JSON" in program("wait", "-", stdin="{broken\n").error


def test_watch_prints_changes(program: Program) -> None:
    """A line each, the end last; JSON lines for programs."""
    job_id = program.submitted("echo")
    ended, as_json = program("watch", job_id), program("watch", job_id, "--json")
    many = program("watch", job_id, program.submitted("boom"))

    assert ended.out.splitlines()[-1].startswith(f"{job_id}  completed")
    assert (ended.code, as_json.json[-1]["status"], many.code) == (0, "completed", 1)


def test_logs(program: Program) -> None:
    """The lines without the server's own; `--after` leaves out the first ones."""
    job_id = program.job_of("boom", "failed")

    assert program("logs", job_id).out == "about to fail\nerror Job execution error: the reactor is on fire\n"
    assert program("logs", job_id, "--after", "1").out == "error Job execution error: the reactor is on fire\n"
    assert program("logs", job_id, "--json").json[0]["message"] == "about to fail"


@pytest.mark.slow
def test_following_a_log(program: Program) -> None:
    """Until the job's end, with its exit code; nothing but the log on stdout."""
    ended = program("logs", "-f", program.submitted("echo"))
    failed = program("logs", "--follow", "--json", program.submitted("boom"))

    assert (ended.code, ended.out) == (0, "one line\n")
    assert (failed.code, [line["level"] for line in failed.json]) == (1, ["info", "error"])


@pytest.mark.slow
def test_following_many_logs(program: Program) -> None:
    """Each line begins with its job."""
    first, second = program.submitted("echo"), program.submitted("echo")
    ended = program("wait", first, second, "--follow")

    assert {f"{first[:8]} one line", f"{second[:8]} one line"} <= set(ended.out.splitlines())


@pytest.mark.parametrize("profile", ["2026-04"])
def test_hidden_log(program: Program) -> None:
    """It is said, so that an empty answer is not taken for an empty log."""
    ended = program("logs", program.job_of("echo", "completed"))

    assert (ended.code, ended.out) == (0, "")
    assert ended.error.startswith("the server shows no line of this log")


def test_server_that_is_gone(program: Program, test_server: Server) -> None:
    """Code 5, and where to look."""
    job_id = program.submitted("echo")
    test_server.close()
    ended = program("logs", job_id)

    assert ended.code == 5
    assert ended.error.endswith("(is the server running? `fluxbase-jobs doctor` looks)")
