"""Texts of a bounded length: what a server or a user's code says can be megabytes long."""

from __future__ import annotations

from typing import Final

MAX_MESSAGE: Final = 500
"""The number of characters that a message or a hint has at most."""


def shortened(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text, or its beginning and its end where it is longer than the limit."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
