"""What callers hand in, checked before anything is sent: each function returns the value in its wire form or raises InvalidInput."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias, get_args
from uuid import UUID

from ..errors import InvalidInput
from ..models.jobs import Job, JobStatus

Seconds: TypeAlias = float | timedelta

INT32: Final = 2**31 - 1
MAX_KEY: Final = 256
MAX_SECONDS: Final = 1_000_000_000
DEFAULT_NAMESPACE: Final = "default"
JOB_STATUSES: Final[tuple[str, ...]] = get_args(JobStatus)
# The forms the server takes (recorded, scenario ids): any case, with or without hyphens, as a URN. uuid.UUID() would take braces and
# misplaced hyphens too, which the server refuses.
_UUID_FORMS: Final = re.compile(
    r"(urn:uuid:)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE | re.ASCII
)
_SEGMENT: Final = re.compile(r"(?!\.\.?$)[A-Za-z0-9._~-]+")
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def uuid(name: str, value: object) -> str:
    """A UUID, or its text in a form the server takes, as the canonical text."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and _UUID_FORMS.fullmatch(value):
        return str(UUID(value.lower()))
    raise InvalidInput(f"{name} must be a UUID, as text or uuid.UUID; got {_shown(value)}")


def job_id(value: object, name: str = "job_id") -> str:
    """The id of a job, from the job itself or as `uuid` takes it."""
    return uuid(name, value.id if isinstance(value, Job) else value)


def job_status(name: str, value: object) -> str | None:
    """One of the known statuses, or None. The server would find nothing for another word."""
    if value is None or (isinstance(value, str) and value in JOB_STATUSES):
        return value
    raise InvalidInput(f"{name} must be one of {', '.join(JOB_STATUSES)}; got {_shown(value)}")


def text(name: str, value: object) -> str:
    """Text that is not empty and that JSON and PostgreSQL can hold."""
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{name} must be text and not empty; got {_shown(value)}")
    if fault := text_fault(value):
        raise InvalidInput(f"{name} must not contain {fault}")
    return value


def segment(name: str, value: object) -> str:
    """Text that can be a part of a path as it is: the server does not decode what is percent-encoded there (seen on both servers)."""
    if _SEGMENT.fullmatch(text(name, value)):
        return str(value)
    raise InvalidInput(f"{name} must consist of the letters a to z, digits and -._~, else the server does not find it; got {_shown(value)}")


def optional_text(name: str, value: object) -> str | None:
    """Like `text`, or None."""
    return None if value is None else text(name, value)


def text_fault(value: str) -> str | None:
    """What the server can't store of a text: it answers NUL with 500 and turns lone surrogates into U+FFFD (recorded)."""
    if "\0" in value:
        return "a NUL character"
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        return "a lone surrogate"
    return None


def integer(name: str, value: object, low: int, high: int = INT32) -> int:
    """An int, no bool, from `low` to `high`."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise InvalidInput(f"{name} must be an integer from {low} to {high}; got {_shown(value)}")


def flag(name: str, value: object) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    raise InvalidInput(f"{name} must be True or False; got {_shown(value)}")


def callback(name: str, value: object) -> None:
    """A function, or None."""
    if not (value is None or callable(value)):
        raise InvalidInput(f"{name} must be a function or None; got {_shown(value)}")


def seconds(name: str, value: object) -> float:
    """A positive and finite number of seconds, from a number or a timedelta."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, int | float) and not isinstance(number, bool) and 0 < number <= MAX_SECONDS:
        return float(number)
    raise InvalidInput(f"{name} must be a positive number of seconds, at most {MAX_SECONDS:,}, or a timedelta; got {_shown(value)}")


def moment(name: str, value: object, now: datetime) -> datetime:
    """A moment in UTC, from an aware datetime, a timedelta from `now`, or RFC 3339 text with an offset."""
    try:
        if isinstance(value, timedelta):
            return now + value
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime) and value.utcoffset() is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(f"{name} must be an aware datetime, a timedelta from now, or RFC 3339 text with an offset; got {_shown(value)}")


def idempotency_key(value: object, name: str = "idempotency_key") -> str:
    """A key of 1 to 256 visible ASCII characters: what an HTTP header can carry and the server takes."""
    if isinstance(value, str) and 1 <= len(value) <= MAX_KEY and all("!" <= character <= "~" for character in value):
        return value
    raise InvalidInput(f"{name} must be 1 to 256 visible ASCII characters without blanks")


def _shown(value: object) -> str:
    """The value if it is short and harmless, else its type alone."""
    if value is None or isinstance(value, bool | int | float | datetime | timedelta):
        return repr(value)[:60]
    return repr(value) if isinstance(value, str) and len(value) <= 60 else type(value).__name__
