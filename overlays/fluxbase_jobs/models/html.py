"""Tables for notebooks: every text in them is escaped, of a bounded length, and without keys and tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from .shortening import presentable

MOST_ROWS: Final = 100
"""A longer list shows so many, and says how many more there are."""
_LONGEST_TEXT: Final = 200


def html_table(columns: Sequence[str], values: Sequence[object]) -> str:
    """A row for each value, with its attributes of these names."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    rows = "".join(f"<tr>{''.join(_cell(getattr(value, name)) for name in columns)}</tr>" for value in values[:MOST_ROWS])
    more = f"<p>and {len(values) - MOST_ROWS} more</p>" if len(values) > MOST_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"


def html_error(kind: str, message: str, hint: str | None) -> str:
    """An error, and how to cure it."""
    cure = f"<p>{escape(hint)}</p>" if hint else ""
    return f"<p><b>{escape(kind)}</b>: {escape(message)}</p>{cure}"


def _cell(value: object) -> str:
    shown = "" if value is None else value.isoformat(" ", "seconds") if isinstance(value, datetime) else str(value)
    return f"<td>{escape(presentable(shown, _LONGEST_TEXT))}</td>"
