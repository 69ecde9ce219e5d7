"""The public names: sorted, complete and documented."""

from __future__ import annotations

import inspect
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import fluxbase_jobs
import pytest

CALLABLES: Final = [name for name in fluxbase_jobs.__all__ if callable(getattr(fluxbase_jobs, name))]
ALIASES: Final = {"JobStatus", "Result"}
"""Type aliases: they have no docstring at run time."""


def test_all_is_sorted_and_unique() -> None:
    """Sorted as ruff does it, so that a diff shows what was added."""
    assert sorted(fluxbase_jobs.__all__) == fluxbase_jobs.__all__
    assert len(set(fluxbase_jobs.__all__)) == len(fluxbase_jobs.__all__)


def test_version_is_that_of_the_distribution() -> None:
    """Also where it is imported by name."""
    from fluxbase_jobs import __version__  # noqa: PLC0415  # as a program does

    assert fluxbase_jobs.__version__ == __version__ == version("fluxbase-jobs")


def test_all_lists_every_public_name() -> None:
    """No public name is missing in `__all__`, and `__all__` names nothing else."""
    names = [name for name in dir(fluxbase_jobs) if not name.startswith("_")]
    public = {name for name in names if not isinstance(getattr(fluxbase_jobs, name), types.ModuleType)}

    assert public == set(fluxbase_jobs.__all__)


def test_exports_have_the_right_module_and_name() -> None:
    """Pickle and documentation tools find values by module and name."""
    for name in CALLABLES:
        value: Any = getattr(fluxbase_jobs, name)
        if name not in ALIASES:
            assert value.__module__.split(".")[0] in {"fluxbase_jobs", "fluxbase_jobs_client"}, name
            assert value.__name__ == name


@pytest.mark.parametrize("name", [name for name in fluxbase_jobs.__all__ if name not in ALIASES])
def test_every_export_has_a_docstring(name: str) -> None:
    """The docstring starts with a sentence."""
    text: str = getattr(fluxbase_jobs, name).__doc__

    assert text
    assert text.splitlines()[0][-1] in ".:", text.splitlines()[0]


def public_methods() -> list[tuple[str, str]]:
    """Class and name of all public methods and properties of the exported classes."""
    exported: dict[str, Any] = {name: getattr(fluxbase_jobs, name) for name in CALLABLES}
    return [
        (name, method)
        for name, kind in exported.items()
        if isinstance(kind, type)
        for method, value in vars(kind).items()
        if not method.startswith("_") and (callable(value) or isinstance(value, classmethod | property))
    ]


@pytest.mark.parametrize(("kind", "name"), public_methods())
def test_every_method_documents_its_arguments(kind: str, name: str) -> None:
    """A property has a sentence."""
    method = getattr(getattr(fluxbase_jobs, kind), name)
    text: str = inspect.getdoc(method) or ""

    assert text
    if not callable(method) or len(text.splitlines()) == 1:
        return
    for parameter in inspect.signature(method).parameters.values():
        if parameter.name != "self":
            name = str(parameter).partition(":")[0].partition("=")[0].strip()
            assert f"\n    {name}: " in text, name


@pytest.mark.parametrize("name", ["submit", "get", "list", "cancel", "retry", "logs"])
@pytest.mark.parametrize("kind", ["FluxbaseJobs", "AsyncFluxbaseJobs"])
def test_every_verb_documents_arguments_and_result(kind: str, name: str) -> None:
    """A verb has sections for its arguments and its result."""
    method = getattr(getattr(fluxbase_jobs, kind), name)
    text = inspect.getdoc(method) or ""

    for parameter in inspect.signature(method).parameters.values():
        shown = f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
        assert shown == "self" or f"\n    {shown}: " in text, shown
    assert "\nReturns:\n" in text


@pytest.mark.parametrize("kind", ["FluxbaseClient", "AsyncFluxbaseClient", "FluxbaseFetch", "AsyncFluxbaseFetch"])
def test_every_class_documents_its_constructor(kind: str) -> None:
    """The arguments are in the docstring of the class."""
    text = inspect.getdoc(getattr(fluxbase_jobs, kind)) or ""

    for parameter in inspect.signature(getattr(fluxbase_jobs, kind)).parameters:
        assert f"\n    {parameter}: " in text, parameter


def test_package_has_the_typing_marker() -> None:
    """Type checkers of users read py.typed."""
    assert (Path(fluxbase_jobs.__file__).parent / "py.typed").exists()
