"""What the package exports: all of it on purpose, and all of it explained."""

from __future__ import annotations

import inspect
import types
from pathlib import Path
from typing import Any, Final

import fluxbase_jobs
import pytest

CALLABLES: Final = [name for name in fluxbase_jobs.__all__ if callable(getattr(fluxbase_jobs, name))]
ALIASES: Final = {"JobStatus", "Result"}
"""Type aliases, which say what they are in a comment-like string that no tool reads at run time."""


def test_the_list_is_sorted_and_without_repeats() -> None:
    """As ruff's rule has it: classes before functions, so that a diff shows what was added."""
    assert sorted(fluxbase_jobs.__all__) == fluxbase_jobs.__all__
    assert len(set(fluxbase_jobs.__all__)) == len(fluxbase_jobs.__all__)


def test_the_list_is_all_that_is_public() -> None:
    """No name without an underscore is there by accident, and none is promised that is not there."""
    public = {name for name, value in vars(fluxbase_jobs).items() if not name.startswith("_") and not isinstance(value, types.ModuleType)}

    assert public == set(fluxbase_jobs.__all__)


def test_everything_can_be_found_where_it_says() -> None:
    """Pickles and documentation tools go by module and name."""
    for name in CALLABLES:
        value: Any = getattr(fluxbase_jobs, name)
        if name not in ALIASES:
            assert value.__module__.split(".")[0] in {"fluxbase_jobs", "fluxbase_jobs_client"}, name
            assert value.__name__ == name


@pytest.mark.parametrize("name", [name for name in fluxbase_jobs.__all__ if name not in ALIASES])
def test_everything_is_explained(name: str) -> None:
    """A docstring of its own, in a sentence."""
    text: str = getattr(fluxbase_jobs, name).__doc__

    assert text
    assert text.splitlines()[0][-1] in ".:", text.splitlines()[0]


def public_methods() -> list[tuple[str, str]]:
    """The public methods and properties of the exported classes: class and name."""
    exported: dict[str, Any] = {name: getattr(fluxbase_jobs, name) for name in CALLABLES}
    return [
        (name, method)
        for name, kind in exported.items()
        if isinstance(kind, type)
        for method, value in vars(kind).items()
        if not method.startswith("_") and (callable(value) or isinstance(value, classmethod | property))
    ]


@pytest.mark.parametrize(("kind", "name"), public_methods())
def test_every_method_is_explained(kind: str, name: str) -> None:
    """With each argument it takes; a property in a sentence."""
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
def test_every_verb_says_what_it_takes_and_returns(kind: str, name: str) -> None:
    """All arguments and the result; none is left to one line."""
    method = getattr(getattr(fluxbase_jobs, kind), name)
    text = inspect.getdoc(method) or ""

    for parameter in inspect.signature(method).parameters.values():
        shown = f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
        assert shown == "self" or f"\n    {shown}: " in text, shown
    assert "\nReturns:\n" in text


@pytest.mark.parametrize("kind", ["FluxbaseClient", "AsyncFluxbaseClient", "FluxbaseFetch", "AsyncFluxbaseFetch"])
def test_every_constructor_says_what_it_takes(kind: str) -> None:
    """In the class's docstring."""
    text = inspect.getdoc(getattr(fluxbase_jobs, kind)) or ""

    for parameter in inspect.signature(getattr(fluxbase_jobs, kind)).parameters:
        assert f"\n    {parameter}: " in text, parameter


def test_the_package_is_typed() -> None:
    """Its marker is there, so that users' type checkers read it."""
    assert (Path(fluxbase_jobs.__file__).parent / "py.typed").exists()
