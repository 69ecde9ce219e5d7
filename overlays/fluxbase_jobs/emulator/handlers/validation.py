"""What `@function` takes: values of the right kind that the database can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

_LARGEST = 2**31 - 1
"""The real server keeps these numbers in PostgreSQL's `integer`."""


def check_text(argument: str, value: object) -> None:
    """Let a text pass.

    Raises:
        TypeError: it is none.
        ValueError: it holds U+0000 or half of a character, which no database takes.

    """
    if not isinstance(value, str):
        message = f"{argument} is a text, not {_kind(value)}"
        raise TypeError(message)
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        message = f"{argument} may hold neither U+0000 nor half of a surrogate pair"
        raise ValueError(message)


def check_number(argument: str, value: object) -> None:
    """Let a whole number pass.

    Raises:
        TypeError: it is none.
        ValueError: it is too large.

    """
    if not isinstance(value, int) or isinstance(value, bool):
        message = f"{argument} is a whole number, not {_kind(value)}"
        raise TypeError(message)
    if value > _LARGEST:
        message = f"{argument} is at most {_LARGEST}"
        raise ValueError(message)


def check_flag(argument: str, value: object) -> None:
    """Let True and False pass.

    Raises:
        TypeError: it is neither.

    """
    if not isinstance(value, bool):
        message = f"{argument} is True or False, not {_kind(value)}"
        raise TypeError(message)


def check_texts(argument: str, value: object) -> None:
    """Let a list or tuple of texts pass. One text alone would count as a list of its letters.

    Raises:
        TypeError: it is none.
        ValueError: one of the texts cannot be stored.

    """
    if not isinstance(value, list | tuple):
        message = f"{argument} is a list of texts, not {_kind(value)}"
        raise TypeError(message)
    for text in cast("Iterable[object]", value):
        check_text(f"each of {argument}", text)


def _kind(value: object) -> str:
    return type(value).__name__
