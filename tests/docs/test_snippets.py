"""Every program, test file and command line of the README and of docs/ works as it is printed."""

from __future__ import annotations

import linecache
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Final

import pytest
from fluxbase_jobs.cli import app as cli
from fluxbase_jobs.emulator.cli import read_options
from fluxbase_jobs.testing import Server

from tests.docs.pages import HANDLERS, LANGUAGES, OUTPUT, PAGES, Block, Page

NAME: Final = "the_program_of_a_page"
PROGRAMS: Final = [page for page in PAGES if any(block.is_program for block in page.blocks)]
TEST_FILES: Final = [(page, name) for page in PAGES for name in page.files(r"test_\w+\.py")]
PROGRAM: Final = "fluxbase-jobs "
COMMAND: Final = re.compile(rf"(?:(?P<name>\w+)=\$\()?{PROGRAM}(?P<arguments>.*?)\)?(?:  # exits with (?P<code>\d+))?")
COMMANDS: Final = [page for page in PAGES if any(block.language == "sh" and PROGRAM in block.source for block in page.blocks)]
EMULATOR_LINES: Final = [
    line for page in PAGES for block in page.blocks if block.language == "sh" for line in block.source.splitlines() if ".emulator" in line
]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with the functions of the quick start, that the environment points to."""
    handlers = tmp_path / "handlers.py"
    handlers.write_text(HANDLERS, "utf-8")
    with Server(functions=handlers, profile="2026-03", realtime="all") as server:
        monkeypatch.setenv("FLUXBASE_URL", server.url)
        monkeypatch.setenv("FLUXBASE_KEY", server.service_key())
        monkeypatch.chdir(tmp_path)
        yield server


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """An empty module, among the imported ones, where its classes can be looked up."""
    module = sys.modules[NAME] = ModuleType(NAME)
    yield module
    del sys.modules[NAME]


def run(page: Page, block: Block, module: ModuleType) -> None:
    """Execute a block; a traceback shows the page's name and line."""
    source = "\n" * block.line + block.source
    linecache.cache[page.name] = (len(source), None, source.splitlines(keepends=True), page.name)
    exec(compile(source, page.name, "exec", dont_inherit=True), vars(module))  # noqa: S102  # the pages are ours


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.name)
@pytest.mark.usefixtures("server")
def test_programs_run(page: Page, module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an error or a warning, and print what the page says."""
    for block in page.blocks:
        if block.is_program:
            capsys.readouterr()
            run(page, block, module)
        elif block.title == OUTPUT:
            assert capsys.readouterr().out == block.source, f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.name)
def test_output_follows_a_program(page: Page) -> None:
    """No text between a program and its output hides which one it is of."""
    for before, block in zip((None, *page.blocks), page.blocks, strict=False):
        assert block.title != OUTPUT or (before is not None and before.is_program), f"{page.name}:{block.line}"


def test_test_files_pass(tmp_path: Path) -> None:
    """In a project of their own, with the plugin's fixtures and without a warning."""
    for page, name in TEST_FILES:
        folder = tmp_path / page.path.stem
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(page.files(r"test_\w+\.py")[name], "utf-8")
    others = {entry.name for entry in entry_points(group="pytest11")} - {"fluxbase_jobs"}  # they take seconds to import
    unneeded = [option for name in sorted(others | {"cacheprovider"}) for option in ("-p", f"no:{name}")]
    options = ["-W", "error", *unneeded, "--import-mode", "importlib", "--rootdir", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    tests = sum(page.files(r"test_\w+\.py")[name].count("def test_") for page, name in TEST_FILES)

    assert done.returncode == 0, done.stdout
    assert f"{tests} passed" in done.stdout


def test_emulator_lines_are_understood() -> None:
    """The options of each command line exist and take these values."""
    assert EMULATOR_LINES
    for line in EMULATOR_LINES:
        _, _, arguments = line.partition("fluxbase_jobs.emulator")
        read_options(shlex.split(arguments, comments=True))


@pytest.mark.parametrize("page", COMMANDS, ids=lambda page: page.name)
@pytest.mark.usefixtures("server")
def test_commands_exit_as_the_page_says(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """With 0, or with what the line's comment says; `name=$(...)` keeps what is printed for the lines after it."""
    variables: dict[str, str] = {}
    for block in page.blocks:
        for line in block.source.splitlines() if block.language == "sh" else ():
            found = COMMAND.fullmatch(line)
            assert found or PROGRAM not in line, line
            if found:
                code = cli.run(shlex.split(Template(found["arguments"]).substitute(variables)))
                printed = capsys.readouterr()
                assert code == int(found["code"] or 0), f"{line}\n{printed.out}{printed.err}"
                variables[found["name"] or "_"] = printed.out.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_have_a_language(page: Page) -> None:
    """One of those that are checked here, so that no program is left out for a misspelt mark."""
    assert [block.line for block in page.blocks if block.language not in LANGUAGES] == []
