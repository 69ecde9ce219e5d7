"""`functions`, `stats`, `workers`, `terminate`, `sync` and `stubs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fluxbase_jobs import FluxbaseClient
from fluxbase_jobs.cli.stubs import python_type
from fluxbase_jobs.testing import Server

from tests.support.program import Program

UNKNOWN = "00000000-0000-0000-0000-000000000000"
CODE = """// @fluxbase:description Make a picture small
interface ThumbnailPayload {
  width: number;  // pixels
  name?: string; tags: string[]
  mode: "fit" | 'fill'; extra: Foo
}
type ThumbnailResult = { bytes: number | null; url: string };
export async function handler(req, fluxbase, service, job) { return {}; }
"""


def test_functions(program: Program) -> None:
    """A table, and JSON lines."""
    lines = program("functions").out.splitlines()

    assert lines[0].split() == ["NAMESPACE", "NAME", "ENABLED", "SCHEDULE", "TIMEOUT", "RETRIES", "DESCRIPTION"]
    assert lines[2].split()[:3] == ["default", "echo", "yes"]
    assert [each["name"] for each in program("functions", "--json").json] == ["boom", "echo", "endless", "hopeless"]
    assert program("functions", "--namespace", "other").out == ""


def test_stats_and_workers(program: Program) -> None:
    """Numbers by status and function; the workers."""
    program.job_of("echo", "completed")
    stats = dict(line.rsplit(maxsplit=1) for line in program("stats").out.splitlines() if not line.endswith(" s"))

    assert (stats["total"], stats["completed"], stats["echo"]) == ("1", "1", "1")
    assert program("stats", "--json").json[0]["completed_jobs"] == 1
    assert "active" in program("workers").out
    assert program("workers", "--json").json[0]["status"] == "active"


def test_terminate(program: Program) -> None:
    """A running job only."""
    job_id = program.submitted("endless")
    program("wait", job_id, "--timeout", "0.1")
    done = program.job_of("echo", "completed")

    assert program("terminate", job_id).out == f"terminated {job_id}\n"
    assert program("terminate", done).code == 5
    assert program("terminate", "x").code == 2
    assert program("terminate").code == 2


@pytest.mark.parametrize("command", ["functions", "stats", "workers", "stubs", "terminate"])
def test_without_an_admins_key(program: Program, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The server's refusal in one line."""
    monkeypatch.setenv("FLUXBASE_KEY", program.server.user_key())
    ended = program(command, *([UNKNOWN] if command == "terminate" else []))

    assert ended.code == 5
    assert "commands for admins need a token of a service role or an admin" in ended.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stats", "--namespace", "default"], "can't be counted alone"),
        (["functions", "more"], "functions takes no argument, and 'more' is one too many"),
        (["workers", "--limit", "1"], "Unknown option"),
        (["sync"], "give either DIR or --from-server-folder (DIR is a folder with files like NAME.ts or NAME.js)"),
        (["sync", ".", "--from-server-folder"], "give either DIR or --from-server-folder"),
        (["sync", "--from-server-folder", "--dry-run"], "takes no functions or options"),
        (["sync", "missing"], "missing cannot be read: No such file or directory (name a folder that has functions)"),
        (["sync", "."], "has no functions (put files like NAME.ts or NAME.js into it)"),
        (["stubs", "--output", "missing/x.py"], "missing/x.py cannot be written: No such file or directory"),
    ],
)
def test_wrong_arguments(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], message: str) -> None:
    """One line, and code 2."""
    monkeypatch.chdir(tmp_path)
    ended = program(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert message in ended.error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Functions, and files that are none."""
    folder = tmp_path / "functions"
    (folder / "nested").mkdir(parents=True)
    for name, text in {
        "thumbnail.ts": CODE,
        "nested/index.js": "export async function handler() {}",
        "_shared.ts": "x",
        "thumbnail.test.ts": "x",
        "types.d.ts": "x",
        "README.md": "x",
    }.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def test_sync(program: Program, folder: Path) -> None:
    """What would be done, and what was done."""
    dry, done, again = program("sync", folder, "--dry-run"), program("sync", folder), program("sync", folder, "--json")

    assert dry.out == "would be created nested\nwould be created thumbnail\n"
    assert done.out == "created nested\ncreated thumbnail\n"
    assert [each["name"] for each in again.json] == ["nested", "thumbnail"]
    assert {"nested", "thumbnail"} < {each["name"] for each in program("functions", "--json").json}


def test_sync_from_the_servers_folder(program: Program) -> None:
    """The server does not tell what it did."""
    ended = program("sync", "--from-server-folder")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("the server has loaded its own folder")


@pytest.mark.parametrize("profile", ["2026-04"])
def test_sync_that_loses_the_code(program: Program, folder: Path) -> None:
    """It is noticed, as each function is read back."""
    ended = program("sync", folder)

    assert ended.code == 5
    assert "code" in ended.error


def test_file_that_is_no_text(program: Program, folder: Path) -> None:
    """Nothing is synced."""
    (folder / "binary.ts").write_bytes(b"\xff\xff")

    assert "binary.ts is not UTF-8" in program("sync", folder).error
    assert "thumbnail" not in program("functions").out


def test_stubs_run_and_are_typed(program: Program, folder: Path, test_server: Server) -> None:
    """The module compiles, and its definitions submit jobs; interfaces become TypedDicts."""

    @test_server.function('Odd name: """ \\ \'x\'', description='"""')
    def odd(_payload: object, _context: object) -> dict[str, int]:
        return {"n": 1}

    program("sync", folder)
    written = folder / "job_functions.py"
    ended = program("stubs", "--output", written)
    text = written.read_text("utf-8")
    scope: dict[str, Any] = {"__name__": "job_functions"}
    exec(compile(text, str(written), "exec"), scope)  # noqa: S102  # that it runs is what is tested
    with test_server.client() as client:
        functions = scope["JobFunctions"](client)
        echoed, counted = functions.echo.run({"n": 1}), functions.odd_name_x.run({})

    assert ended.err == f"wrote 7 definitions to {written}\n"
    assert program("stubs").out == text
    assert program("stubs", "--json").json == [{"definitions": 7, "module": text}]
    assert program("stubs", "--json", "--output", written).json == [{"definitions": 7, "file": str(written)}]
    assert (echoed.unwrap().result, counted.unwrap().result) == ({"echo": {"n": 1}}, {"n": 1})
    for line in (
        "    width: float\n    name: NotRequired[str]\n    tags: list[str]\n    mode: Literal[\"fit\", 'fill']\n    extra: Any\n",
        "    bytes: float | None\n    url: str\n",
        "self.thumbnail: JobDefinition[ThumbnailPayload, ThumbnailResult] = client.jobs.define(",
    ):
        assert line in text


def test_stubs_of_a_server_without_functions(program: Program) -> None:
    """Still a module; that it is empty is said."""
    ended = program("stubs", "--namespace", "other")
    scope: dict[str, Any] = {"__name__": "job_functions"}
    exec(ended.out, scope)  # noqa: S102  # that it runs is what is tested

    assert scope["JobFunctions"](FluxbaseClient("http://127.0.0.1:9")) is not None
    assert (ended.code, ended.error) == (0, "no functions in the namespace other: the module defines none")


@pytest.mark.parametrize(
    ("declared", "annotation"),
    [
        ("string | null", "str | None"),
        ("Array<number>", "list[float]"),
        ("boolean[][]", "list[list[bool]]"),
        ("Record<string, number>", "dict[str, Any]"),
        ("string | Foo", "Any"),
        ("(a: string) => void", "Any"),
        ('"a"', 'Literal["a"]'),
    ],
)
def test_typescript_types(declared: str, annotation: str) -> None:
    """What is not understood is Any."""
    assert python_type(declared) == annotation
