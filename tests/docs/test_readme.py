"""The programs of the README run unchanged."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from os import environ
from pathlib import Path
from typing import Final

import pytest

from tests.support.emulator_process import started

README: Final = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PROGRAMS: Final = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
TEST_FILES: Final = re.findall(r"^```python title=(test_\w+\.py)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
HANDLERS: Final = re.findall(r"^```python title=handlers\.py\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
PROFILE: Final = re.findall(r"^python -m fluxbase_jobs\.emulator .*(--profile) (\S+)", README, re.MULTILINE)[0]
QUICKSTART: Final = Path(__file__).parents[2] / "examples" / "quickstart.py"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of an emulator that runs the README's handlers."""
    handlers = tmp_path_factory.mktemp("readme") / "handlers.py"
    handlers.write_text(HANDLERS[0], "utf-8")
    with started(*PROFILE, functions=handlers) as address:
        yield {**environ, "FLUXBASE_URL": address.url, "FLUXBASE_KEY": address.user_key}


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_readme_program_runs(program: str, environment: dict[str, str]) -> None:
    """Without an error or a warning."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("name", "source"), TEST_FILES, ids=[name for name, _ in TEST_FILES])
def test_readme_test_file_passes(name: str, source: str, tmp_path: Path) -> None:
    """In a separate project, with the plugin's fixtures and without a warning."""
    (tmp_path / name).write_text(source, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-W",
        "error",
        "-p",
        "no:asyncio",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert f"{source.count('def test_')} passed" in done.stdout


def test_first_test_file_fits_in_ten_lines() -> None:
    """The example is short."""
    _, source = TEST_FILES[0]
    assert len([line for line in source.splitlines() if line]) <= 10


def test_readme_starts_with_the_two_commands() -> None:
    """One runs the quickstart, one runs the tests; each is one line."""
    shell = re.search(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)

    assert shell is not None
    first, second = shell[1].splitlines()
    assert first.startswith("python3 -m venv")
    assert first.endswith("generate demo")
    assert second.endswith("tests")


def test_the_first_command_shows_the_main_job() -> None:
    """A bar that moves, the log without the server's own last line, a failure, a cancellation and what to do next; nothing in between."""
    done = subprocess.run([sys.executable, "-W", "error", str(QUICKSTART)], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    bars = [line for line in lines if line.startswith("  [")]

    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(bars)) > 2
    assert bars[-1].startswith(f"  [{'#' * 32}] 100 %")
    assert bars == sorted(bars, key=lambda line: line.count("#"))
    assert [line for line in lines if "128 pixels wide now" in line] == [f"  picture {n} is 128 pixels wide now" for n in range(1, 9)]
    assert "__RESULT__" not in done.stdout
    assert "  JobFailed: a picture cannot be 0 pixels wide" in lines
    assert "  cancelled" in lines
    assert f"--profile {PROFILE[1]} --functions" in "".join(lines[lines.index("Next:") :])


def test_demo_and_readme_use_one_server_version() -> None:
    """What the demo shows is what the README's emulator does."""
    assert f'PROFILE = "{PROFILE[1]}"' in QUICKSTART.read_text("utf-8")


def test_install_lines_work_in_a_clone() -> None:
    """No line installs the package by a name that no index has."""
    root = Path(__file__).parents[2]
    texts = [root / "README.md", *(root / "overlays").rglob("*.py"), *(root / "examples").rglob("*.py")]
    lines = [line for path in texts for line in path.read_text("utf-8").splitlines() if "pip install" in line]

    assert lines
    assert [line for line in lines if 'pip install "fluxbase' in line or "pip install fluxbase" in line] == []


def test_everything_imported_is_declared() -> None:
    """The client's own imports are among the dependencies, not only those of its dependencies."""
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[^a-z0-9_-]", line)[0] for line in project["dependencies"]}

    assert {"anyio", "attrs", "httpx", "msgspec", "websockets"} <= declared
    assert project["version"] in (root / "CHANGELOG.md").read_text("utf-8")
