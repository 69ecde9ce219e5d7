"""What a driver needs of a transport: one way to send one request, whichever HTTP library carries it."""

from __future__ import annotations

from typing import Protocol, Self

from ..errors import FluxbaseError
from .messages import RawResponse, Request


class Transport(Protocol):
    """Sends requests and reads responses; what goes wrong on the way is returned as an error value."""

    name: str
    """As `client.transport` gives it."""

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        ...

    def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request and read the whole response within `timeout` seconds."""
        ...

    def close(self) -> None:
        """Close the connections of this process."""
        ...


class AsyncTransport(Protocol):
    """The same for the async client, under asyncio and trio."""

    name: str

    def opened(self) -> Self:
        """This transport. Raises RuntimeError once it is closed."""
        ...

    async def send(self, request: Request, timeout: float) -> RawResponse | FluxbaseError:
        """Send a request and read the whole response within `timeout` seconds."""
        ...

    async def close(self) -> None:
        """Close the connections of this event loop."""
        ...
