"""Which certificates a client trusts: those that SSL_CERT_FILE or SSL_CERT_DIR name, else certifi's. Nothing here raises."""

from __future__ import annotations

import os
import ssl
import threading

from ..errors import ConnectionFailed


def has_own_certificates() -> bool:
    """Whether the environment names the certificates to trust."""
    return bool(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"))


def certifi_context() -> ssl.SSLContext:
    """A context that trusts certifi's roots."""
    import certifi  # noqa: PLC0415  # comes with httpx; needed for https alone

    return ssl.create_default_context(cafile=certifi.where())


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
