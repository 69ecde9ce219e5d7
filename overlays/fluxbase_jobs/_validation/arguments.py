"""What callers hand in, checked before anything is sent: each function returns the value in its wire form or raises InvalidInput.

A value is taken as a `str`, say, where its class is `str` or derives from it, and is turned into a plain `str`: neither what the class
overrides nor a `__class__` that says otherwise changes what is sent. No check lets another exception than InvalidInput through.
"""

from __future__ import annotations

import builtins
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar, cast, get_args
from uuid import UUID

from ..errors import InvalidInput
from ..models.jobs import Job, JobStatus
from ..models.shortening import shortened
from ..result import Err, Ok

T = TypeVar("T")
P = ParamSpec("P")
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
# freezegun replaces `datetime` and `date` wherever a module holds them; in a tuple they stay what the interpreter defines.
_ORIGINALS: Final = tuple(next(each for each in kind.__mro__ if each.__module__ == "datetime") for kind in (datetime, date))


def only_invalid_input(check: Callable[Concatenate[str, object, P], T]) -> Callable[Concatenate[str, object, P], T]:
    """A decorator: whatever the argument's own methods raise, the check raises InvalidInput."""
    return functools.partial(_call, check)


def _call(check: Callable[Concatenate[str, object, P], T], name: str, value: object, /, *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return check(name, value, *args, **kwargs)
    except InvalidInput:
        raise
    except Exception as fault:  # noqa: BLE001  # a user's class may raise anything
        raise InvalidInput(f"{name} cannot be read: {type_name(fault)}; got {described(value)}") from None


def is_a(value: object, *kinds: type) -> bool:
    """Whether a value's class is one of these or derives from one. `isinstance` would also ask the value, which may lie or raise."""
    try:
        return issubclass(type(value), kinds)
    except Exception:  # noqa: BLE001  # abstract classes ask the metaclass, which may raise anything
        return False


def plain_text(value: object) -> str | None:
    """The `str` that a text is, an enum's value if it is an enum's member; None for anything else."""
    if type(value) is str:
        return value
    if is_a(value, Enum):
        value = enum_value(value)
    return str.__str__(cast("str", value)) if is_a(value, str) else None


def enum_value(member: object) -> object:
    """The value of an enum's member, whatever its class says that `value` is."""
    return cast("object", object.__getattribute__(member, "_value_"))


def plain_integer(value: object) -> int | None:
    """The `int` that an integer is; None for a bool and anything else."""
    return int.__index__(cast("int", value)) if is_a(value, int) and not is_a(value, bool) else None


def plain_datetime(value: datetime) -> datetime:
    """A `datetime` of the class itself with the fields of one of a subclass."""
    kind, _ = cast("Any", _ORIGINALS)
    return cast("datetime", kind.combine(kind.date(value), kind.timetz(value)))


def plain_date(value: date) -> date:
    """A `date` of the class itself with the fields of one of a subclass."""
    _, kind = cast("Any", _ORIGINALS)
    return cast("date", kind.fromordinal(kind.toordinal(value)))


@only_invalid_input
def uuid(name: str, value: object) -> str:
    """A UUID, or its text in a form the server takes, as the canonical text."""
    if is_a(value, UUID):
        return str(UUID(int=int.__index__(cast("UUID", value).int)))
    given = plain_text(value)
    if given is not None and _UUID_FORMS.fullmatch(given):
        return str(UUID(given.lower()))
    raise InvalidInput(f"{name} must be a UUID, as text or uuid.UUID; got {described(value)}")


def job_id(value: object, name: str = "job_id") -> str:
    """The id of a job, from the job itself or as `uuid` takes it."""
    return uuid(name, _id_of(name, value))


@only_invalid_input
def _id_of(_: str, value: object) -> object:
    return cast("Job", value).id if is_a(value, Job) else value


@only_invalid_input
def job_status(name: str, value: object) -> str | None:
    """One of the known statuses, or None. The server would find nothing for another word."""
    given = plain_text(value)
    if value is None or given in JOB_STATUSES:
        return given
    raise InvalidInput(f"{name} must be one of {', '.join(JOB_STATUSES)}; got {described(value)}")


@only_invalid_input
def text(name: str, value: object) -> str:
    """Text that is not empty and that JSON and PostgreSQL can hold."""
    given = plain_text(value)
    if not given:
        raise InvalidInput(f"{name} must be text and not empty; got {described(value)}")
    if fault := text_fault(given):
        raise InvalidInput(f"{name} must not contain {fault}")
    return given


@only_invalid_input
def segment(name: str, value: object) -> str:
    """Text that can be part of a path without encoding: the server does not decode percent-encoding there (recorded on both servers)."""
    given = text(name, value)
    if _SEGMENT.fullmatch(given):
        return given
    raise InvalidInput(
        f"{name} must consist of the letters a to z, digits and -._~, else the server does not find it; got {described(value)}"
    )


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


@only_invalid_input
def integer(name: str, value: object, low: int, high: int = INT32) -> int:
    """An int, no bool, from `low` to `high`."""
    number = plain_integer(value)
    if number is not None and low <= number <= high:
        return number
    raise InvalidInput(f"{name} must be an integer from {low} to {high}; got {described(value)}")


@only_invalid_input
def flag(name: str, value: object) -> bool:
    """True or False."""
    if value is True or value is False:
        return value
    raise InvalidInput(f"{name} must be True or False; got {described(value)}")


@only_invalid_input
def callback(name: str, value: object) -> None:
    """A function, or None."""
    if not (value is None or callable(value)):
        raise InvalidInput(f"{name} must be a function or None; got {described(value)}")


def iterator(name: str, value: object, items: str) -> Iterator[Any]:
    """The iterator over what a batch is made of. Text, a single job and a result can be iterated over too, but are never meant so."""
    rule = f"{name} must be an iterable of {items}; got {described(value)}"
    if is_a(value, str, bytes, bytearray, Job, Ok, Err):
        raise InvalidInput(rule)
    try:
        return iter(cast("Iterable[Any]", value))
    except Exception as fault:  # the caller's class may raise anything; its exception is the cause
        raise InvalidInput(rule) from fault


@only_invalid_input
def seconds(name: str, value: object) -> float:
    """A positive and finite number of seconds, from a number or a timedelta."""
    number = plain_seconds(value)
    if number is not None and 0 < number <= MAX_SECONDS:
        return float(number)
    raise InvalidInput(f"{name} must be a positive number of seconds, at most {MAX_SECONDS:,}, or a timedelta; got {described(value)}")


def plain_seconds(value: object) -> float | None:
    """The seconds of a number or a timedelta; None for a bool and anything else."""
    return timedelta.total_seconds(cast("timedelta", value)) if is_a(value, timedelta) else plain_number(value)


def plain_number(value: object) -> float | None:
    """The `float` or `int` that a number is; None for a bool and anything else."""
    return float.__float__(cast("float", value)) if is_a(value, float) else plain_integer(value)


@only_invalid_input
def moment(name: str, value: object, now: datetime) -> datetime:
    """A moment in UTC, from an aware datetime, a timedelta from `now`, or RFC 3339 text with an offset."""
    found: datetime | None = None
    try:
        if is_a(value, timedelta):
            found = _later(name, cast("timedelta", value), now)
        elif (given := plain_text(value)) is not None and _RFC_3339.fullmatch(given):
            found = datetime.fromisoformat(given)
        elif is_a(value, datetime):
            found = plain_datetime(cast("datetime", value))
        if found is not None and found.utcoffset() is not None:
            return plain_datetime(found.astimezone(UTC))
    except (ValueError, OverflowError) as fault:
        if isinstance(fault, InvalidInput):
            raise
    raise InvalidInput(f"{name} must be an aware datetime, a timedelta from now, or RFC 3339 text with an offset; got {described(value)}")


def _later(name: str, delay: timedelta, now: datetime) -> datetime:
    elapsed = timedelta.total_seconds(delay)
    if elapsed < 0:
        raise InvalidInput(f"{name} must not be a negative timedelta; got one of {elapsed:g} s")
    return now + timedelta(seconds=elapsed)


def idempotency_key(value: object, name: str = "idempotency_key") -> str:
    """A key of 1 to 256 visible ASCII characters: what an HTTP header can carry and the server takes."""
    return _visible_ascii(name, value)


@only_invalid_input
def _visible_ascii(name: str, value: object) -> str:
    given = plain_text(value)
    if given is not None and 1 <= len(given) <= MAX_KEY and all("!" <= character <= "~" for character in given):
        return given
    raise InvalidInput(f"{name} must be 1 to 256 visible ASCII characters without blanks")


def described(value: object) -> str:
    """The value where it is short and of a built-in type, else its type alone. Never raises."""
    kind = cast("object", type(value))
    if type(value) is int and value.bit_length() > 200:
        return f"an integer of {value.bit_length():,} bits"
    if value is None or any(kind is each for each in (bool, int, float, timedelta)):
        return repr(value)
    if type(value) is str and len(value) <= 60:
        return repr(value)
    if kind is _ORIGINALS[0] and cast("datetime", value).tzinfo is None:
        return f"a datetime without an offset, {value!r}"
    if kind is Ok or kind is Err:
        return f"{type_name(value)}: unwrap it first"
    return shortened(type_name(value), 60)


def type_name(value: object) -> str:
    """The name of a value's class, with its module where a built-in class is called so too; a metaclass may define what `__name__` gives."""
    kind = type(value)
    name = cast("str", type.__dict__["__name__"].__get__(kind))
    module: object = type.__dict__["__module__"].__get__(kind)
    return f"{module}.{name}" if type(module) is str and module != "builtins" and hasattr(builtins, name) else name
