"""What constructors are given: values of any class are taken as what they are, or refused as InvalidInput, whatever their methods do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

import fluxbase_jobs
import httpx
import numpy as np
import pytest
from fluxbase_jobs import (
    AsyncFluxbaseClient,
    AsyncFluxbaseFetch,
    FluxbaseClient,
    FluxbaseError,
    FluxbaseFetch,
    InvalidInput,
    PollPolicy,
    RetryPolicy,
)

from tests.support.servers.local_server import LocalServer
from tests.support.styles import Connect

URL: Final = "http://127.0.0.1:9"


def _raise(*_: object, **__: object) -> NoReturn:
    raise LookupError("SECRET-4242")


class Unruly:
    """An object whose every method raises."""

    __getattribute__ = __repr__ = __str__ = __eq__ = __len__ = __iter__ = __bool__ = _raise
    __hash__ = None  # type: ignore[assignment]  # on purpose


class Liar:
    """An object that says it is of another class."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    @property  # type: ignore[misc]  # on purpose
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # on purpose
        return self.kind


class Agreeable:
    """An object that is equal to everything and has every attribute."""

    __hash__ = None  # type: ignore[assignment]  # on purpose

    def __eq__(self, other: object) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return self


class UnrulyKind(type):
    __hash__ = __eq__ = __instancecheck__ = __subclasscheck__ = _raise


class OfUnrulyKind(metaclass=UnrulyKind):
    pass


class Text(str):
    """A text whose methods can't be trusted."""

    __slots__ = ()
    __str__ = __repr__ = __eq__ = __len__ = __contains__ = strip = encode = isascii = _raise

    def __hash__(self) -> int:
        return 1


class Number(int):
    __str__ = __repr__ = __index__ = __int__ = __le__ = __lt__ = __ge__ = __gt__ = __mul__ = __rmul__ = _raise


class Real(float):
    __str__ = __repr__ = __float__ = __le__ = __lt__ = __ge__ = __gt__ = __mul__ = __rmul__ = _raise


LIARS: Final = [Liar(each) for each in (str, int, float, dict, httpx.Client, httpx.AsyncClient, RetryPolicy)]
ODD: Final[list[Any]] = [
    Unruly(),
    *LIARS,
    Agreeable(),
    OfUnrulyKind(),
    10**5000,
    np.array([1, 2]),
    np.int64(3),
    object(),
    b"x",
    float("nan"),
    "\0",
]
OPTIONS: Final = ("refresh_token", "headers", "timeout", "retry", "http_client", "transport", "raise_errors")


@pytest.mark.parametrize("make", [FluxbaseClient, AsyncFluxbaseClient, FluxbaseFetch, AsyncFluxbaseFetch, fluxbase_jobs.create_client])
def test_constructors_refuse_any_other_value(make: Callable[..., object]) -> None:
    """Each argument, by its name where the argument is not in the message in other words."""
    for odd in ODD:
        for arguments, options in (
            ((odd,), {}),
            ((URL, odd), {}),
            *(((URL,), {name: odd}) for name in OPTIONS),
            ((URL,), {"headers": {"x": odd}}),
        ):
            if callable(odd) and len(arguments) == 2:
                continue
            with pytest.raises(InvalidInput) as raised:
                make(*arguments, **options)
            assert len(str(raised.value)) < 600
            assert "SECRET" not in str(raised.value)
            assert any(name in raised.value.message for name in ("url", "key", *options))


@pytest.mark.parametrize("name", [*OPTIONS, "on_tokens", "url", "email", "password"])
def test_sign_in_returns_invalid_input(connect: Connect, server: LocalServer, name: str) -> None:
    """Before anything is sent."""
    for odd in ODD:
        given = {"url": server.url, "email": "ada@example.com", "password": "tiger", name: odd}
        error = connect.sign_in(given.pop("url"), given.pop("email"), given.pop("password"), **given).error
        assert isinstance(error, InvalidInput)
        assert name in error.message
        assert "SECRET" not in str(error)
    assert server.requests == []


@pytest.mark.parametrize("make", [RetryPolicy, PollPolicy])
def test_policies_refuse_any_other_value(make: Callable[..., object]) -> None:
    """Each number of them; none that could not be calculated with."""
    names = (
        ("attempts", "first_delay", "factor", "max_delay", "total") if make is RetryPolicy else ("initial", "factor", "maximum", "jitter")
    )
    for odd in [*ODD, float("inf"), -1, True]:
        for name in names:
            with pytest.raises(InvalidInput, match=name):
                make(**{name: odd})


def test_numbers_of_any_class_are_numbers() -> None:
    """They are kept as plain ones, which can be calculated with."""
    retry = RetryPolicy(attempts=Number(3), first_delay=Real(0.5), factor=Number(2), total=Number(9))
    poll = PollPolicy(initial=Number(1), factor=Real(1.5), maximum=np.float64(7), jitter=Real(0))

    assert retry.delay(FluxbaseError("", retryable=True), 2, 9, 1.0) == 1.0
    assert repr(retry) == "RetryPolicy(attempts=3, first_delay=0.5, factor=2, max_delay=8.0, total=9)"
    assert repr(poll) == "PollPolicy(initial=1, factor=1.5, maximum=7.0, jitter=0.0)"


def test_texts_of_any_class_are_texts() -> None:
    """As address, key, header and name of the transport."""
    client = FluxbaseClient(Text(URL), Text("eyJ.a"), headers={Text("x-a"): Text("b")}, transport=Text("httpcore"))  # type: ignore[arg-type]  # on purpose

    assert (repr(client), client.transport) == (f"FluxbaseClient({URL!r})", "httpcore")
    client.close()
