"""The sync and the async classes have the same names, signatures and docstrings."""

from __future__ import annotations

import inspect
from typing import Any, Final, get_type_hints

import fluxbase_jobs
import pytest

CLASSES: Final = ("FluxbaseAdmin", "FluxbaseAdminJobs", "FluxbaseClient", "FluxbaseFetch", "FluxbaseJobs", "JobDefinition")
NOT_AWAITED: Final[dict[str, set[str]]] = {
    "FluxbaseAdmin": set(),
    "FluxbaseAdminJobs": {"iterate_jobs"},
    "FluxbaseClient": {"from_env"},
    "FluxbaseFetch": {"iterate", "iterate_pairs", "listen_through", "run_many"},
    "FluxbaseJobs": {"define", "iterate", "submit_many", "tail", "tail_many", "wait_many", "watch", "watch_many"},
    "JobDefinition": {"submit_many"},
}
"""Constructors, and iterators, which are used with `async for`."""

MANAGERS: Final = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


@pytest.fixture(params=CLASSES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of each class that exists in both styles."""
    return str(request.param)


def both(name: str) -> tuple[Any, Any]:
    """The sync class and the async class."""
    return getattr(fluxbase_jobs, name), getattr(fluxbase_jobs, f"Async{name}")


def methods(kind: type) -> dict[str, Any]:
    """The public methods of a class as functions, including the constructor."""
    found = {name: inspect.getattr_static(kind, name) for name in vars(kind) if not name.startswith("_") or name == "__init__"}
    return {name: getattr(method, "__func__", method) for name, method in found.items() if callable(getattr(kind, name))}


def as_sync_annotation(annotation: object) -> str:
    """An annotation as the sync class would have it."""
    return str(annotation).replace("Async", "").replace("async_", "sync_")


def parameters(method: Any) -> list[tuple[str, object, object, str]]:
    """Names, kinds, defaults and types of a method's parameters."""
    return [
        (each.name, each.kind, each.default, as_sync_annotation(each.annotation)) for each in inspect.signature(method).parameters.values()
    ]


def test_every_client_class_has_an_async_counterpart() -> None:
    """The list of classes above is complete."""
    asynchronous = {name.removeprefix("Async") for name in fluxbase_jobs.__all__ if name.startswith("Async")}

    assert asynchronous == set(CLASSES)
    assert set(CLASSES) <= set(fluxbase_jobs.__all__)


def test_both_classes_have_the_same_names(name: str) -> None:
    """The same methods, properties and attributes, except for the context manager."""
    sync, async_class = both(name)

    assert {each for each in dir(sync) if not each.startswith("_")} == {each for each in dir(async_class) if not each.startswith("_")}
    assert methods(sync).keys() == methods(async_class).keys()
    for plain, awaited in MANAGERS.items():
        assert hasattr(sync, plain) == hasattr(async_class, awaited)


def test_instances_have_the_same_attributes() -> None:
    """The same attributes are set by the constructor, like `client.jobs`."""
    clients: list[object] = [kind("http://127.0.0.1:9") for kind in both("FluxbaseClient")]
    sync, async_class = (set(vars(client)) for client in clients)

    assert sync == async_class
    assert sync >= {"jobs", "fetch"}


def test_both_classes_have_the_same_signatures(name: str) -> None:
    """Parameters and return types are the same, except for `Async` in type names."""
    sync, async_class = both(name)

    for method, function in methods(sync).items():
        other = methods(async_class)[method]
        assert (method, parameters(other)) == (method, parameters(function))
        returned = (inspect.signature(each).return_annotation for each in (function, other))
        assert len(set(map(as_sync_annotation, returned))) == 1, method


def test_both_classes_have_the_same_docstrings(name: str) -> None:
    """The whole docstring of each class and method."""
    sync, async_class = both(name)

    assert async_class.__doc__ == sync.__doc__
    for method, function in methods(sync).items():
        assert (method, methods(async_class)[method].__doc__) == (method, function.__doc__)


def test_only_async_methods_that_give_results_are_coroutines(name: str) -> None:
    """No method of a sync class is a coroutine function."""
    sync, async_class = both(name)
    awaited = {method for method, function in methods(async_class).items() if inspect.iscoroutinefunction(function)}

    assert awaited == methods(async_class).keys() - NOT_AWAITED[name] - {"__init__"}
    assert not any(map(inspect.iscoroutinefunction, methods(sync).values()))


def test_annotations_are_resolvable_at_run_time(name: str) -> None:
    """Only the async classes accept an awaitable key."""
    sync, async_class = both(name)

    for kind in (sync, async_class):
        for method, function in methods(kind).items():
            hints = get_type_hints(function)
            assert hints.keys() >= inspect.signature(function).parameters.keys() - {"self", "cls", "kind"}, method
    keys = [get_type_hints(kind.__init__).get("key") for kind in (sync, async_class)]
    assert [("Awaitable" in str(key)) for key in keys] == ([False, True] if name in {"FluxbaseClient", "FluxbaseFetch"} else [False, False])
