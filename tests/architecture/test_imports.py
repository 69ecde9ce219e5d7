"""What `import fluxbase_jobs` loads: HTTP libraries, event loops and the emulator come when they are used."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import typing
from collections.abc import Iterator
from importlib.metadata import version
from inspect import isclass, isfunction
from typing import Any, Final

import attrs
import fluxbase_jobs
import pytest

from tests.architecture.sources import MODULES, ROOT

HEAVY: Final = (
    *("anyio", "asyncio", "certifi", "cyclopts", "httpcore", "httpx", "pyreqwest", "rich", "ssl", "starlette", "trio"),
    *("fluxbase_jobs.cli", "fluxbase_jobs.emulator", "fluxbase_jobs.progress"),
)


def loaded_by(program: str) -> set[str]:
    """The heavy modules that a program loads, in its own process."""
    code = f"import sys\n{program}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout.split())


@pytest.mark.parametrize(
    "program",
    [
        "import fluxbase_jobs; dir(fluxbase_jobs)",
        "from fluxbase_jobs import *",
        "from fluxbase_jobs import FluxbaseClient, AsyncFluxbaseClient, create_client",
        "import fluxbase_jobs_client, fluxbase_jobs_client.api.jobs.get_job",
    ],
)
def test_imports_load_no_http_library(program: str) -> None:
    """Until a client is made."""
    assert loaded_by(program) == set()


def test_a_client_loads_what_it_sends_with() -> None:
    """Nothing else, like httpx, pyreqwest and the emulator."""
    loaded = loaded_by("import fluxbase_jobs; fluxbase_jobs.FluxbaseClient('http://127.0.0.1:9')")

    assert "httpcore" in loaded
    assert loaded.isdisjoint({"httpx", "pyreqwest", "starlette", "fluxbase_jobs.emulator"})


def test_the_program_tells_its_version_at_once() -> None:
    """Without the client, the commands and what they are made with, which may not even be installed."""
    program = "import runpy, sys; sys.argv[1:] = ['--version']; runpy.run_module('fluxbase_jobs', run_name='__main__')"

    assert loaded_by(program) == {version("fluxbase-jobs")}


def test_the_program_loads_httpx_for_the_doctor_only() -> None:
    """It takes as long to import as all commands."""
    loaded = loaded_by("import fluxbase_jobs.cli.app")

    assert "rich" in loaded
    assert loaded.isdisjoint({"anyio", "httpcore", "httpx", "starlette", "fluxbase_jobs.emulator"})


def test_the_version_is_that_of_the_package() -> None:
    """As `pip show` prints it."""
    assert fluxbase_jobs.__version__ == version("fluxbase-jobs")


def test_the_pytest_plugin_loads_little() -> None:
    """Pytest imports it at every start: nothing of ours but the plugin itself."""
    code = "import sys, pytest; before = set(sys.modules); import fluxbase_jobs.pytest_plugin; print(*sorted(set(sys.modules) - before))"

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout

    assert printed.split() == ["fluxbase_jobs", "fluxbase_jobs.pytest_plugin"]


def public_callables() -> Iterator[Any]:
    """Every public function, every public class, and its public methods."""
    for name in fluxbase_jobs.__all__:
        value: Any = getattr(fluxbase_jobs, name)
        if isfunction(value):
            yield value
        elif isclass(value):
            yield from (each for each in vars(value).values() if isfunction(each) and not each.__name__.startswith("_"))
            yield value if attrs.has(value) or not isfunction(value.__init__) else value.__init__  # attrs writes its own


@pytest.mark.parametrize("function", list(public_callables()), ids=lambda each: getattr(each, "__qualname__", repr(each)))
def test_annotations_resolve(function: Any) -> None:
    """For tools that read them at run time."""
    assert typing.get_type_hints(function) is not None


def test_every_name_is_completed_and_imported_from_one_place() -> None:
    """`dir` and `__all__` agree; an unknown name is an AttributeError."""
    assert set(fluxbase_jobs.__all__) <= set(dir(fluxbase_jobs))
    assert all(hasattr(fluxbase_jobs, name) for name in fluxbase_jobs.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = fluxbase_jobs.Nothing


BROUGHT: Final = {
    "h11": "uvicorn and httpcore cannot be installed without it",
    "pydantic_core": "imported by pydantic's own call",
    "pytest": "imported by pytest's own plugin",
}
"""Packages that are imported although the project does not depend on them, and why that works."""


def third_party() -> set[str]:
    """The packages of others that the wheel imports."""
    imported = {name.partition(".")[0] for module in MODULES.values() for name in module.imported()}
    return imported - sys.stdlib_module_names - {"fluxbase_jobs", "fluxbase_jobs_client", "__future__"}


def test_every_imported_package_is_a_dependency() -> None:
    """On every Python: one that comes by way of another dependency is missing where that no longer needs it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = [each for extra in project["optional-dependencies"].values() for each in extra]
    declared = [each for each in (*project["dependencies"], *optional) if ";" not in each]
    names = {re.split(r"[^a-z0-9-]", each)[0].replace("-", "_") for each in declared}
    modules = {"jwt": "pyjwt", "opentelemetry": "opentelemetry_api"}

    missing = {name for name in third_party() if modules.get(name, name) not in names}

    assert missing == set(BROUGHT)
