"""Wrong arguments to public methods: the TypeError names the method and what to pass instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import CO_VARARGS, iscoroutinefunction, isfunction
from typing import Any, Final, TypeVar, cast

from .other_names import attribute_hints, snake_case

C = TypeVar("C", bound=Callable[..., object])

_OWN_CLIENT: Final = "pass an httpx client of your own: http_client=httpx.Client({}=...)"
_RETRY: Final = "pass retry=RetryPolicy(attempts=..., first_delay=...)"
_POLL: Final = "pass poll=PollPolicy(initial=..., maximum=...)"
_HINTS: Final[Mapping[str, str]] = {
    **{name: _OWN_CLIENT.format(name) for name in ("trust_env", "http2", "limits", "follow_redirects", "auth", "cookies", "mounts")},
    **dict.fromkeys(("verify_ssl", "ssl_context", "ssl", "insecure"), _OWN_CLIENT.format("verify")),
    **dict.fromkeys(("session", "client", "httpx_client"), "pass an httpx client as http_client=..."),
    **dict.fromkeys(("interval", "poll_interval", "polling_interval"), _POLL),
    **dict.fromkeys(("backoff", "backoff_factor", "attempts"), _RETRY),
    **dict.fromkeys(("args", "kwargs", "params", "input", "body"), "it is called payload"),
    **dict.fromkeys(("callback", "on_update"), "it is called on_progress"),
    "user_agent": 'pass headers={"user-agent": ...}',
    "verify": _OWN_CLIENT.format("verify"),
    "proxy": _OWN_CLIENT.format("proxy"),
    "proxies": _OWN_CLIENT.format("proxy"),
    "cert": _OWN_CLIENT.format("cert"),
    "max_retries": _RETRY,
    "retries": _RETRY,
    "headers": "headers are set for all requests of a client: FluxbaseClient(..., headers=...)",
    "api_key": "the key is the second argument: FluxbaseClient(url, key)",
    "token": "the key is the second argument: FluxbaseClient(url, key)",
    "fluxbase_key": "the key is the second argument: FluxbaseClient(url, key)",
    "fluxbase_url": "the address is the first argument: FluxbaseClient(url, key)",
    "base_url": "the address is the first argument: FluxbaseClient(url, key)",
    "scheduled_at": "it is called scheduled",
    "schedule": "it is called scheduled",
    "delay": "pass scheduled=timedelta(...)",
    "name": "it is called job_name",
    "data": "it is called payload",
    "id": "it is called job_id",
    "user": "pass on_behalf_of=OnBehalfOf(user_id=...)",
    "user_id": "pass on_behalf_of=OnBehalfOf(user_id=...)",
}
_OTHER_HINTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "user": (("created_by", "pass created_by=..."),),
    "user_id": (("created_by", "pass created_by=..."),),
    "limit": (("page_size", "it reads page by page as you iterate: pass page_size=..., and stop where you have enough"),),
    "page_size": (("limit", "it is called limit"),),
    "namespace": (("priority", "it is set for all jobs of a definition: jobs.define(..., namespace=...)"),),
}
"""Hints for methods that take the argument which is named first."""
_OPTIONS: Final = frozenset({"options", "opts", "filters"})
"""Names of the object at the end that the TypeScript client takes."""


def with_argument_hints(target: C) -> C:
    """A decorator of a class or function: a call with wrong arguments raises a TypeError that names the right argument.

    Of a class, that goes for its constructor and its public methods. Attributes that it does not have get a hint, too; as the method for that
    is set here, type checkers still refuse them.
    """
    if not isinstance(target, type):
        return cast("C", _checked(target, cast("Any", target).__name__))
    for name, member in list(vars(target).items()):
        method = cast("Callable[..., Any]", getattr(member, "__func__", member))
        if isfunction(method) and not method.__code__.co_flags & CO_VARARGS and (name == "__init__" or not name.startswith("_")):
            checked = _checked(method, target.__name__ if name == "__init__" else name)
            setattr(target, name, classmethod(checked) if isinstance(member, classmethod) else checked)
    cast("Any", target).__getattr__ = attribute_hints(target)
    return cast("C", target)


def _checked(method: Callable[..., Any], called: str) -> Callable[..., Any]:
    known, positional = frozenset(_keywords(method)), method.__code__.co_argcount

    if iscoroutinefunction(method):

        @wraps(method)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            if len(args) > positional or not kwargs.keys() <= known:
                raise _error(method, called, args[positional:], kwargs)
            return await method(*args, **kwargs)

        return call_async

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > positional or not kwargs.keys() <= known:
            raise _error(method, called, args[positional:], kwargs)
        return method(*args, **kwargs)

    return call


def _keywords(method: Callable[..., Any]) -> tuple[str, ...]:
    """The names that a method takes, in the order of its signature, those of its `**options: Unpack[...]` included."""
    code, annotations = method.__code__, method.__annotations__
    known = dict.fromkeys(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    for annotation in annotations.values():
        if str(annotation).startswith("Unpack["):
            options = method.__globals__[str(annotation).removeprefix("Unpack[").removesuffix("]")]
            known |= dict.fromkeys(options.__annotations__)
    return tuple(known)


def _error(method: Callable[..., Any], called: str, surplus: tuple[Any, ...], kwargs: Mapping[str, object]) -> TypeError:
    names = _keywords(method)
    for name in kwargs:
        if name not in names:
            hint = _by_name(method, called, (kwargs[name],)) if name in _OPTIONS else _hint(name, names)
            return TypeError(f"{called}() got an unexpected keyword argument {name!r}" + (f": {hint}" if hint else ""))
    hint = _by_name(method, called, surplus)
    return TypeError(f"{called}() got too many positional arguments" + (f": {hint}" if hint else ""))


def _by_name(method: Callable[..., Any], called: str, given: tuple[Any, ...]) -> str | None:
    """How to pass what was given: with the first name of an object of options, else with the method's first option; None without any."""
    names, code = _keywords(method), method.__code__
    objects = (cast("Mapping[object, object]", each) for each in given if isinstance(each, Mapping))
    meant = [name for each in objects for name in map(snake_case, each) if name in names]
    own = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    found = next(iter((*meant, *own, *({"timeout"} & {*names}))), None)
    return f"pass options by name, like {called}(..., {found}=...)" if found else None


def _hint(name: str, known: tuple[str, ...]) -> str | None:
    """What to pass in place of an unknown keyword: the TypeScript client's name, or another library's."""
    snake = snake_case(name)
    if snake in known:
        return f"it is called {snake}"
    return next((hint for taken, hint in _OTHER_HINTS.get(snake, ()) if taken in known), _HINTS.get(snake))
