"""Texts that may be shown: of a bounded length, and without anything that has the form of a key or a token."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, cast

MAX_MESSAGE: Final = 500
"""The number of characters that a message or a hint has at most."""
MAX_CODE: Final = 200
"""The same of a code, a status or a request id."""
MAX_DETAILS: Final = 10_000
"""The same of the details of an error."""
HIDDEN: Final = "***"
"""What stands in the place of a secret."""
_LONGEST_SECRET: Final = 8192
"""Characters: as long as a header can be. So much more than is shown is searched for secrets, that none is cut and shown by half."""
_SECRETS: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}|(?<![A-Za-z0-9])(?:sk|pk|fb|fbk)_[A-Za-z0-9_-]{16,}", re.ASCII)
"""JSON Web Tokens, service keys and client keys, also at the end of a longer name."""


def shortened(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text, or its beginning and its end where it is longer than the limit."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def presentable(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text without keys and tokens, and shortened: servers, proxies and users' own values may hold both."""
    if len(text) > limit + 2 * _LONGEST_SECRET:
        text = f"{text[: limit + _LONGEST_SECRET]} ... {text[-limit - _LONGEST_SECRET :]}"
    return shortened(without_secrets(text), limit)


def without_secrets(text: str) -> str:
    """The text with each key or token replaced."""
    return _SECRETS.sub(HIDDEN, text)


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value, or another one, with all its texts changed, keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [with_texts(each, change) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        return {with_texts(key, change): with_texts(each, change) for key, each in cast("dict[object, object]", value).items()}
    return value
