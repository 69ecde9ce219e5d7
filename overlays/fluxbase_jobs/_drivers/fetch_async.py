"""AsyncFluxbaseFetch: FluxbaseFetch for the async client."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from .._context.argument_hints import with_argument_hints
from .._context.call_context import CallContext, ClientSettings, RetryOption, make_settings
from .._context.client_options import DEFAULT_RETRY, DEFAULT_TIMEOUT
from .._context.credentials import AsyncKey, Credentials, OnTokens
from .._docstrings import documented_like
from .._lazy import httpx
from .._plans.exchange import call
from .._plans.exchange.authentication import key_of_now
from .._plans.exchange.steps import Plan, Stream
from .._plans.submit_many import BatchReport
from .._realtime.hub_async import AsyncHub
from .._realtime.link import polling
from .._realtime.websocket import AsyncConnector, AsyncWebsocketConnector
from .._transports.base import AsyncTransport
from .._transports.choose import DEFAULT_TRANSPORT, TransportName, async_transport, own_timeout
from .._validation import arguments
from .._validation.arguments import Seconds
from ..policies.retry import RetryPolicy
from ..result import Result
from . import batch_async as batch
from . import driver_async as driver
from . import observer
from .fetch import OFF, FluxbaseFetch, delivered, uses_realtime

T = TypeVar("T")
ItemT = TypeVar("ItemT")
P = ParamSpec("P")


@with_argument_hints
@documented_like(FluxbaseFetch)
class AsyncFluxbaseFetch:
    """The requests of one client to one server."""

    def __init__(
        self,
        base_url: str,
        key: AsyncKey | None = None,
        *,
        refresh_token: str | None = None,
        on_tokens: OnTokens | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = DEFAULT_RETRY,
        http_client: httpx.AsyncClient | None = None,
        transport: TransportName = DEFAULT_TRANSPORT,
        raise_errors: bool = False,
        realtime: bool | None = None,
    ) -> None:
        self._settings = make_settings(
            base_url, headers, own_timeout(http_client, timeout, DEFAULT_TIMEOUT), retry, Credentials(key, refresh_token, on_tokens)
        )
        self._transport = async_transport(arguments.plain_text(transport), http_client)
        self._raise_errors = arguments.flag("raise_errors", raise_errors)
        self._hub: AsyncHub | None = None
        if uses_realtime(realtime, http_client):
            self.listen_through(AsyncWebsocketConnector())

    @property
    def settings(self) -> ClientSettings:
        """The client's settings, for plans that open their calls themselves."""
        return self._settings

    @property
    def transport(self) -> str:
        """What sends the requests: `"httpcore"`, `"pyreqwest"`, or `"http_client"` for one of the user's own."""
        return self._transport.name

    @property
    def realtime_state(self) -> str:
        """`"unused"`, `"connected"`, or `"polling: REASON"`."""
        return polling(OFF) if self._hub is None else self._hub.state

    async def run(
        self,
        plan: Callable[Concatenate[CallContext, P], Plan[Result[T]]],
        options: RetryOption,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Result[T]:
        """Open a call with these options, and carry out its plan."""
        with observer.call(plan.__name__, *args) as observed:
            result = await driver.run(call.call(plan, self._settings, options, *args, **kwargs), self._transport.opened())
            observed.ended(result)
        return delivered(result, plan.__name__, raise_errors=self._raise_errors)

    def iterate(
        self,
        stream: Callable[Concatenate[CallContext, P], Stream[Result[T]]],
        options: RetryOption,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> AsyncGenerator[Result[T]]:
        """Open a call with these options, and carry out its stream as far as the caller iterates."""
        return self.iterate_pairs(call.stream(stream, self._settings, options, *args, **kwargs))

    def iterate_pairs(self, stream: Stream[T]) -> AsyncGenerator[T]:
        """Carry out a stream that opens its call itself."""
        return driver.iterate(stream, self._transport)

    def run_many(self, plans: Iterator[tuple[ItemT, Plan[T]]], concurrency: int, report: BatchReport[T]) -> AsyncGenerator[tuple[ItemT, T]]:
        """Carry out many plans, `concurrency` at a time, and yield each item with its plan's result."""
        return batch.run_many(plans, self._transport, concurrency, report)

    def listen_through(self, connect: AsyncConnector) -> None:
        """Receive events over sockets that this opens: for test servers without a network."""
        self._hub = AsyncHub(self._settings.base_url, self._settings.headers, partial(_key, self._settings, self._transport), connect)
        self._settings.memory.hub = self._hub
        weakref.finalize(self, self._hub.forget).atexit = False

    async def close(self) -> None:
        """Close the connections."""
        if self._hub is not None:
            await self._hub.close()
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.base_url!r})"


async def _key(settings: ClientSettings, transport: AsyncTransport) -> object:
    """The key to use now, for the WebSocket."""
    return await driver.run(key_of_now(settings), transport.opened())
