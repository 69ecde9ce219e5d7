"""`list`, `get` and `cancel`."""

from __future__ import annotations

import pytest

from tests.support.program import Program

UNKNOWN = "00000000-0000-0000-0000-000000000000"
OTHER = "00000000-0000-0000-0000-000000000001"


def test_list_as_a_table_and_as_json(program: Program) -> None:
    """The newest first, in columns that a pipe gets whole."""
    first, second = program.job_of("echo", "completed"), program.job_of("boom", "failed")
    table = program("list").out.splitlines()

    assert table[0].split() == ["ID", "NAME", "STATUS", "%", "CREATED", "TOOK", "MESSAGE"]
    assert [line.split()[:3] for line in table[1:]] == [[second, "boom", "failed"], [first, "echo", "completed"]]
    assert [job["id"] for job in program("list", "--json").json] == [second, first]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--status", "failed"], ["boom"]),
        (["--name", "echo"], ["echo", "echo"]),
        (["--limit", "1"], ["boom"]),
        (["--limit", "1", "--offset", "1"], ["echo"]),
        (["--all"], ["boom", "echo", "echo"]),
        (["--all", "--offset", "2"], ["echo"]),
        (["--namespace", "default", "--name", "boom"], ["boom"]),
        (["--namespace", "other"], []),
        (["--worker", UNKNOWN], []),
        (["--worker", UNKNOWN, "--all"], []),
        (["--created-by", UNKNOWN], []),
    ],
)
def test_filters(program: Program, options: list[str], names: list[str]) -> None:
    """Each is sent."""
    for name in ("echo", "echo", "boom"):
        program("submit", name, "--wait")

    assert [job["job_name"] for job in program("list", "--json", *options).json] == names


def test_results_in_a_list(program: Program) -> None:
    """Where they are asked for."""
    program.job_of("echo", "completed", "--set", "n=1")

    assert program("list", "--json").json[0]["result"] is None
    assert program("list", "--json", "--results").json[0]["result"] == {"echo": {"n": 1}}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["list", "--status", "done"], 2, 'Invalid value "done" for --status. Choose from: "pending"'),
        (["list", "--limit", "0"], 2, "--limit must"),
        (["list", "--worker", "x"], 2, "--worker must"),
        (["list", "--worker", UNKNOWN, "--created-by", "me"], 2, "--worker and --created-by cannot be combined"),
        (["list", "--created-by", "me"], 2, "--created-by"),
        (["list", "more"], 2, "list takes no argument, and 'more' is one too many"),
        (["list", "--all", "--limit", "2"], 2, "--all and --limit cannot be combined"),
        (["retry"], 2, "no job id is given"),
        (["resubmit"], 2, "no job id is given"),
        (["resubmit", UNKNOWN, OTHER, "--key", "k"], 2, "--key cannot be combined with several jobs"),
        (["list", "--limit", "x"], 2, "--limit must be a whole number; got 'x'"),
        (["list", "--account", "ada@example.com"], 2, "`login` without --account calls it default"),
        (["list", "--account", "nobody"], 2, "no sign-in is kept as nobody (run `fluxbase-jobs login --account nobody`)"),
        (["list", "--account", "../x"], 2, "is no name for a sign-in"),
        (["get"], 2, "no job id is given"),
        (["get", "x"], 2, "must be a UUID"),
        (["get", UNKNOWN], 5, f"{UNKNOWN}: Job not found (is the id right?"),
        (["retry", UNKNOWN], 5, f"{UNKNOWN}: Job not found (is the id right?"),
        (["cancel"], 2, "no job id is given"),
        (["cancel", "x"], 2, "must be a UUID"),
        (["cancel", UNKNOWN], 5, UNKNOWN),
        (["nonsense"], 2, 'Unknown command "nonsense" (--help lists the commands)'),
        (["lisst"], 2, 'Unknown command "lisst". Did you mean "list"? (--help lists the commands)'),
    ],
)
def test_wrong_arguments(program: Program, arguments: list[str], code: int, message: str) -> None:
    """One line, and the code of its kind."""
    ended = program(*arguments)

    assert (ended.code, ended.out) == (code, "")
    assert message in ended.error


def test_empty_list(program: Program) -> None:
    """Nothing for a pipe."""
    assert (program("list").out, program("list").code) == ("", 0)


def test_get(program: Program) -> None:
    """A field a line, payload and result as JSON, and the log where it is asked for."""
    job_id = program.job_of("echo", "completed", "--set", "n=1")
    lines = program("get", job_id, "--log").out.splitlines()

    assert lines[0].split() == ["id", job_id]
    assert lines[1].split() == ["status", "completed"]
    assert lines[-2:] == ["log", "one line"]
    assert program("get", job_id, "--json").json[0]["payload"] == {"n": 1}


