"""The proxies of the environment: which servers are reached through one. An httpx transport sends the requests to it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import ConnectionFailed
from .base import AsyncTransport, Transport
from .messages import proxy_variable

TransportT = TypeVar("TransportT")


def proxy_for(server: str) -> str | None:
    """The proxy that the environment names for a server's address; None for the direct way."""
    parts = urlsplit(server)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]) or _in_listed_network(host, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _in_listed_network(host: str, no_proxy: str) -> bool:
    """Whether NO_PROXY lists the network of an address, like `10.0.0.0/8` or `fd00::/8`; entries that are no network are passed over."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        try:
            if address in ipaddress.ip_network(entry.strip().strip("[]"), strict=False):
                return True
        except ValueError:
            continue
    return False


def sync_through(proxy: str, context: ssl.SSLContext | None) -> Transport:
    """A transport through a proxy. Raises ImportError or ValueError where httpx cannot use that."""
    from .httpx_sync import HttpxTransport  # noqa: PLC0415  # httpx takes 100 ms to import, and most programs have no proxy

    return HttpxTransport.through(proxy, context)


def async_through(proxy: str, context: ssl.SSLContext | None) -> AsyncTransport:
    """The same for the async client."""
    from .httpx_async import AsyncHttpxTransport  # noqa: PLC0415  # as above

    return AsyncHttpxTransport.through(proxy, context)


class Proxied(Generic[TransportT]):
    """Which servers are reached through a proxy: the environment is read at the first request to a server."""

    def __init__(self, through: Callable[[str, ssl.SSLContext | None], TransportT]) -> None:
        self._through = through
        self._routes: dict[str, TransportT | ConnectionFailed | None] = {}

    def route(self, server: str, context: ssl.SSLContext | None) -> TransportT | ConnectionFailed | None:
        """The transport to use; None for the direct way, an error where the environment's proxy cannot be used."""
        if server not in self._routes:
            self._routes[server] = self._made(server, context)
        return self._routes[server]

    def transports(self) -> list[TransportT]:
        """The transports that were made."""
        return [route for route in self._routes.values() if route is not None and not isinstance(route, ConnectionFailed)]

    def _made(self, server: str, context: ssl.SSLContext | None) -> TransportT | ConnectionFailed | None:
        proxy = proxy_for(server)
        if proxy is None:
            return None
        try:
            return self._through(proxy, context)
        except (ImportError, ValueError, RuntimeError, OSError) as fault:
            variable = proxy_variable(server)
            needs = 'install "httpx[socks]", or unset it' if isinstance(fault, ImportError) else "correct or unset it"
            return ConnectionFailed(
                f"no connection to {server}: the proxy of {variable} cannot be used ({type(fault).__name__})", hint=needs
            )
