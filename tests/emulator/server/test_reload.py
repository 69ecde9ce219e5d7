"""Reload of the handlers file after a change of it, or of a module beside it, while the program runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias

import pytest
from fluxbase_jobs.emulator.handlers.loader import HandlersFile, UnusableHandlersError

from tests.support.servers.emulator_in_process import Program, program

Write: TypeAlias = Callable[..., "Path"]

HANDLERS = (
    "from fluxbase_jobs.emulator import function\n{imports}\n@function('{name}'{more})\ndef f(payload, context): return {{'n': {n}}}\n"
)


def handlers(n: str, name: str = "f", imports: str = "", more: str = "") -> str:
    """The source of a handlers file whose one function returns a number."""
    return HANDLERS.format(n=n, name=name, imports=imports, more=more)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below the test's folder: `write(**{"handlers.py": "..."})`; returns the path of the handlers file."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            # As most editors do: replace the file, so that no reader sees half of it.
            new = path.with_suffix(".new")
            new.write_text(text)
            new.replace(path)
        return tmp_path / "handlers.py"

    return write


class Log:
    """Collects what a program writes to stderr, line by line."""

    def __init__(self, started: Program) -> None:
        self.lines: list[str] = []
        self._thread = Thread(target=self._read, args=[started])
        self._thread.start()

    def _read(self, started: Program) -> None:
        assert started.process.stderr
        self.lines.extend(started.process.stderr)

    def after(self, change: Callable[[], object], text: str) -> str:
        """Make a change and wait for a new log line that contains the text; repeated in case the watch had not begun yet."""
        seen = len(self.lines)
        for _ in range(50):
            change()
            found = eventually_within(1.0, lambda: [line for line in self.lines[seen:] if text in line])
            if found:
                return found[-1]
        raise AssertionError(self.lines)

    def close(self) -> None:
        """Wait for the end of the output."""
        self._thread.join()


def eventually_within(seconds: float, read: Callable[[], list[str]]) -> list[str]:
    """Read repeatedly until there is something, at most for this time; the result may be empty."""
    deadline = time.monotonic() + seconds
    while not (found := read()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


@contextmanager
def running(path: Path, *options: str) -> Generator[tuple[Program, Log]]:
    """Run the program with a handlers file and collect its log."""
    with program("--functions", path, *options) as started:
        log = Log(started)
        try:
            yield started, log
        finally:
            started.process.kill()
            log.close()


def result(started: Program, name: str = "f") -> Any:
    """The result of a new job."""
    with started.running.client() as client:
        return client.run(name)["result"]


def test_changed_file(write: Write) -> None:
    """A change takes effect soon after it is written, and a log line lists the new functions."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        before = result(started)
        line = log.after(lambda: write(**{"handlers.py": handlers("2", more=', schedule=\'@hourly|{"key": "secret"}\'')}), "reloaded")
        after = result(started)
        log.after(lambda: write(**{"handlers.py": handlers("3", "g")}), "default/g")
        with started.running.client() as client:
            gone = client.submit("f").status_code
        renamed = result(started, "g")
        status = started.end(signal.SIGINT)

    assert line.endswith(f" reloaded {path}: default/f (@hourly)\n")
    assert (before, after, gone, renamed) == ('{"n": 1}', '{"n": 2}', 404, '{"n": 3}')
    assert status == 0


def test_changed_modules_beside_the_file(write: Write) -> None:
    """A change of a module that the handlers file imports from its folder, at any depth, takes effect too."""
    path = write(
        **{
            "handlers.py": handlers("n", imports="from plain import n as a\nfrom bare.deep import n as b\nn = a + b"),
            "plain.py": "n = 1\n",
            "bare/deep.py": "n = 10\n",
        }
    )
    with running(path) as (started, log):
        first = result(started)
        log.after(lambda: write(**{"plain.py": "n = 2\n"}), "reloaded")
        second = result(started)
        log.after(lambda: write(**{"bare/deep.py": "n = 20\n"}), "reloaded")
        third = result(started)

    assert (first, second, third) == ('{"n": 11}', '{"n": 12}', '{"n": 22}')


def test_other_files_are_not_loaded(write: Write) -> None:
    """A change of a Python file beside the handlers that they do not import is no reload."""
    path = write(**{"handlers.py": handlers("1"), "other.py": "n = 1\n"})
    with running(path) as (_, log):
        log.after(lambda: write(**{"handlers.py": handlers("2")}), "reloaded")
        seen = len(log.lines)
        write(**{"other.py": "n = 2\n"})
        log.after(lambda: write(**{"handlers.py": handlers("3", "g")}), "default/g")
        between = [line for line in log.lines[seen:] if "default/f" in line]

    assert between == []


