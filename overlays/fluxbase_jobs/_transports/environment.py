"""What the environment says of the way to a server: its proxies and its certificates. Nothing here raises for what it says."""

from __future__ import annotations

import ipaddress
import os
import ssl
import threading
from functools import cache
from importlib.metadata import version
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import ConnectionFailed


@cache
def user_agent() -> bytes:
    """The User-Agent header of this package. Finding the version takes milliseconds, so it is done once."""
    return f"fluxbase-jobs/{version('fluxbase-jobs')}".encode()


def has_own_certificates() -> bool:
    """Whether the environment names the certificates to trust."""
    return bool(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"))


def certifi_context() -> ssl.SSLContext:
    """A context that trusts certifi's roots."""
    import certifi  # noqa: PLC0415  # comes with httpx; needed for https alone

    return ssl.create_default_context(cafile=certifi.where())


def proxy_for(server: str) -> str | None:
    """The proxy that the environment names for a server's address; None for the direct way."""
    parts = urlsplit(server)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]) or _in_listed_network(host, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def proxy_variable(server: str) -> str:
    """The name of the variable that names that proxy, for error messages."""
    scheme = urlsplit(server).scheme
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if os.environ.get(name)), "the system's proxy setting")


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


class TlsContext:
    """One TLS context, made at the first https address: reading all roots takes 20 to 50 ms."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def context(self, server: str) -> ssl.SSLContext | ConnectionFailed | None:
        """The context for a server's address; None for http, an error where the environment's certificates cannot be read."""
        if not server.startswith("https"):
            return None
        with self._lock:
            try:
                self._context = self._context or _trusting_context()
            except (OSError, ssl.SSLError) as fault:
                return unreadable_certificates(server, fault)
            return self._context


def _trusting_context() -> ssl.SSLContext:
    """A context that trusts the roots of SSL_CERT_FILE or SSL_CERT_DIR, else certifi's, as httpx does."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return certifi_context()


def unreadable_certificates(server: str, fault: Exception) -> ConnectionFailed:
    variable = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), "certifi")
    return ConnectionFailed(
        f"no connection to {server}: the certificates of {variable} cannot be read ({type(fault).__name__})",
        hint=f"correct or unset {variable}" if variable != "certifi" else None,
    )
