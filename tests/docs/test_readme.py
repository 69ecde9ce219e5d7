"""The README starts as promised, and what it and docs/ say about the repository is so."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from os import environ
from pathlib import Path
from typing import Final

import pytest
from fluxbase_jobs.cli import app as cli
from fluxbase_jobs.testing import Server

from tests.docs.pages import PAGES, README, ROOT, Page
from tests.support.servers.emulator_process import started

PROFILE: Final = re.findall(r"^python -m fluxbase_jobs\.emulator .*(--profile) (\S+)", README.text, re.MULTILINE)[0]
QUICKSTART: Final = ROOT / "examples" / "quickstart.py"
INSTALL_BY_NAME: Final = re.compile(r"pip install \"?fluxbase")
LINK: Final = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def test_readme_starts_a_first_job(tmp_path: Path) -> None:
    """As a new user does: the handlers in a file, the emulator as a program of its own, then the first program."""
    handlers = tmp_path / "handlers.py"
    handlers.write_text(README.files(r"handlers\.py")["handlers.py"], "utf-8")
    program = next(block for block in README.blocks if block.is_program)
    with started(*PROFILE, functions=handlers) as address:
        variables = {**environ, "FLUXBASE_URL": address.url, "FLUXBASE_KEY": address.user_key}
        command = [sys.executable, "-W", "error", "-c", program.source]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "completed {'width': 640}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    """Within the repository; those of the pages also within docs/, where `nox --sessions docs` follows them."""
    for target in LINK.findall(page.text):
        assert (page.path.parent / target).exists(), target


def test_first_test_file_fits_in_ten_lines() -> None:
    """The example is short."""
    source = README.files(r"test_\w+\.py")["test_thumbnails.py"]
    assert len([line for line in source.splitlines() if line]) <= 10


def test_readme_starts_with_the_two_commands() -> None:
    """One runs the quickstart, one runs the tests; each is one line."""
    shell = next(block for block in README.blocks if block.language == "sh")

    first, second = shell.source.splitlines()
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


def test_the_command_below_the_picture_works_with_the_demos_functions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the caption says: without a payload that only the demo's program knows."""
    command = re.findall(r"^That is `fluxbase-jobs (.*?)`", README.text, re.MULTILINE)[0]
    with Server(functions=QUICKSTART, profile=PROFILE[1]) as server:
        monkeypatch.setenv("FLUXBASE_URL", server.url)
        monkeypatch.setenv("FLUXBASE_KEY", server.service_key())
        code = cli.run(command.split())

    assert (code, capsys.readouterr().out) == (0, '{\n  "made": 8\n}\n')


def test_demo_and_readme_use_one_server_version() -> None:
    """What the demo shows is what the README's emulator does."""
    assert f'PROFILE = "{PROFILE[1]}"' in QUICKSTART.read_text("utf-8")


def test_install_lines_work_in_a_clone() -> None:
    """Nothing to paste installs the package by a name that no index has; where a page tells that name, it also tells what works today."""
    modules = [*(ROOT / "overlays").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    pasted = [line for page in PAGES for block in page.blocks if block.language == "sh" for line in block.source.splitlines()]
    texts = [*(page.text for page in PAGES), *(path.read_text("utf-8") for path in modules)]
    told = [line for text in texts for line in text.splitlines() if INSTALL_BY_NAME.search(line)]

    assert any("pip install ." in line or 'pip install ".' in line for line in pasted)
    assert [line for line in pasted if INSTALL_BY_NAME.search(line)] == []
    assert len(told) > 10
    assert [line for line in told if not re.search(r"once (the package|it) is|pip install \"?\.", line, re.IGNORECASE)] == []


def test_everything_imported_is_declared() -> None:
    """The client's own imports are among the dependencies, not only those of its dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[^a-z0-9_-]", line)[0] for line in project["dependencies"]}

    assert {"anyio", "attrs", "certifi", "httpcore", "httpx", "msgspec", "websockets"} <= declared
    assert project["version"] in (ROOT / "CHANGELOG.md").read_text("utf-8")
