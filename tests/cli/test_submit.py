"""`submit`, `retry` and `resubmit`: what they send, print, and exit with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.program import Program

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def test_submit_prints_the_id(program: Program) -> None:
    """Nothing else on stdout, so that a shell can keep it."""
    ended = program("submit", "echo")

    assert (ended.code, ended.err) == (0, "")
    assert program("get", ended.out.strip(), "--json").json[0]["job_name"] == "echo"


def test_submit_and_wait_prints_the_result(program: Program) -> None:
    """As JSON on stdout; the progress is on stderr."""
    ended = program("submit", "echo", "--set", "n=1", "--wait")

    assert (ended.code, ended.out) == (0, '{\n  "echo": {\n    "n": 1\n  }\n}\n')
    assert "completed" in ended.err


@pytest.mark.parametrize(
    ("options", "payload"),
    [
        (["--set", "n=1", "--set", "text=abc", "--set", "list=[1,null]", "--set", "empty=", "--set", "equals=a=b"], {"n": 1, "text": "abc", "list": [1, None], "empty": "", "equals": "a=b"}),
        (["--set", "n=NaN", "--set", "big=Infinity"], {"n": "NaN", "big": "Infinity"}),
        (["--payload", '{"n": 1, "m": 2}', "--set", "n=3"], {"n": 3, "m": 2}),
        (["--payload", "{}"], {}),
        (["--set", "n=1", "--payload", "@{file}"], {"from": "a file", "n": 1}),
    ],
)  # fmt: skip
def test_payload(program: Program, tmp_path: Path, options: list[str], payload: object) -> None:
    """`--set` is JSON where it parses, else text, and goes over `--payload`."""
    (tmp_path / "payload.json").write_text('\ufeff{"from": "a file"}', "utf-8")
    options = [option.replace("{file}", str(tmp_path / "payload.json")) for option in options]

    assert program("submit", "echo", "--wait", "--json", *options).json[0]["result"] == {"echo": payload}


def test_payload_from_stdin(program: Program) -> None:
    """A lone hyphen reads stdin."""
    assert program("submit", "echo", "--payload", "-", "--wait", "--json", stdin='{"n": "ü"}').json[0]["payload"] == {"n": "ü"}


@pytest.mark.parametrize(
    ("options", "stdin", "message"),
    [
        (["--payload", "{'n': 1}"], None, "--payload is not JSON: Expecting property name enclosed in double quotes (line 1, column 2) (JSON wants double quotes: put the"),
        (["--payload", '{"n": NaN}'], None, "--payload is not JSON: NaN is no JSON number"),
        (["--payload", '{"n": 1e999}'], None, "payload.n"),
        (["--payload", "[1]"], None, "the payload in --payload is no JSON object (give an object, like '{\"width\": 640}', or --set width=640)"),
        (["--payload", "null"], None, "no JSON object"),
        (["--payload", "[" * 100_000], None, "nested too deep"),
        (["--payload", "@missing.json"], None, "missing.json cannot be read: No such file or directory (name a file that you can read)"),
        (["--payload", "@."], None, ". cannot be read: Is a directory"),
        (["--payload", "@a\0b"], None, "cannot be read"),
        (["--payload", "-"], b"\xff\xfe", "stdin is not UTF-8 (byte 0) (save it as UTF-8)"),
        (["--payload", "-"], b"", "stdin is not JSON: Expecting value (line 1, column 1) (it is empty; give an object, like {})"),
        (["--set", "n"], None, "--set 'n' is not key=value (give --set width=640)"),
        (["--set", "=1"], None, "is not key=value"),
        (["--set", "n=1", "--priority", "high"], None, "--priority must be a whole number; got 'high' (--help lists the options)"),
        (["--priority", "3000000000"], None, "--priority must be"),
        (["--schedule", "soon"], None, "--schedule 'soon' is neither a delay nor a moment (give 90s, 10m, 2h or 1d, or 2030-01-31T08:00:00Z)"),
        (["--schedule", "2030-01-31T08:00:00"], None, "--schedule must"),
        (["--schedule", "999999999999d"], None, "too far away"),
        (["--schedule", "1h", "--key", "k"], None, "--schedule 1h cannot be combined with --key"),
        (["--key", "ü"], None, "--key must"),
        (["--timeout", "0"], None, "--timeout 0 is no time limit (give seconds above zero)"),
        (["--timeout", "nan"], None, "is no time limit"),
        (["--nonsense"], None, "Unknown option: --nonsense"),
        (["--schedule", "-5m"], None, "--schedule -5m is in the past (give a delay from now, like 5m)"),
        (["more"], None, "submit takes one NAME, and 'more' is one too many (--help lists the options)"),
        (["width=640"], None, "'width=640' is no option (did you mean --set width=640?)"),
    ],
)  # fmt: skip
def test_wrong_input(program: Program, options: list[str], stdin: bytes | None, message: str) -> None:
    """One line that says what is wrong and how to mend it; exit code 2, and nothing was sent."""
    ended = program("submit", "echo", *options, stdin=stdin)

    assert (ended.code, ended.out) == (2, "")
    assert message in ended.error
    assert program("list", "--json").json == []


def test_unknown_function(program: Program) -> None:
    """The server's error, and where to look."""
    ended = program("submit", "nothing")

    assert ended.code == 5
    assert (
        ended.error
        == "Job function not found: nothing (this server's functions are default/boom, default/echo, default/endless, default/hopeless)"
    )


