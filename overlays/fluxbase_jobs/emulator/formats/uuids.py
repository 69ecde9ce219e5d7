"""Job ids in the forms that the server takes."""

from __future__ import annotations

import re

_HEX = re.compile(r"[0-9a-f]{32}")
_HYPHENED = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


def read_uuid(text: str) -> str | None:
    """Return the canonical form of a UUID: from any case, without hyphens, or as a URN; None for all else (ids)."""
    lower = text.lower()
    if _HEX.fullmatch(lower):
        return "-".join((lower[:8], lower[8:12], lower[12:16], lower[16:20], lower[20:]))
    match = _HYPHENED.fullmatch(lower)
    return match[1] if match else None
