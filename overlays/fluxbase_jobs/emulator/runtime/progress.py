"""A handler's progress as the database keeps it."""

from __future__ import annotations

from ..formats.json_text import JSONValue, NulInTextError, jsonb_text, normalise

_ALL = 100


def progress_text(percent: object, message: object, data: object, elapsed_seconds: float) -> str | None:
    """Return the jsonb text of a report, or None for one that the real server drops without a word.

    That is one whose percent is not whole, whose message is no text or whose data is no object (failures: edges), and
    one that PostgreSQL cannot store.

    Args:
        percent: any whole number; it is not cut to 0 to 100.
        message: left out if None or empty.
        data: left out if None or empty.
        elapsed_seconds: since the run began, to estimate what is left.

    Raises:
        TypeError: something in it has no JSON form.

    """
    whole, text, details = normalise(percent), normalise(message), normalise(data)
    if not isinstance(whole, int) or isinstance(whole, bool):
        return None
    if not isinstance(text, str | None) or not isinstance(details, dict | None):
        return None
    progress: dict[str, JSONValue] = {"percent": whole}
    if text:
        progress["message"] = text
    if details:
        progress["data"] = details
    if 0 < whole < _ALL:
        progress["estimated_seconds_left"] = int((_ALL - whole) * elapsed_seconds / whole)
    try:
        return jsonb_text(progress)
    except NulInTextError:
        return None