def test_schedule_as_a_delay_and_as_a_moment(program: Program) -> None:
    """Both are moments for the server."""
    delayed, dated = program.submitted("echo", "--schedule", "90m"), program.submitted("echo", "--schedule", "2040-01-31T08:00:00+01:00")

    assert program("get", dated, "--json").json[0]["scheduled_at"] == "2040-01-31T07:00:00Z"
    assert program("get", delayed, "--json").json[0]["status"] == "pending"


def test_the_same_key_gives_the_same_job(program: Program) -> None:
    """Where the arguments are the same too."""
    assert program.submitted("echo", "--key", "k") == program.submitted("echo", "--key", "k")
    assert "Idempotency" in program("submit", "echo", "--set", "n=1", "--key", "k").error


def test_failed_job(program: Program) -> None:
    """Exit code 1; the cause, and the end of the log, on stderr; with --json the job on stdout and the error as an object."""
    ended = program("submit", "boom", "--wait")
    as_json = program("submit", "boom", "--wait", "--json")

    assert (ended.code, ended.out) == (1, "")
    assert "  about to fail\n" in ended.err
    assert ended.err.endswith("failed: the reactor is on fire\n")
    assert (as_json.code, as_json.json[0]["status"]) == (1, "failed")
    assert '"error": "JobFailed", "message": "the reactor is on fire"' in as_json.err


def test_follow_prints_the_log(program: Program) -> None:
    """The log on stdout, then the result; an error's cause once on stderr."""
    ended, failed = program("submit", "echo", "--follow"), program("submit", "boom", "--follow")

    assert ended.out.startswith("one line\n{\n")
    assert failed.out == "about to fail\nerror Job execution error: the reactor is on fire\n"
    assert failed.err.count("the reactor is on fire") == 1
    assert (ended.code, failed.code) == (0, 1)


@pytest.mark.parametrize("profile", ["2026-04"])
def test_cause_where_the_server_hides_logs(program: Program) -> None:
    """It is heard on the WebSocket."""

    @program.server.function("late")
    async def late(_payload: object, _context: object) -> None:
        await asyncio.sleep(1)
        raise RuntimeError("too late")

    ended = program("submit", "late", "--wait")

    assert ended.code == 1
    assert ended.err.endswith("failed: too late\n")


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["2026-04"])
def test_cause_that_nobody_heard(program: Program) -> None:
    """It says where the text is."""
    job_id = program.submitted("boom")
    program("wait", job_id, program.submitted("echo"))
    ended = program("wait", job_id)

    assert ended.code == 1
    assert "is in its log, which this server did not show" in ended.err
    assert "an emulator shows it in its terminal, and to clients with --profile 2026-03" in ended.err


def test_retry_and_resubmit(program: Program) -> None:
    """Under the same id, and as a new job."""
    job_id = program.job_of("boom", "failed")
    again = program("retry", job_id, "--wait")
    new = program.submitted_by("resubmit", job_id)

    assert (again.code, new != job_id) == (1, True)


def test_retry_that_is_refused(program: Program) -> None:
    """It names the command that helps."""
    job_id = program.job_of("hopeless", "failed")

    assert program("retry", job_id).error.endswith(f"(`fluxbase-jobs resubmit {job_id}` queues a new job like it)")
    assert program("retry", job_id).code == 5
    assert "no retries left" in program("retry", job_id).error
    assert program("resubmit", "x").code == 2
    assert "UUID" in program("resubmit", "x").error


def test_retry_of_a_job_that_has_not_failed(program: Program) -> None:
    """The status, and the command that fits it: a running job cannot be submitted again."""
    done, endless = program.job_of("echo", "completed"), program.submitted("endless")
    program("wait", endless, "--timeout", "0.1")

    assert program("retry", done).error == (
        f"{done}: Only failed jobs can be retried: it is completed (`fluxbase-jobs resubmit {done}` queues a new job like it)"
    )
    assert program("retry", endless).error == (
        f"{endless}: Only failed jobs can be retried: it is running (`fluxbase-jobs wait {endless}` waits for its end)"
    )


@pytest.mark.parametrize(("command", "said"), [("retry", "queued again"), ("resubmit", "submitted")])
def test_many_jobs_again(program: Program, command: str, said: str) -> None:
    """From stdin, with a wait for all; one that is refused has its line, and the others go on."""
    jobs = [program.job_of("boom", "failed") for _ in range(2)]
    plain = program(command, "-", stdin="\n".join([UNKNOWN, jobs[0]]))
    waited = program(command, *jobs[1:], *jobs[1:], "--wait")
    as_json = program(command, program.job_of("boom", "failed"), "--json").json

    assert (plain.code, plain.out.count("\n"), plain.error.startswith(f"{UNKNOWN}: Job not found")) == (5, 1, True)
    assert (plain.out.strip() == jobs[0]) is (command == "retry")
    assert waited.code == 1
    assert waited.err.startswith(f"{said} boom ")
    assert waited.err.count(said) == 1
    assert [job["job_name"] for job in as_json] == ["boom"]


def test_wait_for_many_jobs_again(program: Program) -> None:
    """A summary of each, as `wait` has it; where none was queued there is nothing to wait for."""
    done = [program.job_of("echo", "completed", "--set", f"n={n}") for n in range(2)]
    ended = program("resubmit", *done, "--wait")

    assert (ended.code, ended.out.count("completed  echo")) == (0, 2)
    assert program("resubmit", UNKNOWN, "--wait").code == 5
