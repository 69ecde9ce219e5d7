# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
"""What all endpoints share: unset parameters, the response value, JSON in both directions."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, MutableMapping
from functools import cache
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec
from attrs import define, field, fields, has

from . import errors


class LazyModule:
    """Stands for a module until one of its names is looked up, so that annotations that name it still resolve."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self._name), name)
        if not name.startswith("__"):
            setattr(self, name, value)
        return value

    def __repr__(self) -> str:
        return f"LazyModule({self._name!r})"


if TYPE_CHECKING:  # to type checkers they are the modules
    import ssl

    import httpx
else:
    ssl = LazyModule("ssl")
    httpx = LazyModule("httpx")

STATUSES = frozenset(HTTPStatus)

if TYPE_CHECKING:
    AwareDatetime: TypeAlias = Annotated[datetime.datetime, msgspec.Meta(tz=True)]
else:  # a test that froze the time with freezegun may import this: its class in place of datetime is none to msgspec
    AwareDatetime = Annotated[
        next(kind for kind in datetime.datetime.__mro__ if kind.__module__ == "datetime"), msgspec.Meta(tz=True)
    ]
"""A moment with its UTC offset; text without one is no moment and fails to decode."""


class Unset:
    """The type of a parameter that was not given."""

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Unset = Unset()

T = TypeVar("T")


@define
class Response(Generic[T]):
    """A response from an endpoint."""

    status_code: int
    """The status; an `http.HTTPStatus` where one exists (a proxy's 520 has none)."""
    content: bytes = field(repr=False)
    headers: MutableMapping[str, str] = field(repr=False)
    parsed: T | None
    """The decoded body; None where the status is not described or the body can't be read."""


@cache
def decoder(answer: Any) -> msgspec.json.Decoder[Any]:
    """The JSON decoder of one answer's type, made at its first use."""
    return msgspec.json.Decoder(answer)


def decode(content: bytes, answer: Any) -> Any:
    """A body as its described type, None where none is described. Raises `msgspec.DecodeError`, which names the place."""
    try:
        return None if answer is None else decoder(answer).decode(content)
    except (RecursionError, UnicodeDecodeError) as error:
        raise msgspec.DecodeError(f"the body can't be read: {type(error).__name__}") from error


def read(answers: Mapping[int, Any], response: httpx.Response, raise_on_unexpected_status: bool) -> Response[Any]:
    """A response with its body decoded by the table `answers`, from status to type; see an endpoint's `read_response`."""
    code, parsed = response.status_code, None
    if code in answers:
        try:
            parsed = decode(response.content, answers[code])
        except msgspec.DecodeError:
            if raise_on_unexpected_status:
                raise
    elif raise_on_unexpected_status:
        raise errors.UnexpectedStatus(code, response.content)
    status = HTTPStatus(code) if code in STATUSES else code
    return Response(status_code=status, content=response.content, headers=response.headers, parsed=parsed)


def segment(value: Any) -> str:
    """A path parameter as one segment of a path. Raises ValueError for what is none and would reach another path."""
    text = str(value)
    if text in {"", ".", ".."}:
        raise ValueError(f"a path parameter can't be {text!r}")
    return quote(text, safe="")


def encode(body: Any) -> bytes:
    """JSON bytes of a model; optional keys that are None are left out."""
    return msgspec.json.encode(_without_unset(body))


def _without_unset(value: Any) -> Any:
    if has(type(value)):
        given = ((each.name, getattr(value, each.name)) for each in fields(type(value)))
        return {name: _without_unset(item) for name, item in given if item is not None}
    return [_without_unset(item) for item in value] if isinstance(value, list) else value


__all__ = [
    "UNSET",
    "AwareDatetime",
    "LazyModule",
    "Response",
    "Unset",
    "decode",
    "encode",
    "httpx",
    "read",
    "segment",
    "ssl",
]
