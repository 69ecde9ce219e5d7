"""The pytest plugin, in separate pytest runs."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final, TypeAlias

import pytest

pytest_plugins = ["pytester"]

RunTests: TypeAlias = Callable[..., pytest.RunResult]

PLUGIN: Final = "fluxbase_jobs.pytest_plugin"
PYPROJECT: Final = Path(__file__).parents[2] / "pyproject.toml"

TEN_LINES: Final = """
from fluxbase_jobs import FluxbaseClient


def make_thumbnail(client, photo):
    return client.jobs.run("resize", {"photo": photo, "width": 64}).unwrap().result["url"]


def test_thumbnail(fluxbase_server, fluxbase):
    resize = fluxbase_server.script("resize").progress(50).complete({"url": "/7-64.png"})
    assert make_thumbnail(fluxbase, 7) == "/7-64.png"
    assert resize.payloads == [{"photo": 7, "width": 64}]
"""


@pytest.fixture
def run_tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunTests:
    """Runs a test file in its own process with only this plugin, warnings as errors and strict markers."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(os.path.abspath(path) for path in sys.path))  # noqa: PTH100  # Path.resolve would follow links
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=text)
        return pytester.runpytest_subprocess("-p", PLUGIN, "-W", "error", "--strict-markers", "-p", "no:cacheprovider", *options)

    return run


ASYNC: Final = """
import asyncio
import gc

import pytest
import trio


async def check(client, server):
    server.script("resize").progress(50).complete({"width": 1})
    job = (await client.jobs.run("resize", {"id": 7})).unwrap()
    assert job.result == {"width": 1}
    assert [each.id for each in (await client.jobs.list()).unwrap()] == [job.id]
"""


AWAIT: Final = "    await check(async_fluxbase, fluxbase_server)"
FIXTURE: Final = """
import pytest_asyncio

@pytest_asyncio.fixture(autouse=True)
async def listing(async_fluxbase):
    yield await async_fluxbase.jobs.list()
    await async_fluxbase.jobs.list()
"""
ASYNC_TESTS: Final = {
    "asyncio": ("asyncio", "def test_it(async_fluxbase, fluxbase_server):\n    asyncio.run(check(async_fluxbase, fluxbase_server))"),
    "trio": ("trio", "def test_it(async_fluxbase, fluxbase_server):\n    trio.run(check, async_fluxbase, fluxbase_server)"),
    "pytest-asyncio": ("pytest_asyncio.plugin", f"@pytest.mark.asyncio\nasync def test_it(async_fluxbase, fluxbase_server):\n{AWAIT}"),
    "pytest-asyncio with a fixture": (
        "pytest_asyncio.plugin",
        f"{FIXTURE}\n@pytest.mark.asyncio\nasync def test_it(async_fluxbase, fluxbase_server):\n{AWAIT}",
    ),
    **{
        f"anyio on {backend}": (
            "anyio.pytest_plugin",
            f"""@pytest.mark.anyio
@pytest.mark.parametrize('anyio_backend', ['{backend}'])
async def test_it(async_fluxbase, fluxbase_server):
{AWAIT}""",
        )
        for backend in ("asyncio", "trio")
    },
}


@pytest.mark.parametrize(("plugin", "test"), ASYNC_TESTS.values(), ids=ASYNC_TESTS)
def test_async_client(run_tests: RunTests, plugin: str, test: str) -> None:
    """The async client is a plain fixture: usable in every event loop, by every plugin or none, and closed without a warning."""
    options = ["-o", "asyncio_default_fixture_loop_scope=function"] if "asyncio.plugin" in plugin else []
    loaded = ["-p", plugin] if "plugin" in plugin else []

    result = run_tests(f"{ASYNC}\n\n{test}\n\n\ndef test_end():\n    gc.collect()\n", *loaded, *options)

    result.assert_outcomes(passed=2)


def test_without_sockets(run_tests: RunTests) -> None:
    """Where pytest-socket forbids all sockets, servers, clients and handlers of both kinds work all the same."""
    result = run_tests(
        """
        import socket

        import pytest

        def test_it(fluxbase_server, fluxbase):
            @fluxbase_server.function("plain")
            def plain(payload, context):
                return {"n": payload["n"] + 1}

            @fluxbase_server.function("coroutine")
            async def coroutine(payload, context):
                return {"n": payload["n"] + 2}

            assert fluxbase.jobs.run("plain", {"n": 1}).unwrap().result == {"n": 2}
            assert fluxbase.jobs.run("coroutine", {"n": 1}).unwrap().result == {"n": 3}
            with pytest.raises(UserWarning, match="tried to use socket"):
                socket.create_connection(("127.0.0.1", 9))
        """,
        *("-p", "pytest_socket", "--disable-socket"),
    )

    result.assert_outcomes(passed=1)


