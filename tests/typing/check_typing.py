"""The programs beside this file, under mypy and pyright at their strictest, against the installed package.

Not collected with the other tests, as the checkers are not installed there: `pytest tests/typing/check_typing.py` (nox session `types`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

Faults: TypeAlias = dict[str, dict[int, str]]
"""By file, then by line, what a checker says is wrong."""

PROGRAMS: Final = Path(__file__).parent
NAMES: Final = ("accepted.py", "low_level.py", "rejected.py")
MARK: Final = re.compile(r"  # type: ignore\[[\w, -]+\]$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs as a user would have them: without marks, and far from this project's settings."""
    folder = tmp_path_factory.mktemp("programs")
    for name in NAMES:
        (folder / name).write_text(MARK.sub("", (PROGRAMS / name).read_text("utf-8")), "utf-8")
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", "enableTypeIgnoreComments": False}), "utf-8")
    return folder


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def faults(request: pytest.FixtureRequest, folder: Path) -> Faults:
    """What the one and the other checker finds in the programs."""
    checkers: dict[str, Callable[[Path], Iterator[tuple[str, int, str]]]] = {"mypy": _mypy, "pyright": _pyright}
    found: Faults = {name: {} for name in NAMES}
    for file, line, message in checkers[request.param](folder):
        found[Path(file).name].setdefault(line, message)
    return found


def _mypy(folder: Path) -> Iterator[tuple[str, int, str]]:
    output = _run(folder, "mypy", "--strict", "--config-file=", "--output=json", *NAMES)
    for fault in map(json.loads, output.splitlines()):
        if fault["severity"] == "error":
            yield fault["file"], fault["line"], f"{fault['message']} [{fault['code']}]"


def _pyright(folder: Path) -> Iterator[tuple[str, int, str]]:
    report: dict[str, Any] = json.loads(_run(folder, "pyright", "--pythonpath", sys.executable, "--outputjson", *NAMES))
    assert report["summary"]["filesAnalyzed"] == len(NAMES)
    for fault in report["generalDiagnostics"]:
        if fault["severity"] != "information":
            yield fault["file"], fault["range"]["start"]["line"] + 1, f"{fault['message']} [{fault.get('rule')}]"


def _run(folder: Path, checker: str, *arguments: str) -> str:
    """What the checker prints about programs; that it could not do its work is an error."""
    environment = {name: value for name, value in os.environ.items() if name not in {"MYPYPATH", "PYTHONPATH"}}
    command = [sys.executable, "-m", checker, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{checker} ended with {done.returncode}, not with the faults of rejected.py:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", ["accepted.py", "low_level.py"])
def test_sound_programs_are_accepted(faults: Faults, name: str) -> None:
    """No checker finds anything in how users write."""
    assert faults[name] == {}


def test_every_mistake_is_found_and_nothing_else(faults: Faults) -> None:
    """A checker objects to each marked line, and to no other."""
    lines = (PROGRAMS / "rejected.py").read_text("utf-8").splitlines()
    marked = {number: line.strip() for number, line in enumerate(lines, start=1) if MARK.search(line)}
    found = faults["rejected.py"]

    assert len(marked) >= 100
    assert {number: line for number, line in marked.items() if number not in found} == {}
    assert {number: fault for number, fault in found.items() if number not in marked} == {}
