"""What the real server's database does not take, in its words and its driver's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NUL = 'ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
_INT32 = 2**31


def beyond_int4(number: int) -> str | None:
    """Return why a number cannot be stored in a column of 32 bits; None if it can."""
    if -_INT32 <= number < _INT32:
        return None
    side = "greater than maximum" if number > 0 else "less than minimum"
    return f"{number} is {side} value for int4"


def unstorable(texts: Iterable[str | None], numbers: Iterable[int | None]) -> str | None:
    """Return why a row with these values cannot be stored; None if it can."""
    if any("\0" in text for text in texts if text):
        return NUL
    return next((why for number in numbers if number is not None and (why := beyond_int4(number))), None)
