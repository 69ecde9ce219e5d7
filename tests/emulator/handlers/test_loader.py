"""Handlers files as modules: handlers may start processes of their own, and no file takes another module's place."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from fluxbase_jobs.emulator.handlers.loader import HandlersFile, load_functions
from fluxbase_jobs.testing import Server

from tests.support.servers.emulator_in_process import program

POOL: Final = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from fluxbase_jobs.emulator import function


def double(n):
    return 2 * n


@function("pool")
def pool(payload, context):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(payload["method"])) as executor:
        return {"n": executor.submit(double, payload["n"]).result()}
"""


@pytest.fixture
def modules() -> Iterator[None]:
    """Restore sys.path and sys.modules after the test."""
    path, modules = sys.path[:], dict(sys.modules)
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_process_pool_in_a_handler(tmp_path: Path, method: str) -> None:
    """The processes of a pool import the handlers file by its name."""
    path = tmp_path / "handlers_with_a_pool.py"
    path.write_text(POOL)
    with program("--functions", path) as started, started.running.client() as client:
        job = client.run("pool", {"method": method, "n": 21})

    assert (job["status"], job["result"]) == ("completed", '{"n": 42}')


@pytest.mark.usefixtures("modules")
def test_process_pool_in_a_test_server(tmp_path: Path) -> None:
    """So do those of a handler on a test server, on one server after another."""
    path = tmp_path / "handlers_with_a_pool.py"
    path.write_text(POOL)
    for n in (1, 2):
        with Server(functions=path) as server, server.client() as client:
            assert client.jobs.run("pool", {"method": "spawn", "n": n}, timeout=60).unwrap().result == {"n": 2 * n}


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("name", ["json.py", "queue.py", "imported_already.py", "two.dots.py"])
def test_name_of_another_module(tmp_path: Path, name: str) -> None:
    """A handlers file with the name of another module, of the standard library or imported before, does not take its place."""
    (tmp_path / name).write_text("from fluxbase_jobs.emulator import function\n\n@function('f')\ndef f(payload, context): ...\n")
    file = HandlersFile(tmp_path / name)
    sys.modules["imported_already"] = json

    (definition,) = file.load()

    assert definition.handler.__module__.startswith("fluxbase_jobs_handlers_")
    assert sys.modules["json"] is json
    assert sys.modules["imported_already"] is json


def test_file_that_cannot_be_imported_by_name(tmp_path: Path) -> None:
    """A file outside of sys.path gets a new name for each load."""
    (tmp_path / "handlers.py").write_text("from fluxbase_jobs.emulator import function\n\n@function('f')\ndef f(payload, context): ...\n")
    modules = {next(iter(load_functions(tmp_path / "handlers.py"))).handler.__module__ for _ in range(2)}

    assert len(modules) == 2
