"""One test for sync and async clients: an async client that can be called like the sync one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from contextvars import copy_context
from importlib import import_module
from typing import Any, Final, Literal, cast

import httpx
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Ok, Result

Style = Literal["sync", "async"]

ONE_ATTEMPT: Final[dict[str, Any]] = {"retry": None}
"""The default of test clients: no retries, except in tests that are about retries."""

_END: Final = object()


async def _next(values: AsyncGenerator[Any]) -> Any:
    return await anext(values, _END)


async def _close(values: AsyncGenerator[Any]) -> None:
    await values.aclose()


class SyncFacade:
    """Wraps an async object: each call runs the coroutine to its end on one event loop."""

    def __init__(self, target: object, runner: asyncio.Runner) -> None:
        self._target = target
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        return self._wrap(getattr(self._target, name))

    def __repr__(self) -> str:
        return repr(self._target)

    def _wrap(self, value: Any) -> Any:
        if type(value).__name__.startswith("Async"):
            return SyncFacade(value, self._runner)
        if inspect.isasyncgen(value):
            return self._iterate(cast("AsyncGenerator[Any]", value))
        return self._wrap_method(value) if inspect.ismethod(value) else value

    def _iterate(self, values: AsyncGenerator[Any]) -> Generator[Any]:
        try:
            while (value := self._runner.run(_next(values), context=copy_context())) is not _END:
                yield value
        finally:
            self._runner.run(_close(values))

    def _wrap_method(self, function: Callable[..., object]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            returned = function(*args, **options)
            return self._wrap(self._runner.run(returned, context=copy_context()) if inspect.iscoroutine(returned) else returned)

        return call


class Connect:
    """Creates clients of one style, and closes them at the end of the test."""

    def __init__(self, style: Style, runner: asyncio.Runner, transport: str) -> None:
        self.style = style
        self.transport = transport
        self._runner = runner
        self._class: Any = FluxbaseClient if style == "sync" else AsyncFluxbaseClient
        self._opened: list[Any] = []

    def __call__(self, *args: Any, **options: Any) -> FluxbaseClient:
        return self._register(self._class(*args, **{**ONE_ATTEMPT, **self._over(options)}))

    def from_env(self, **options: Any) -> FluxbaseClient:
        """Create a client from environment variables."""
        return self._register(self._class.from_env(**{**ONE_ATTEMPT, **self._over(options)}))

    def sign_in(self, *args: Any, **options: Any) -> Result[FluxbaseClient]:
        """Create a client by signing in a user."""
        result: Result[Any] = self._run(self._class.sign_in(*args, **{**ONE_ATTEMPT, **self._over(options)}))
        return Ok(self._register(result.data), result.meta) if result.ok else result

    def http(self, **settings: Any) -> Any:
        """Create an httpx client of this style, or an httpx2 client where the test's transport is that."""
        library: Any = import_module("httpx2") if self.transport == "httpx2" else httpx  # not where the lowest versions are tested
        return self.keep(library.Client(**settings) if self.style == "sync" else library.AsyncClient(**settings))

    def keep(self, http_client: Any) -> Any:
        """Close an HTTP client of this style at the end of the test."""
        self._opened.append(http_client)
        return http_client

    def _over(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options of a client, over the test's transport where they name none."""
        if self.transport == "httpcore" or "http_client" in options:
            return options
        chosen = {"http_client": self.http()} if self.transport in {"http_client", "httpx2"} else {"transport": self.transport}
        return {**chosen, **options}

    def close(self) -> None:
        """Close all clients."""
        for client in self._opened:
            self._run(client.aclose() if hasattr(client, "aclose") else client.close())

    def _run(self, value: Any) -> Any:
        return self._runner.run(value) if inspect.iscoroutine(value) else value

    def _register(self, client: Any) -> FluxbaseClient:
        self._opened.append(client if self.style == "sync" else SyncFacade(client, self._runner))
        return cast("FluxbaseClient", self._opened[-1])


@contextmanager
def connect_in_style(style: Style, transport: str = "httpcore") -> Generator[Connect]:
    """A `Connect` of one style; its clients are closed at the end of the block."""
    with asyncio.Runner() as runner:
        connect = Connect(style, runner, transport)
        yield connect
        connect.close()
