"""FluxbaseFetch: one server's settings, credentials and connections. It opens calls and hands their plans to the driver."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

from .._context.argument_hints import with_argument_hints
from .._context.call_context import CallContext, ClientSettings, RetryOption, make_settings
from .._context.client_options import DEFAULT_RETRY, DEFAULT_TIMEOUT
from .._context.credentials import Credentials, Key, OnTokens, refuse_coroutine_functions
from .._lazy import httpx
from .._plans.exchange import call
from .._plans.exchange.authentication import key_of_now
from .._plans.exchange.steps import Plan, Stream
from .._plans.submit_many import BatchReport
from .._realtime.hub import Hub
from .._realtime.link import polling
from .._realtime.websocket import Connector, WebsocketConnector
from .._transports.base import Transport
from .._transports.choose import DEFAULT_TRANSPORT, TransportName, own_timeout, sync_transport
from .._validation import arguments
from .._validation.arguments import Seconds
from ..models.tokens import Tokens
from ..policies.retry import RetryPolicy
from ..result import Err, Result, handed_over
from . import batch, driver, log, observer

OFF: Final = "switched off"
BY_ITSELF: Final = True
"""Whether a client uses the WebSocket without being told to."""

T = TypeVar("T")
ItemT = TypeVar("ItemT")
P = ParamSpec("P")


@with_argument_hints
class FluxbaseFetch:
    """The requests of one client to one server.

    Threads and tasks may share it. It may be used from one event loop after another, and after a fork: each gets its own connections.

    Args:
        base_url: the server's address, e.g. `https://example.com`; a path before `/api` is kept.
        key: a token or key, or a callable (for the async client also a coroutine function) that returns one and is called before each
            request. Sent by its form: `sk_`, `pk_` and `fb_` as X-Service-Key, `fbk_` as X-Client-Key, anything else as a Bearer token.
            None: no credentials.
        refresh_token: exchanged for the next pair of tokens before the key expires and after a 401; only with a key that is text, or none.
        on_tokens: called with each new pair, as Tokens (for the async client also a coroutine function): a refresh token works once, so
            store the new one.
        headers: sent with every request; names and printable ASCII texts.
        timeout: seconds for one request, 5 of them at most to connect.
        retry: how often and how long a call is retried; None: one attempt.
        http_client: an httpx client of your own, for proxies, certificates or a test transport. The client uses it unchanged and does not close it.
        transport: the library that sends the requests: "httpcore", or, with the extra `speed`, "pyreqwest" (not under trio).
        raise_errors: True: verbs of one result raise its error in place of returning an Err; iterators keep giving results.
        realtime: whether to receive changes and log lines over the server's WebSocket. None: where it can, but not with an `http_client` of
            your own and not under trio; True: also with an `http_client`; False: polling only. Without a WebSocket the client polls.

    Raises:
        InvalidInput: an argument is not as described.
    """

    def __init__(
        self,
        base_url: str,
        key: Key | None = None,
        *,
        refresh_token: str | None = None,
        on_tokens: OnTokens | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Seconds = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = DEFAULT_RETRY,
        http_client: httpx.Client | None = None,
        transport: TransportName = DEFAULT_TRANSPORT,
        raise_errors: bool = False,
        realtime: bool | None = None,
    ) -> None:
        refuse_coroutine_functions(key=key, on_tokens=on_tokens)
        self._settings = make_settings(
            base_url, headers, own_timeout(http_client, timeout, DEFAULT_TIMEOUT), retry, Credentials(key, refresh_token, on_tokens)
        )
        self._transport = sync_transport(arguments.plain_text(transport), http_client)
        self._raise_errors = arguments.flag("raise_errors", raise_errors)
        self._hub: Hub | None = None
        if uses_realtime(realtime, http_client):
            self.listen_through(WebsocketConnector())

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

    def run(
        self,
        plan: Callable[Concatenate[CallContext, P], Plan[Result[T]]],
        options: RetryOption,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Result[T]:
        """Open a call with these options, and carry out its plan."""
        with observer.call(plan.__name__, *args) as observed:
            result = driver.run(call.call(plan, self._settings, options, *args, **kwargs), self._transport.opened())
            observed.ended(result)
        return delivered(result, plan.__name__, raise_errors=self._raise_errors)

    def iterate(
        self,
        stream: Callable[Concatenate[CallContext, P], Stream[Result[T]]],
        options: RetryOption,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Generator[Result[T]]:
        """Open a call with these options, and carry out its stream as far as the caller iterates."""
        return self.iterate_pairs(call.stream(stream, self._settings, options, *args, **kwargs))

    def iterate_pairs(self, stream: Stream[T]) -> Generator[T]:
        """Carry out a stream that opens its call itself."""
        return driver.iterate(stream, self._transport.opened())

    def run_many(self, plans: Iterator[tuple[ItemT, Plan[T]]], concurrency: int, report: BatchReport[T]) -> Generator[tuple[ItemT, T]]:
        """Carry out many plans, `concurrency` at a time, and yield each item with its plan's result."""
        return batch.run_many(plans, self._transport.opened(), concurrency, report)

    def listen_through(self, connect: Connector) -> None:
        """Receive events over sockets that this opens: for test servers without a network."""
        # The hub's thread must not keep this object, so that a client which nobody closes can be collected.
        self._hub = Hub(self._settings.base_url, self._settings.headers, partial(_key, self._settings, self._transport), connect)
        self._settings.memory.hub = self._hub
        weakref.finalize(self, self._hub.forget).atexit = False

    def close(self) -> None:
        """Close the connections. A given `http_client` stays open."""
        if self._hub is not None:
            self._hub.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.base_url!r})"


def _key(settings: ClientSettings, transport: Transport) -> object:
    """The key to use now, for the WebSocket."""
    return driver.run(key_of_now(settings), transport.opened())


def delivered(result: Result[T], call: str, *, raise_errors: bool) -> Result[T]:
    """The result of a verb as the client is set: returned, or its error raised. `call` names the verb in the log."""
    if isinstance(result, Err):
        log.gave_up(result, f"{call}()")
        if raise_errors:
            raise result.error
    return handed_over(result, f"{call}()")


def with_lifetime(settings: ClientSettings, tokens: Tokens) -> None:
    """Tell a client that its tokens were received just now and how long they last."""
    settings.credentials.received(tokens, driver.instant().monotonic)


def uses_realtime(realtime: object, http_client: object) -> bool:
    """Whether a client opens a WebSocket at all. A given httpx client may be a test's, without a network."""
    if realtime is None:
        return http_client is None and BY_ITSELF
    return arguments.flag("realtime", realtime)
