"""A connection under asyncio: a protocol of the event loop, one timer for each request, and no layers between."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from ipaddress import ip_address
from typing import Any, Final, Self, cast

import httpcore

from .bounds import IDLE_SECONDS
from .clock import call_later, fail_after
from .http1 import NO_RESPONSE, ResponseReader, request_bytes
from .httpcore_messages import CONNECT_SECONDS
from .messages import RawResponse, Request
from .socket_connection import is_readable

ADDRESS_SECONDS: Final = 0.25
"""Seconds after which the next address of a name is tried beside the first one."""


class AsyncioConnection(asyncio.Protocol):
    """One connection. Bytes that come while no response is awaited belong to no request, so they close it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._ended: asyncio.Future[None] | None = None
        self._fault: Exception | None = None
        self._idle_since = 0.0

    @classmethod
    async def opened(cls, origin: httpcore.Origin, context: ssl.SSLContext | None, timeout: float) -> Self:
        """A new connection. Raises httpcore.ConnectError and httpcore.ConnectTimeout."""
        loop = asyncio.get_running_loop()
        port = origin.port or (443 if context else 80)
        if context is not None:
            context.set_alpn_protocols(["http/1.1"])
        try:
            with fail_after(min(timeout, CONNECT_SECONDS)):
                host = origin.host.decode("ascii")
                _, made = await loop.create_connection(cls, host, port, ssl=context, happy_eyeballs_delay=_address_seconds(host))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError as fault:
            raise httpcore.ConnectError(str(fault)) from None
        return made

    async def send(self, request: Request, user_agent: bytes, timeout: float) -> tuple[RawResponse, bool]:
        """The response, and whether the connection may be used again."""
        loop, transport = asyncio.get_running_loop(), self._transport
        if transport is None:
            raise httpcore.RemoteProtocolError(NO_RESPONSE)
        content = request_bytes(request, user_agent)
        self._reader = reader = ResponseReader()
        self._ended = loop.create_future()
        timer = call_later(timeout, partial(self._end, httpcore.ReadTimeout()))
        try:
            transport.write(content)
            del content  # tracebacks with local variables would show it
            await self._ended
        except BaseException:
            transport.abort()
            raise
        finally:
            timer.cancel()
            self._reader = None
        if self._fault is not None:
            transport.abort()
            raise self._fault
        self._idle_since = loop.time()
        return reader.response(), reader.reusable and not transport.get_write_buffer_size()

    def is_usable(self) -> bool:
        """Whether it is open and nothing waits on it, which would be no answer to the next request."""
        transport = self._transport
        if transport is None or transport.is_closing() or asyncio.get_running_loop().time() - self._idle_since > IDLE_SECONDS:
            return False
        return not is_readable(transport.get_extra_info("socket"))

    async def close(self) -> None:
        """Close it; what TLS has left to say is not waited for."""
        if (transport := self._transport) is not None:
            transport.close()
            await asyncio.sleep(0)
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read a part of the response."""
        if self._reader is None or self._reader.complete:
            if self._reader is not None:
                self._reader.reusable = False
            cast("asyncio.Transport", self._transport).abort()
            return
        try:
            if self._reader.feed(data):
                self._end(None)
        except Exception as fault:  # noqa: BLE001  # raised in the task that waits for the response
            self._end(fault)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a response that lasts until the end of the connection; for any other one it is a failure."""
        self._transport = None
        if self._reader is None or self._reader.complete:
            return
        try:
            self._reader.end()
        except httpcore.RemoteProtocolError as fault:
            self._end(fault if exc is None else httpcore.ReadError(type(exc).__name__))
        else:
            self._end(None)

    def _end(self, fault: Any) -> None:
        """Wake the task that waits for the response."""
        if self._ended is not None and not self._ended.done():
            self._fault = fault
            self._ended.set_result(None)


def _address_seconds(host: str) -> float | None:
    """The seconds before another address is tried; None for an address, which has no others.

    Where asyncio tries one after the other, a task that is cancelled just as its connection is there leaves a socket open.
    """
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return ADDRESS_SECONDS
    return None


def in_asyncio() -> bool:
    """Whether an event loop of asyncio is running in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
