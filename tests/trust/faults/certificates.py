"""The certificates of the server: an honest one, and such as no client may accept."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import trustme

_HOST: Final = "127.0.0.1"
_AUTHORITY: Final = trustme.CA()


def _context(authority: trustme.CA, host: str = _HOST, begins: datetime | None = None, ends: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert(host, not_before=begins, not_after=ends)
    certificate.configure_cert(context)
    return context


HONEST: Final = _context(_AUTHORITY)
OF_ANOTHER_AUTHORITY: Final = _context(trustme.CA())
OF_ANOTHER_HOST: Final = _context(_AUTHORITY, "tiger.example")
EXPIRED: Final = _context(_AUTHORITY, begins=datetime(2020, 1, 1, tzinfo=UTC), ends=datetime(2020, 2, 1, tzinfo=UTC))


def write_authority(path: Path) -> None:
    """Write the authority's certificate, which SSL_CERT_FILE names to clients."""
    _AUTHORITY.cert_pem.write_to_path(path)
