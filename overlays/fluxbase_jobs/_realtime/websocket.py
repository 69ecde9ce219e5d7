"""WebSockets of the `websockets` library, sync and async. It is imported at the first connection: most programs never open one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final, Protocol, cast

from .._transports.messages import user_agent
from ..errors import FluxbaseError

PATH: Final = "/realtime"
OPEN_SECONDS: Final = 5.0
JOIN_SECONDS: Final = 2.0
MAX_MESSAGE: Final = 4 * 1024 * 1024
_MISSING: Final = frozenset({400, 403, 404, 405, 426, 501})
"""Statuses with which a server, or a proxy before it, says that it has no WebSocket."""
_LOGGER: Final = logging.getLogger("fluxbase_jobs.websocket")
"""The library's logger would write headers, with the key, and frames at DEBUG wherever a program sets that level for all."""
_LOGGER.setLevel(logging.WARNING)
_PLAIN: Final[dict[str, Any]] = {
    "open_timeout": OPEN_SECONDS,
    "close_timeout": 1.0,
    "max_size": MAX_MESSAGE,
    "compression": None,
    "logger": _LOGGER,
}


class SocketUnavailable(Exception):  # never leaves this package
    """No socket could be opened, or it is gone.

    Attributes:
        reason: why, in a few words without secrets.
        lasting: whether another attempt in the next minutes would not help.
    """

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting


class Socket(Protocol):
    """An open socket, of a thread."""

    def send(self, text: str) -> None:
        """Send a frame. Raises SocketUnavailable."""
        ...

    def receive(self, timeout: float) -> str | bytes | None:
        """The next message; None where none came in time. Raises SocketUnavailable."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class AsyncSocket(Protocol):
    """An open socket, of an event loop of asyncio."""

    async def send(self, text: str) -> None:
        """Send a frame. Raises SocketUnavailable."""
        ...

    async def receive(self) -> str | bytes:
        """The next message. Raises SocketUnavailable."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class Connector(Protocol):
    """What opens sockets for the sync client. Tests give one that needs no network."""

    def __call__(self, base_url: str, headers: Mapping[str, str]) -> Socket:
        """Open a socket to a server, with these headers. Raises SocketUnavailable."""
        ...


class AsyncConnector(Protocol):
    """What opens sockets for the async client."""

    async def __call__(self, base_url: str, headers: Mapping[str, str]) -> AsyncSocket:
        """Open a socket to a server, with these headers. Raises SocketUnavailable."""
        ...


class WebsocketConnector:
    """Opens sockets over the network, through the environment's proxies and with its certificates."""

    def __init__(self) -> None:
        from .._transports.certificates import TlsContext  # noqa: PLC0415  # ssl takes long to import

        self._tls = TlsContext()

    def __call__(self, base_url: str, headers: Mapping[str, str]) -> Socket:
        """Open a socket to a server. Raises SocketUnavailable."""
        from websockets.sync import client  # noqa: PLC0415  # see above

        try:
            with ExitStack() as opened:
                # `connect` of version 17 follows redirects before it returns; that of older versions never does.
                connector = getattr(client, "reconnect", cast("Any", client).connect)
                connection = opened.enter_context(_without_redirects(connector(**_options(base_url, headers, self._tls))))
                return _WebsocketsSocket(connection, opened.pop_all())
        except Exception as fault:  # noqa: BLE001  # proxies, TLS and the library raise many kinds
            raise unavailable(fault) from None


class AsyncWebsocketConnector:
    """The same for asyncio."""

    def __init__(self) -> None:
        from .._transports.certificates import TlsContext  # noqa: PLC0415  # ssl takes long to import

        self._tls = TlsContext()

    async def __call__(self, base_url: str, headers: Mapping[str, str]) -> AsyncSocket:
        """Open a socket to a server. Raises SocketUnavailable."""
        from websockets.asyncio.client import connect  # noqa: PLC0415  # see above

        try:
            return _AsyncWebsocketsSocket(await _without_redirects(connect(**_options(base_url, headers, self._tls))))
        except Exception as fault:  # noqa: BLE001  # proxies, TLS and the library raise many kinds
            raise unavailable(fault) from None


def _without_redirects(connecting: Any) -> Any:
    """The connector, which would follow redirects: our headers would go to whatever address the server names."""
    if hasattr(connecting, "process_redirect"):
        connecting.process_redirect = _unchanged
    return connecting


def _unchanged(refusal: Exception) -> Exception:
    """What comes of a redirect: the refusal of the connection that it is."""
    return refusal


def unavailable(fault: Exception) -> SocketUnavailable:
    """Why there is no socket. The text of an exception may quote headers, so only its class is named."""
    status = getattr(getattr(fault, "response", None), "status_code", None) or getattr(fault, "status", None)
    if isinstance(fault, SocketUnavailable):
        return fault
    reason = f"status {status}" if status else f"no connection ({type(fault).__name__})"
    return SocketUnavailable(reason, lasting=status in _MISSING)


def _options(base_url: str, headers: Mapping[str, str], tls: Any) -> dict[str, Any]:
    from .._transports.proxies import proxy_for  # noqa: PLC0415  # as above

    context = tls.context(base_url)
    if isinstance(context, FluxbaseError):
        raise SocketUnavailable(context.message)
    uri = f"ws{base_url.removeprefix('http')}{PATH}"
    sent = {name: value for name, value in headers.items() if name != "user-agent"}
    agent = headers.get("user-agent") or user_agent().decode()
    return {**_PLAIN, "uri": uri, "additional_headers": sent, "user_agent_header": agent, "ssl": context, "proxy": proxy_for(base_url)}


class _WebsocketsSocket:
    def __init__(self, connection: Any, opened: ExitStack) -> None:
        self._connection = connection
        self._opened = opened

    def send(self, text: str) -> None:
        try:
            self._connection.send(text)
        except Exception as fault:  # noqa: BLE001  # proxies, TLS and the library raise many kinds
            raise unavailable(fault) from None

    def receive(self, timeout: float) -> str | bytes | None:
        try:
            received: str | bytes = self._connection.recv(timeout)
        except TimeoutError:
            return None
        except Exception as fault:  # noqa: BLE001  # proxies, TLS and the library raise many kinds
            raise unavailable(fault) from None
        return received

    def close(self) -> None:
        self._opened.close()
        pinging = getattr(self._connection, "keepalive_thread", None)
        if pinging is not None:
            pinging.join(JOIN_SECONDS)  # the library does not: it would end a moment after the client was closed


class _AsyncWebsocketsSocket:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except Exception as fault:  # noqa: BLE001  # proxies, TLS and the library raise many kinds
            raise unavailable(fault) from None

    async def receive(self) -> str | bytes:
        try:
            received: str | bytes = await self._connection.recv()
        except Exception as fault:  # noqa: BLE001  # proxies, TLS and the library raise many kinds
            raise unavailable(fault) from None
        return received

    async def close(self) -> None:
        await self._connection.close()
