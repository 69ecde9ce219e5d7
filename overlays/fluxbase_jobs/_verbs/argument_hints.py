"""Wrong arguments to public methods: the TypeError names the method and what to pass instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction, isfunction
from typing import Any, Final, TypeVar, cast

C = TypeVar("C", bound=type[object])

_OWN_CLIENT: Final = "pass an httpx client of your own: http_client=httpx.Client({}=...)"
_HINTS: Final[Mapping[str, str]] = {
    "verify": _OWN_CLIENT.format("verify"),
    "proxy": _OWN_CLIENT.format("proxy"),
    "proxies": _OWN_CLIENT.format("proxy"),
    "cert": _OWN_CLIENT.format("cert"),
    "max_retries": "pass retry=RetryPolicy(attempts=...)",
    "retries": "pass retry=RetryPolicy(attempts=...)",
    "headers": "headers are set for all requests of a client: FluxbaseClient(..., headers=...)",
    "api_key": "the key is the second argument: FluxbaseClient(url, key)",
    "token": "the key is the second argument: FluxbaseClient(url, key)",
    "base_url": "the address is the first argument: FluxbaseClient(url, key)",
    "scheduled_at": "it is called scheduled",
    "schedule": "it is called scheduled",
    "delay": "pass scheduled=timedelta(...)",
    "name": "it is called job_name",
    "data": "it is called payload",
    "id": "it is called job_id",
    "user_id": "pass on_behalf_of=OnBehalfOf(user_id=...)",
}


def with_argument_hints(cls: C) -> C:
    """A class decorator: a call of the constructor or a public method with wrong arguments raises a TypeError that names the right argument."""
    for name, method in list(vars(cls).items()):
        if isfunction(method) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, _checked(method, cls.__name__ if name == "__init__" else name))
    return cls


def _checked(method: Callable[..., Any], called: str) -> Callable[..., Any]:
    known, positional = _keywords(method), method.__code__.co_argcount

    if iscoroutinefunction(method):

        @wraps(method)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            if len(args) > positional or not kwargs.keys() <= known:
                raise _error(called, args[positional:], kwargs, known)
            return await method(*args, **kwargs)

        return call_async

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > positional or not kwargs.keys() <= known:
            raise _error(called, args[positional:], kwargs, known)
        return method(*args, **kwargs)

    return call


def _keywords(method: Callable[..., Any]) -> frozenset[str]:
    """The names that a method takes, those of its `**options: Unpack[...]` included."""
    code, annotations = method.__code__, method.__annotations__
    known = set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    for annotation in annotations.values():
        if str(annotation).startswith("Unpack["):
            options = method.__globals__[str(annotation).removeprefix("Unpack[").removesuffix("]")]
            known |= options.__annotations__.keys()
    return frozenset(known)


def _error(called: str, surplus: tuple[Any, ...], kwargs: Mapping[str, object], known: frozenset[str]) -> TypeError:
    for name in kwargs:
        if name not in known:
            hint = _hint(name, known)
            return TypeError(f"{called}() got an unexpected keyword argument {name!r}" + (f": {hint}" if hint else ""))
    meant = [
        name
        for option in surplus
        if isinstance(option, Mapping)
        for name in map(_snake_case, cast("Mapping[object, object]", option))
        if name in known
    ]
    return TypeError(
        f"{called}() got too many positional arguments: pass options by name, like {called}(..., {(meant or ['timeout'])[0]}=...)"
    )


def _hint(name: str, known: frozenset[str]) -> str | None:
    """What to pass in place of an unknown keyword: the TypeScript client's name, or another library's."""
    snake = _snake_case(name)
    return f"it is called {snake}" if snake in known else _HINTS.get(snake)


def _snake_case(name: object) -> str:
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: f"_{found.group()}", str(name)).lower()
