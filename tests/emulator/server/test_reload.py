"""Reload of the handlers file: what a change of it, or of what lies beside it, does to a program that runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from fluxbase_jobs.emulator.handlers.loader import HandlersFile
from fluxbase_jobs.emulator.handlers.loader import UnusableHandlersError

from tests.support.emulator_in_process import Program, program

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

Write: TypeAlias = Callable[..., "Path"]

HANDLERS = (
    "from fluxbase_jobs.emulator import function\n{imports}\n@function('{name}'{more})\ndef f(payload, context): return {{'n': {n}}}\n"
)


def handlers(n: str, name: str = "f", imports: str = "", more: str = "") -> str:
    """Return the text of a handlers file whose one function returns a number."""
    return HANDLERS.format(n=n, name=name, imports=imports, more=more)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below the test's folder: `write(**{"handlers.py": "..."})`; return the handlers file."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            # As most editors do it: whoever looks never sees half a file.
            new = path.with_suffix(".new")
            new.write_text(text)
            new.replace(path)
        return tmp_path / "handlers.py"

    return write


class Log:
    """What a program writes to stderr, line by line."""

    def __init__(self, started: Program) -> None:
        self.lines: list[str] = []
        self._thread = Thread(target=self._read, args=[started])
        self._thread.start()

    def _read(self, started: Program) -> None:
        assert started.process.stderr
        self.lines.extend(started.process.stderr)

    def after(self, change: Callable[[], object], words: str) -> str:
        """Make a change and return the line with these words that it brings: once more if it came before anybody looked."""
        known = len(self.lines)
        for _ in range(50):
            change()
            found = eventually_within(1.0, lambda: [line for line in self.lines[known:] if words in line])
            if found:
                return found[-1]
        raise AssertionError(self.lines)

    def close(self) -> None:
        """Wait for the last line."""
        self._thread.join()


def eventually_within(seconds: float, look: Callable[[], list[str]]) -> list[str]:
    """Look for a while; return what was seen, which may be nothing."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


@contextmanager
def running(path: Path, *options: str) -> Generator[tuple[Program, Log]]:
    """Run the program with a handlers file, and read what it logs."""
    with program("--functions", path, *options) as started:
        log = Log(started)
        try:
            yield started, log
        finally:
            started.process.kill()
            log.close()


def result(started: Program, name: str = "f") -> Any:
    """Run a job and return its result."""
    with started.running.client() as client:
        return client.run(name)["result"]


def test_changed_file(write: Write) -> None:
    """A change counts soon after it is written, with a line that says what there is now."""
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


def test_changed_neighbours(write: Write) -> None:
    """A change of a module that the handlers file imports from its folder, at any depth, counts too."""
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


def test_new_neighbour(write: Write) -> None:
    """Folders that come into play with a change are watched from then on."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        write(**{"later/deep.py": "n = 5\n"})
        log.after(lambda: write(**{"handlers.py": handlers("n", imports="from later.deep import n")}), "reloaded")
        log.after(lambda: write(**{"later/deep.py": "n = 6\n"}), "reloaded")

        assert result(started) == '{"n": 6}'


def test_broken_file(write: Write) -> None:
    """A change that breaks the file is one line, and the functions stay until it is mended."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        line = log.after(lambda: write(**{"handlers.py": "def broken(:\n"}), "not reloaded, the functions stay as they were: ")
        kept = result(started)
        log.after(lambda: write(**{"handlers.py": handlers("2")}), " reloaded ")
        mended = result(started)

    assert "cannot be loaded (line 1): SyntaxError: invalid syntax" in line
    assert not [found for found in log.lines if "Traceback" in found]
    assert (kept, mended) == ('{"n": 1}', '{"n": 2}')


def test_file_that_ends_threads(write: Write) -> None:
    """Not even an exception that is no error in the file keeps later changes from being seen."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path) as (started, log):
        log.after(lambda: write(**{"handlers.py": "raise KeyboardInterrupt\n"}), "KeyboardInterrupt")
        log.after(lambda: write(**{"handlers.py": handlers("2")}), " reloaded ")
        mended = result(started)

    assert mended == '{"n": 2}'


def test_no_reload(write: Write) -> None:
    """With --no-reload a change counts at the next start."""
    path = write(**{"handlers.py": handlers("1")})
    with running(path, "--no-reload") as (started, log):
        write(**{"handlers.py": handlers("2")})
        noticed = eventually_within(0.5, lambda: log.lines)

        assert (result(started), noticed) == ('{"n": 1}', [])


def test_end_while_a_file_is_read(write: Write, tmp_path: Path) -> None:
    """Ctrl-C ends the program although a handlers file does not come to an end, at the start and in a reload."""
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
    """Give back the interpreter's modules as they were."""
    path, modules = sys.path[:], dict(sys.modules)
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]


@pytest.mark.usefixtures("modules")
def test_failed_load_leaves_modules_alone(write: Write) -> None:
    """Handlers that stay after a failed reload import the modules that they know, not half of the new ones."""
    path = write(**{"handlers.py": handlers("n", imports="from fluxbase_beside import n"), "fluxbase_beside.py": "n = 1\n"})
    file = HandlersFile(path)
    file.load()
    known = sys.modules["fluxbase_beside"]
    write(**{"fluxbase_beside.py": "n = 2\n", "handlers.py": "import fluxbase_beside, fluxbase_nobody\n"})
    with pytest.raises(UnusableHandlersError):
        file.load()

    assert sys.modules["fluxbase_beside"] is known


@pytest.mark.usefixtures("modules")
def test_quick_change(write: Write) -> None:
    """A change counts although it leaves size and second of the file as they were, by which Python knows its compiled files."""
    texts = {"handlers.py": handlers("n", imports="from fluxbase_beside import n"), "fluxbase_beside.py": "n = 1\n"}
    file = HandlersFile(write(**texts))
    os.utime(file.path.with_name("fluxbase_beside.py"), (1e9, 1e9))
    file.load()
    write(**{"fluxbase_beside.py": "n = 2\n"})
    os.utime(file.path.with_name("fluxbase_beside.py"), (1e9, 1e9))
    file.load()

    assert sys.modules["fluxbase_beside"].n == 2


@pytest.mark.usefixtures("modules")
def test_installed_modules_stay(write: Write, tmp_path: Path) -> None:
    """Modules that are installed below the folder, as in a virtual environment there, are not read anew."""
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
