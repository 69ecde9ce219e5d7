"""One text for sync and async: an async client that a test may use as if it were the sync one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, Literal, cast

from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient

Colour = Literal["sync", "async"]
Connect = Callable[..., FluxbaseClient]


class InStep:
    """An async object whose coroutines run to their end at once, on one event loop."""

    def __init__(self, target: object, runner: asyncio.Runner) -> None:
        self._target = target
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        return self._shown(getattr(self._target, name))

    def _shown(self, value: Any) -> Any:
        if type(value).__name__.startswith("Async"):
            return InStep(value, self._runner)
        return self._settled(value) if inspect.iscoroutinefunction(value) else value

    def _settled(self, function: Callable[..., Coroutine[Any, Any, object]]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            return self._shown(self._runner.run(function(*args, **options)))

        return call


@contextmanager
def connecting(colour: Colour) -> Generator[Connect]:
    """A function that makes clients of one colour; they are closed at the end."""
    clients: list[Any] = []
    with asyncio.Runner() as runner:

        def connect(*args: Any, **options: Any) -> FluxbaseClient:
            if colour == "sync":
                clients.append(FluxbaseClient(*args, **options))
            else:
                clients.append(InStep(AsyncFluxbaseClient(*args, **options), runner))
            return cast("FluxbaseClient", clients[-1])

        yield connect
        for client in clients:
            client.close()
