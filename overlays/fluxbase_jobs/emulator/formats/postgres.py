"""Values that PostgreSQL accepts, and the error messages for those that it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

NUL_ERROR: Final = 'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
_INT32: Final = 2**31
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_HYPHENED: Final = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


def read_uuid(text: str) -> str | None:
    """Convert a UUID to lower case with hyphens. Upper case, no hyphens and `urn:uuid:` are accepted; None for other text (ids)."""
    lower = text.lower()
    if _HEX.fullmatch(lower):
        return "-".join((lower[:8], lower[8:12], lower[12:16], lower[16:20], lower[20:]))
    match = _HYPHENED.fullmatch(lower)
    return match[1] if match else None


def int4_error(number: int) -> str | None:
    """The error for a number that does not fit into a 32-bit column, or None."""
    if -_INT32 <= number < _INT32:
        return None
    side = "greater than maximum" if number > 0 else "less than minimum"
    return f"{number} is {side} value for int4"


def storage_error(texts: Iterable[str | None], numbers: Iterable[int | None]) -> str | None:
    """The error for a row with a NUL in a text or a number beyond 32 bits, or None."""
    if any("\0" in text for text in texts if text):
        return NUL_ERROR
    return next((error for number in numbers if number is not None and (error := int4_error(number))), None)
