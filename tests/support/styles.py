"""One text for sync and async: an async client that a test may use as if it were the sync one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, Literal, cast

import httpx
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient, Ok, Result

Style = Literal["sync", "async"]

ONE_ATTEMPT: Final[dict[str, Any]] = {"retry": None}
"""How tests connect: what is tried again, and when, is said by the tests that are about it."""


END: Final = object()


async def _next(values: AsyncGenerator[Any]) -> Any:
    return await anext(values, END)


async def _closed(values: AsyncGenerator[Any]) -> None:
    await values.aclose()


class SyncFacade:
    """An async object whose coroutines run to their end at once, on one event loop."""

    def __init__(self, target: object, runner: asyncio.Runner) -> None:
        self._target = target
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        return self._shown(getattr(self._target, name))

    def __repr__(self) -> str:
        return repr(self._target)

    def _shown(self, value: Any) -> Any:
        if type(value).__name__.startswith("Async"):
            return SyncFacade(value, self._runner)
        if inspect.isasyncgen(value):
            return self._gone_through(cast("AsyncGenerator[Any]", value))
        return self._settled(value) if inspect.ismethod(value) else value

    def _gone_through(self, values: AsyncGenerator[Any]) -> Generator[Any]:
        try:
            while (value := self._runner.run(_next(values))) is not END:
                yield value
        finally:
            self._runner.run(_closed(values))

    def _settled(self, function: Callable[..., object]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            made = function(*args, **options)
            return self._shown(self._runner.run(made) if inspect.iscoroutine(made) else made)

        return call


class Connect:
    """Makes clients of one style, in each way there is, and closes them at the end."""

    def __init__(self, style: Style, runner: asyncio.Runner) -> None:
        self.style = style
        self._runner = runner
        self._class: Any = FluxbaseClient if style == "sync" else AsyncFluxbaseClient
        self._made: list[Any] = []

    def __call__(self, *args: Any, **options: Any) -> FluxbaseClient:
        return self._kept(self._class(*args, **{**ONE_ATTEMPT, **options}))

    def from_env(self, **options: Any) -> FluxbaseClient:
        """A client as the environment says."""
        return self._kept(self._class.from_env(**{**ONE_ATTEMPT, **options}))

    def sign_in(self, *args: Any, **options: Any) -> Result[FluxbaseClient]:
        """A client of a user that signs in."""
        result: Result[Any] = self.settled(self._class.sign_in(*args, **{**ONE_ATTEMPT, **options}))
        return Ok(self._kept(result.data), result.meta) if result.ok else result

    def http(self, **settings: Any) -> Any:
        """A httpx client of this style."""
        made = httpx.Client(**settings) if self.style == "sync" else httpx.AsyncClient(**settings)
        self._made.append(made)
        return made

    def settled(self, value: Any) -> Any:
        """What a function of either style returned, awaited where it is a coroutine."""
        return self._runner.run(value) if inspect.iscoroutine(value) else value

    def close(self) -> None:
        """Close all that was made."""
        for made in self._made:
            self.settled(made.aclose() if isinstance(made, httpx.AsyncClient) else made.close())

    def _kept(self, client: Any) -> FluxbaseClient:
        self._made.append(client if self.style == "sync" else SyncFacade(client, self._runner))
        return cast("FluxbaseClient", self._made[-1])


@contextmanager
def connecting(style: Style) -> Generator[Connect]:
    """A maker of clients of one style; they are closed at the end."""
    with asyncio.Runner() as runner:
        connect = Connect(style, runner)
        yield connect
        connect.close()
