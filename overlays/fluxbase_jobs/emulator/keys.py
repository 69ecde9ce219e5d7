"""Making keys that are shown once, and what of their fields the real server's database cannot store."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_INT32 = 2**31
_RANDOM_BYTES = 32


def new_key(prefix: str, *, padded: bool = True) -> str:
    """Return a new secret key, with or without base64's padding."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()
    return prefix + (text if padded else text.rstrip("="))


def unstorable(texts: Iterable[str | None], integers: Iterable[int | None]) -> str | None:
    """Return why a row with these values cannot be stored, in the server's words; None if it can."""
    if any("\0" in text for text in texts if text):
        return 'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
    large = [number for number in integers if number is not None and not -_INT32 <= number < _INT32]
    side = "greater than maximum" if large and large[0] > 0 else "less than minimum"
    return f"{large[0]} is {side} value for int4" if large else None