@pytest.mark.parametrize("profile", ["2026-03", "2026-04"])
def test_get_of_a_failed_job(program: Program) -> None:
    """Its status does not tell the cause: how to learn it is said."""
    job_id = program.job_of("boom", "failed")
    ended, as_json = program("get", job_id), program("get", job_id, "--json")

    assert (ended.code, as_json.err) == (0, "")
    assert ended.error == f"why job {job_id} failed: run `fluxbase-jobs logs {job_id}` or `fluxbase-jobs wait {job_id}`"


@pytest.mark.parametrize("profile", ["2026-04"])
def test_get_of_a_hidden_log(program: Program) -> None:
    """Why there is none, and where an emulator shows it."""
    job_id = program.job_of("echo", "completed")
    ended = program("get", job_id, "--log")

    assert (ended.code, "one line" in ended.out) == (0, False)
    assert ended.error.startswith(f"job {job_id}: the server shows no line of this log")
    assert "an emulator shows it in its terminal, and with --profile 2026-03 hides nothing" in ended.error


def test_log_that_cannot_be_read(program: Program) -> None:
    """The job is shown, and why its log is not."""
    job_id = program.job_of("echo", "completed")
    program.server.faults.add("GET /api/v1/jobs/{id}/logs", status=403, times=None)
    ended = program("get", job_id, "--log")

    assert (ended.code, ended.out.split()[:2]) == (0, ["id", job_id])
    assert f"job {job_id}: its log cannot be read: " in ended.err


def test_job_that_is_due_later(program: Program) -> None:
    """When it may start; a job that is due says nothing."""
    later = program.submitted("echo", "--schedule", "2040-01-31T08:00:00Z")

    assert program("list").out.splitlines()[1].split()[0] == later
    assert program("list").out.splitlines()[1].endswith("due 2040-01-31T08:00:00+00:00")


def test_cancel_goes_on_after_an_error(program: Program) -> None:
    """Each job has its line; the exit code is that of the error."""
    done, endless = program.job_of("echo", "completed"), program.submitted("endless")
    ended = program("cancel", done, endless)

    assert (ended.code, ended.out) == (5, f"cancelled {endless}\n")
    assert ended.error == f"{done}: Job cannot be cancelled: it is completed"
    assert program("cancel", program.submitted("endless"), "--json").json[0]["status"] == "cancelled"


def test_cancel_takes_the_table_of_list(program: Program) -> None:
    """Its heading is no id."""
    endless = program.submitted("endless")
    ended = program("cancel", "-", stdin=program("list").out)
    again = program("cancel", endless)

    assert (ended.code, ended.out, ended.err) == (0, f"cancelled {endless}\n", "")
    assert again.error == f"{endless}: Job cannot be cancelled: it is cancelled"


def test_markup_and_control_characters_are_text(program: Program) -> None:
    """A job's name cannot colour the terminal, nor clear it."""

    @program.server.function("evil [red]\x1b[2J")
    def evil(_payload: object, _context: object) -> dict[str, str]:
        return {"x": "\x1b[2J"}

    program("submit", "evil [red]\x1b[2J", "--wait")
    listed, functions = program("list"), program("functions")

    assert "evil [red] [2J" in listed.out
    assert "\x1b" not in listed.out + functions.out


def test_json_errors(program: Program) -> None:
    """With --json an error is one object on stderr, of the command line too."""
    ended = program("get", UNKNOWN, "--json")
    usage = program("get", "--json")

    assert '"error": "NotFound"' in ended.err
    assert '"status": 404' in ended.err
    assert '{"error": "CommandError", "message": "no job id is given"' in usage.err


def test_no_settings(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to export, or to run; a key is never shown."""
    monkeypatch.delenv("FLUXBASE_KEY")
    no_key = program("list")
    monkeypatch.delenv("FLUXBASE_URL")
    nothing = program("list")

    assert (no_key.code, nothing.code) == (5, 2)
    assert "FLUXBASE_KEY is not set" in no_key.error
    assert nothing.error.startswith("FLUXBASE_URL is not set (export FLUXBASE_URL and FLUXBASE_KEY, or sign in with")


@pytest.mark.parametrize("key", ["secret-key with blank", "sk_a-secret-key", "eyJ.a-secret-key.x"])
def test_no_secret_is_printed(program: Program, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Whatever is wrong with it."""
    monkeypatch.setenv("FLUXBASE_KEY", key)
    for command in ("list", "stats", "doctor"):
        ended = program(command)

        assert ended.code in {2, 5}
        assert "secret-key" not in ended.out + ended.err
