"""`progress_bar`: for every verb that takes `on_progress`, sync and async; lines, a terminal, a notebook."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from fluxbase_jobs import Job
from fluxbase_jobs.progress import clock_text, one_line, progress_bar
from fluxbase_jobs.testing import Server

from tests.support.pty_screen import screen_of, terminal_of


@pytest.fixture
def client(test_server: Server) -> Iterator[Any]:
    """A client of the test server."""
    with test_server.client() as client:
        yield client


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What stderr has got, with ids left out."""
    printed = capsys.readouterr()
    assert printed.out == ""
    return [re.sub(r" [0-9a-f]{8} ", " ", line) for line in printed.err.splitlines()]


def test_run_and_wait(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A line at each change."""
    with progress_bar() as on_progress:
        job = client.jobs.run("echo", on_progress=on_progress).unwrap()
        client.jobs.wait(job.id, on_progress=on_progress).unwrap()

    assert lines(capsys)[-1] == "echo completed 100 %"


def test_submit_many_and_wait_many(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """One bar takes the numbers of the submits and the jobs of the wait."""
    with progress_bar(total=3) as on_progress:
        pairs = client.jobs.submit_many([("echo", {}), ("boom", {}), ("echo", {})], on_progress=on_progress)
        ids = [result.unwrap().id for _, result in pairs]
        ended = [*client.jobs.wait_many(ids, on_progress=on_progress)]

    printed = lines(capsys)
    assert len(ended) == 3
    assert "submitted 3 of 3" in printed
    assert printed[-1] == "ended 3 of 3"


async def _run_async(server: Server) -> list[str]:
    """The async client's verbs take it too."""
    async with server.async_client() as client, progress_bar() as on_progress:
        jobs = [client.jobs.run("echo", on_progress=on_progress), client.jobs.run("boom", on_progress=on_progress)]
        ids = [str((await job).error and "failed") for job in jobs]
        pairs = client.jobs.submit_many([("echo", {"n": 1})], on_progress=on_progress)
        return [*ids, *[result.unwrap().job_name async for _, result in pairs]]


def test_async(test_server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """As an async context manager, or a plain one."""
    import anyio  # noqa: PLC0415  # in this test only

    assert anyio.run(_run_async, test_server) == ["None", "failed", "echo"]
    assert {"echo completed 100 %", "submitted 1 of 1", "ended 2 of 2"} <= set(lines(capsys))


def job_of(**fields: object) -> Job:
    """A job with these fields."""
    known = {"id": "1a2b3c4d-0000-4000-8000-000000000000", "namespace": "default", "job_name": "resize", "status": "running"}
    numbers = {"priority": 0, "max_retries": 0, "retry_count": 0, "created_at": "2026-01-01T00:00:00Z"}
    return Job.from_any({**known, **numbers, **fields})


def test_time_left_is_the_servers_where_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """Else it comes from the speed so far, of which nothing is known at first."""
    with progress_bar() as on_progress:
        on_progress(job_of(progress_percent=20))
        on_progress(job_of(progress_percent=40, estimated_seconds_left=75, progress_message="step\n2"))
        on_progress(job_of(status="failed", progress_percent=40))

    assert lines(capsys) == ["resize running 20 %", "resize running 40 % (1:15 left) step 2", "resize failed 40 %"]


@pytest.mark.parametrize(("percent", "shown"), [(150, 100), (-5, 0), (None, 0)])
def test_percent_out_of_range(capsys: pytest.CaptureFixture[str], percent: int | None, shown: int) -> None:
    """It is shown within the bar."""
    with progress_bar() as on_progress:
        on_progress(job_of(progress_percent=percent))

    assert lines(capsys) == [f"resize running {shown} %"]


def test_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program without stderr, or with a closed one, goes on."""
    monkeypatch.setattr(sys, "stderr", None)
    with progress_bar() as on_progress:
        on_progress(job_of())


def test_texts() -> None:
    """Times, and text without control characters."""
    assert [clock_text(seconds) for seconds in (-1, 59.6, 3600)] == ["0:00", "1:00", "1:00:00"]
    assert one_line("a\x1b[2Jb\r\n") == "a [2Jb  "


class Notebook:
    """IPython's display as a notebook has it: what was shown, and by what it was replaced."""

    kernel = object()

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Notebook:
        """Show data, which is replaced later."""
        assert raw
        assert display_id
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        """Replace it."""
        assert raw
        self.shown.append(data)


def test_notebook(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """HTML without widgets, in which a job's name is text."""
    notebook, package, display = Notebook(), ModuleType("IPython"), ModuleType("IPython.display")
    monkeypatch.setattr(package, "get_ipython", lambda: notebook, raising=False)
    monkeypatch.setattr(display, "display", notebook.display, raising=False)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with progress_bar(total=2) as on_progress:
        on_progress(1, None)
        on_progress(job_of(job_name="<b>x</b>", status="<i>", progress_percent=30, progress_message='<img src="x">'))

    last = notebook.shown[-1]["text/html"]
    assert lines(capsys) == []
    assert "&lt;b&gt;x&lt;/b&gt; 1a2b3c4d" in last
    assert "&lt;i&gt; &lt;img src=&quot;x&quot;&gt;" in last
    assert set(re.findall(r"<(\w+)", last)) == {"table", "tr", "td", "progress"}
    assert '<progress value="30" max="100">' in last
    assert '<progress value="0" max="2">' in last
    assert notebook.shown[0]["text/plain"] == ""


PROGRAM = """
from fluxbase_jobs import Job
from fluxbase_jobs.progress import progress_bar
job = {"namespace": "default", "priority": 0, "max_retries": 0, "retry_count": 0, "created_at": "2026-01-01T00:00:00Z"}
def at(number, status, percent, message=None):
    return Job.from_any({**job, "id": f"{number:08}-0000-4000-8000-000000000000", "job_name": "resize",
        "status": status, "progress_percent": percent, "progress_message": message})
"""


def test_bars_on_a_terminal() -> None:
    """A bar for each job with its percentage and message, one that counts, and what is printed above them."""
    screen = screen_of(
        PROGRAM + "with progress_bar(total=3) as bar:\n"
        "    bar(at(1, 'running', 50, 'half [red]way')); print('a line'); bar(at(2, 'failed', 20)); bar(at(3, 'pending', None))\n"
    )

    assert screen[0] == "a line"
    assert re.fullmatch(r"resize 00000001 [━╸╺ ]+ +50 % half \[red\]way", screen[1])
    assert re.fullmatch(r"resize 00000002 [━╸╺ ]+ +20 % failed", screen[2])
    assert re.fullmatch(r"resize 00000003 [━╸╺ ]+ +0 % pending", screen[3])
    assert re.fullmatch(r"ended +[━╸╺ ]+ +1 of 3", screen[4])


def test_terminal_without_unicode() -> None:
    """Escapes that are cut where the line ends: one that is longer than the terminal is wide would leave a copy at each refresh."""
    program = PROGRAM + (
        "import sys\nsys.stderr.reconfigure(errors='backslashreplace')\n"
        "with progress_bar() as bar:\n    for percent in (10, 20, 30): bar(at(1, 'running', percent, 'ü' * 60)); bar(at(2, 'failed', 20))\n"
    )
    terminal = terminal_of(["-W", "error", "-c", program], {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})

    assert terminal.end() == 0, terminal.lines
    assert [line.split()[0] for line in terminal.lines] == ["resize", "resize", "ended"]
    assert r" 30 % \xfc\xfc" in terminal.lines[0]


@pytest.mark.slow
def test_lines_that_are_printed_while_bars_are_added() -> None:
    """None is overwritten, whichever thread prints first: the height of the bars is that of those on the terminal."""
    program = (
        PROGRAM + "import sys, threading\nsys.setswitchinterval(1e-6)\nwith progress_bar() as bar:\n"
        "    adding = threading.Thread(target=lambda: [bar(at(n, 'failed', 20)) for n in range(15)])\n    adding.start()\n"
        "    for n in range(60): print(f'line {n}')\n    adding.join()\n"
    )
    terminal = terminal_of(["-W", "error", "-c", program])

    assert terminal.end() == 0, terminal.lines
    lines = [line for line in terminal.all_lines if line]
    assert lines[:60] == [f"line {n}" for n in range(60)]
    assert len(lines) == 60 + 15 + 1


def test_more_jobs_than_lines() -> None:
    """Those that run are shown, and how many are not."""
    screen = screen_of(
        PROGRAM + "with progress_bar() as bar:\n    for n in range(100): bar(at(n, 'completed' if n < 90 else 'running', n))\n"
    )

    assert len(screen) <= 24
    assert re.fullmatch(r"resize 00000090 [━╸╺ ]+ +90 % running", screen[0])
    assert "ended" in screen[-2]
    assert "90 of 100" in screen[-2]
    assert re.fullmatch(r"and \d+ more", screen[-1])
