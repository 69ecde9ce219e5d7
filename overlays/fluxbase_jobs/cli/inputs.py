"""What the command line and files give: payloads, `--set`, schedules and job ids, checked, with one line for each mistake."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from .exits import CommandError, NothingToDo
from .tables import ID_HEADING

STDIN: Final = "@-"
"""What the program makes of a lone `-`, which would be read as an option."""
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DELAY: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])", re.ASCII)


def payload_of(text: str | None, settings: Sequence[str]) -> dict[str, Any] | None:
    """The payload: `--payload`, with each `--set` put into it; None where neither is given.

    Raises:
        CommandError: it is no JSON object, or cannot be read.
    """
    payload = None if text is None else _object(*_source(text))
    if not settings:
        return payload
    return {**(payload or {}), **dict(map(_setting, settings))}


def schedule_of(text: str | None) -> timedelta | str | None:
    """A moment in RFC 3339, which is checked when it is sent, or a delay like `90s`, `10m`, `2h` or `1d`."""
    delay = _DELAY.fullmatch(text or "")
    if delay:
        try:
            return timedelta(**{_UNITS[delay[2]]: float(delay[1])})
        except OverflowError:
            raise CommandError(f"--schedule {text} is too far away") from None
    if text is not None and text.startswith("-") and _DELAY.fullmatch(text[1:]):
        raise CommandError(f"--schedule {text} is in the past", "give a delay from now, like 5m")
    if text is not None and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", text):
        raise CommandError(f"--schedule {text!r} is neither a delay nor a moment", "give 90s, 10m, 2h or 1d, or 2030-01-31T08:00:00Z")
    return text


def ids_of(ids: Sequence[str]) -> list[str]:
    """The job ids of the command line; for `-` those of stdin, one a line, as a table of `list`, or as its JSON lines.

    Raises:
        CommandError: no id is given, or a line of stdin has none.
        NothingToDo: stdin is empty.
    """
    found: list[str] = []
    for each in ids:
        found += _ids_in(read_text(STDIN)) if each == STDIN else [each]
    if not found and ids:
        raise NothingToDo("no ids on standard input")
    if not found:
        raise CommandError("no job id is given", "`fluxbase-jobs list` shows the ids; `-` reads them from stdin")
    return list(dict.fromkeys(found))


def read_text(source: str) -> str:
    """The text of `@FILE`, or of stdin for `@-`.

    Raises:
        CommandError: it cannot be read, or is no UTF-8.
    """
    name = "stdin" if source == STDIN else source.removeprefix("@")
    try:
        return _read_bytes(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror or error}", "name a file that you can read") from None
    except ValueError as error:  # a NUL in the name
        raise CommandError(f"{name!r} cannot be read: {error}") from None


def _read_bytes(source: str) -> bytes:
    if source != STDIN:
        return Path(source.removeprefix("@")).read_bytes()
    stdin: Any = sys.stdin  # None where it was closed
    if stdin is None:
        raise CommandError("stdin is closed", "pipe something into the program")
    return cast("bytes", stdin.buffer.read())


def _source(text: str) -> tuple[str, str]:
    """The JSON text, and what to call it in a message."""
    if not text.startswith("@"):
        return text, "--payload"
    return read_text(text), "stdin" if text == STDIN else text.removeprefix("@")


def _object(text: str, name: str) -> dict[str, Any]:
    value = _json(text, name)
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise CommandError(f"the payload in {name} is no JSON object", """give an object, like '{"width": 640}', or --set width=640""")


def _json(text: str, name: str) -> Any:
    """The value of strict JSON: Python's own decoder takes NaN and infinity too."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{name} is not JSON: {error.msg} ({place})", _json_hint(text)) from None
    except RecursionError:
        raise CommandError(f"{name} is nested too deep") from None
    except ValueError as error:  # NaN, infinity, or an integer of too many digits
        raise CommandError(f"{name} is not JSON: {error}") from None


def _json_hint(text: str) -> str:
    if not text.strip():
        return "it is empty; give an object, like {}"
    if "'" in text and '"' not in text:
        return "JSON wants double quotes: put the whole in single ones, as '{\"width\": 640}'"
    return "`@FILE` reads a file, `-` stdin, and `--set key=value` needs no quotes"


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _setting(text: str) -> tuple[str, Any]:
    """`key=value`, the value being JSON where it parses, else text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise CommandError(f"--set {text!r} is not key=value", "give --set width=640")
    try:
        return key, json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return key, value


def _ids_in(text: str) -> list[str]:
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    if lines and lines[0].split(maxsplit=1)[0] == ID_HEADING:
        del lines[0]
    return [_id_in(line) for line in lines]


def _id_in(line: str) -> str:
    if not line.startswith("{"):
        return line.split(maxsplit=1)[0]
    value = _json(line, "stdin")
    if isinstance(value, dict) and isinstance(job_id := cast("dict[str, Any]", value).get("id"), str):
        return job_id
    raise CommandError("a line of stdin has no job id", "pipe ids, or what `fluxbase-jobs list --json` prints")