def test_files_that_are_written_as_they_were_are_not_loaded(write: Write) -> None:
    """As `git checkout` and editors do: the contents count."""
    path = write(**{"handlers.py": handlers("n", imports="from plain import n"), "plain.py": "n = 1\n"})
    os.utime(path.with_name("plain.py"), (1e9, 1e9))
    with running(path) as (_, log):
        log.after(lambda: write(**{"handlers.py": handlers("2 * n", imports="from plain import n")}), "reloaded")
        write(**{"plain.py": "n = 1\n"})

        assert not eventually_within(1.0, lambda: log.lines[1:])


def test_new_module_folder(write: Write) -> None:
    """Folders of newly imported modules are watched from then on."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        write(**{"later/deep.py": "n = 5\n"})
        log.after(lambda: write(**{"handlers.py": handlers("n", imports="from later.deep import n")}), "reloaded")
        log.after(lambda: write(**{"later/deep.py": "n = 6\n"}), "reloaded")

        assert result(started) == '{"n": 6}'


def test_broken_file(write: Write) -> None:
    """A change that breaks the file is logged in one line, and the functions stay until it is fixed."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        line = log.after(lambda: write(**{"handlers.py": "def broken(:\n"}), "not reloaded, the functions stay as they were: ")
        kept = result(started)
        log.after(lambda: write(**{"handlers.py": handlers("2")}), " reloaded ")
        fixed = result(started)

    assert "cannot be loaded (line 1): SyntaxError: invalid syntax" in line
    assert not [found for found in log.lines if "Traceback" in found]
    assert (kept, fixed) == ('{"n": 1}', '{"n": 2}')


def test_file_that_raises_a_base_exception(write: Write) -> None:
    """A KeyboardInterrupt raised by the file does not stop the watch for later changes."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        log.after(lambda: write(**{"handlers.py": "raise KeyboardInterrupt\n"}), "KeyboardInterrupt")
        log.after(lambda: write(**{"handlers.py": handlers("2")}), " reloaded ")
        fixed = result(started)

    assert fixed == '{"n": 2}'


def test_no_reload(write: Write) -> None:
    """With --no-reload a change takes effect only at the next start."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path, "--no-reload") as (started, log):
        write(**{"handlers.py": handlers("2")})
        noticed = eventually_within(0.5, lambda: log.lines)

        assert (result(started), noticed) == ('{"n": 1}', [])


def test_ctrl_c_while_the_file_is_loading(write: Write, tmp_path: Path) -> None:
    """Ctrl-C ends the program while a reload of a handlers file never finishes."""
    mark = tmp_path / "mark"
    endless = f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(60)\n"
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        while not mark.exists():
            write(**{"handlers.py": endless})
            eventually_within(1.0, lambda: [str(mark)] * mark.exists())
        status = started.end(signal.SIGINT)

    assert (status, log.lines) == (0, [])


@pytest.fixture
def modules() -> Iterator[None]:
    """Restore sys.path and sys.modules after the test."""
    path, modules = sys.path[:], dict(sys.modules)
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]


@pytest.mark.usefixtures("modules")
def test_failed_load_restores_modules(write: Write) -> None:
    """After a failed reload the old handlers still import the modules they were loaded with."""
    path = write(**{"handlers.py": handlers("n", imports="from fluxbase_beside import n"), "fluxbase_beside.py": "n = 1\n"})
    file = HandlersFile(path)
    file.load()
    known = sys.modules["fluxbase_beside"]
    write(**{"fluxbase_beside.py": "n = 2\n", "handlers.py": "import fluxbase_beside, fluxbase_nobody\n"})
    with pytest.raises(UnusableHandlersError):
        file.load()

    assert sys.modules["fluxbase_beside"] is known


@pytest.mark.usefixtures("modules")
def test_change_within_a_second(write: Write) -> None:
    """A change is loaded even if it keeps the size and the second of the modification time, which .pyc files are checked by."""
    texts = {"handlers.py": handlers("n", imports="from fluxbase_beside import n"), "fluxbase_beside.py": "n = 1\n"}
    file = HandlersFile(write(**texts))
    os.utime(file.path.with_name("fluxbase_beside.py"), (1e9, 1e9))
    file.load()
    write(**{"fluxbase_beside.py": "n = 2\n"})
    os.utime(file.path.with_name("fluxbase_beside.py"), (1e9, 1e9))
    file.load()

    assert sys.modules["fluxbase_beside"].n == 2


@pytest.mark.usefixtures("modules")
def test_installed_modules_are_not_reloaded(write: Write, tmp_path: Path) -> None:
    """Modules installed below the folder, as in a virtual environment there, are not imported again."""
    site = tmp_path / ".venv" / "lib" / "site-packages"
    site.mkdir(parents=True)
    (site / "fluxbase_installed.py").write_text("n = 1\n")
    sys.path.append(str(site))
    file = HandlersFile(write(**{"handlers.py": handlers("1", imports="import fluxbase_installed, json")}))
    file.load()
    known = sys.modules["fluxbase_installed"]
    file.load()

    assert sys.modules["fluxbase_installed"] is known
    assert file.folders() == {tmp_path}
