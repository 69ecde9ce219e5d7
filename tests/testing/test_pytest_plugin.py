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

    result = pytester.runpytest_subprocess("-W", "error", "--rootdir", str(pytester.path), str(test_file))

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
        [f'{package} is not installed, which fluxbase_jobs.testing needs: run pip install "fluxbase-jobs?emulator?"']
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*nother exception*")


def test_marker_and_fixtures_are_documented(run_tests: RunTests) -> None:
    """`pytest --markers` and `pytest --fixtures` describe them."""
    run_tests("", "--markers").stdout.fnmatch_lines(["@pytest.mark.fluxbase(?*options): the options of the test's Fluxbase server*"])
    run_tests("", "--fixtures").stdout.fnmatch_lines(["fluxbase_server -- *", "*A new Fluxbase server with scripts*", "fluxbase -- *"])