def test_log_of_a_handler_is_captured(run_tests: RunTests) -> None:
    """A failing test shows what its handlers logged and raised, on the default profile too."""
    result = run_tests(
        """
        def test_it(fluxbase_server, fluxbase):
            @fluxbase_server.function("talks")
            def talks(payload, context):
                context.log("HELLO")
                return payload["SUCH_A_KEY"]

            fluxbase.jobs.run("talks", {}).unwrap()
        """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Captured log call*", "INFO *HELLO", "Traceback*", "KeyError: 'SUCH_A_KEY'"])


def test_handler_with_another_signature(run_tests: RunTests) -> None:
    """A handler that cannot be called is refused where it is added, not when a job runs."""
    result = run_tests(
        """
        def test_it(fluxbase_server):
            @fluxbase_server.function("resize")
            def resize(payload):
                return {}
        """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*job function default/resize: *resize(payload) cannot be called as a handler (too many*"])


def test_entry_point_names_the_plugin() -> None:
    """Pytest finds the plugin by the package's entry point."""
    announced = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["entry-points"]["pytest11"]

    assert [EntryPoint(name, value, "pytest11").load().__name__ for name, value in announced.items()] == [PLUGIN]


def test_fixtures_need_no_setup(run_tests: RunTests) -> None:
    """A test file only needs the names of the fixtures."""
    run_tests(TEN_LINES).assert_outcomes(passed=1)


def test_each_test_has_its_own_server(run_tests: RunTests) -> None:
    """Each test has a new server, and `fluxbase` calls it."""
    result = run_tests(
        """
        import pytest

        @pytest.mark.parametrize("n", [1, 2])
        def test_it(fluxbase, fluxbase_server, n):
            assert fluxbase.jobs.list().unwrap() == []
            fluxbase_server.script("resize")
            fluxbase.jobs.submit("resize").unwrap()
        """
    )

    result.assert_outcomes(passed=2)


def test_closest_marker_sets_the_options(run_tests: RunTests) -> None:
    """The marker sets the options of a test's server; the closest marker wins, option by option."""
    result = run_tests(
        """
        import pytest
        from fluxbase_jobs.emulator import function

        @function("double")
        def double(payload, context):
            return {"n": 2 * payload["n"]}

        pytestmark = pytest.mark.fluxbase(profile="2026-03", functions=[double])

        def test_module(fluxbase, fluxbase_server):
            assert "2026-03" in repr(fluxbase_server)
            assert fluxbase.jobs.run("double", {"n": 2}).unwrap().result == {"n": 4}

        @pytest.mark.fluxbase(profile="2026-04")
        def test_function(fluxbase, fluxbase_server):
            assert "2026-04" in repr(fluxbase_server)
            assert fluxbase.jobs.run("double", {"n": 2}).ok
        """
    )

    result.assert_outcomes(passed=2)


def test_ini_option_names_a_handlers_file(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    """The path is relative to the rootdir."""
    pytester.makeini("[pytest]\nfluxbase_functions = app/handlers.py\n")
    handlers = pytester.mkdir("app") / "handlers.py"
    handlers.write_text(
        "from fluxbase_jobs.emulator import function\n@function('ask')\ndef ask(payload, context):\n    return {'answer': 42}\n"
    )

    result = run_tests("def test_it(fluxbase):\n    assert fluxbase.jobs.run('ask').unwrap().result == {'answer': 42}\n")

    result.assert_outcomes(passed=1)


def test_handlers_file_of_a_marker_is_relative_to_rootdir(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory in which pytest starts does not matter."""
    handlers = "from fluxbase_jobs.emulator import function\n@function('ask')\ndef ask(payload, context):\n    return {'answer': 42}\n"
    folder = pytester.mkdir("app")
    folder.joinpath("handlers.py").write_text(handlers)
    test_file = pytester.makepyfile(
        """
        import pytest

        @pytest.mark.fluxbase(functions="app/handlers.py")
        def test_it(fluxbase):
            assert fluxbase.jobs.run("ask").unwrap().result == {"answer": 42}
        """
    )
    monkeypatch.chdir(folder)

    result = pytester.runpytest_subprocess("-W", "error", "-p", "no:asyncio", "--rootdir", str(pytester.path), str(test_file))

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mark", "line"),
    [
        ("profile='2025'", "profile must be one of 2026-03, 2026-04, not '2025'"),
        ("style='red'", "a test server has no option 'style': there are *"),
        ("'2026-03'", "@pytest.mark.fluxbase takes keyword arguments only, like profile='2026-03'"),
        ("functions='none.py'", "handlers file *none.py does not exist: give the path of a Python file"),
    ],
)
def test_invalid_marker_is_reported_without_traceback(run_tests: RunTests, mark: str, line: str) -> None:
    """The message is one line."""
    result = run_tests(f"import pytest\n@pytest.mark.fluxbase({mark})\ndef test_it(fluxbase):\n    pass\n")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"the Fluxbase server of this test cannot start: {line}"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*nother exception*")
    result.stdout.no_fnmatch_line("*pytest_plugin.py:*")


def test_plugin_imports_the_server_only_when_used(run_tests: RunTests) -> None:
    """A test run without a Fluxbase server imports nothing that only servers need."""
    run_tests(
        """
        import sys

        def test_it():
            assert "fluxbase_jobs.pytest_plugin" in sys.modules
            assert not {"starlette", "uvicorn", "jwt", "fluxbase_jobs.testing"} & set(sys.modules)
        """
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("package", ["cronsim", "jwt", "starlette", "uvicorn"])
def test_missing_extra_is_reported(run_tests: RunTests, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Without the extra, the fixture's error says how to install it."""
    broken = pytester.mkdir("broken")
    (broken / f"{package}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{package}'\", name='{package}')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken), prepend=os.pathsep)

    result = run_tests("def test_it(fluxbase):\n    pass\n")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f'{package} is not installed, which fluxbase_jobs.testing needs: run pip install ".?emulator?" in a clone, or pip install "*?emulator?" once*'
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*nother exception*")


def test_marker_and_fixtures_are_documented(run_tests: RunTests) -> None:
    """`pytest --markers` and `pytest --fixtures` describe them."""
    run_tests("", "--markers").stdout.fnmatch_lines(["@pytest.mark.fluxbase(?*options): the options of the test's Fluxbase server*"])
    run_tests("", "--fixtures").stdout.fnmatch_lines(
        ["fluxbase_server -- *", "*A new Fluxbase server with scripts*", "fluxbase -- *", "async_fluxbase -- *"]
    )
