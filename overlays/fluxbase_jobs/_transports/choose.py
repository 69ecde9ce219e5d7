"""Which transport a client gets: by name, or the user's own HTTP client. Each HTTP library is imported only where it is chosen."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast, get_args

from .._lazy import httpx
from ..errors import InvalidInput
from .base import AsyncTransport, Transport
from .bounds import LONGEST_TIMEOUT

SecondsT = TypeVar("SecondsT")
TransportName: TypeAlias = Literal["httpcore", "pyreqwest"]
DEFAULT_TRANSPORT: Final = "httpcore"
_NAMES: Final[tuple[str, ...]] = get_args(TransportName)


def sync_transport(name: str | None, http_client: httpx.Client | None) -> Transport:
    """The transport of a sync client. Raises InvalidInput."""
    if _checked(name, http_client) == "pyreqwest":
        from .pyreqwest_sync import PyreqwestTransport  # noqa: PLC0415  # an optional dependency

        return PyreqwestTransport()
    if http_client is not None:
        from .httpx_sync import HttpxTransport  # noqa: PLC0415  # httpx takes 100 ms to import

        return HttpxTransport(http_client)
    from .httpcore_sync import HttpcoreTransport  # noqa: PLC0415  # the same for httpcore

    return HttpcoreTransport()


def async_transport(name: str | None, http_client: httpx.AsyncClient | None) -> AsyncTransport:
    """The transport of an async client. Raises InvalidInput."""
    if _checked(name, http_client) == "pyreqwest":
        from .pyreqwest_async import AsyncPyreqwestTransport  # noqa: PLC0415  # an optional dependency

        return AsyncPyreqwestTransport()
    if http_client is not None:
        from .httpx_async import AsyncHttpxTransport  # noqa: PLC0415  # httpx takes 100 ms to import

        return AsyncHttpxTransport(http_client)
    from .httpcore_async import AsyncHttpcoreTransport  # noqa: PLC0415  # the same for httpcore

    return AsyncHttpcoreTransport()


def own_timeout(http_client: object, timeout: SecondsT, default: float) -> SecondsT | float:
    """The timeout of the user's own HTTP client, where the client is given none."""
    if http_client is None or timeout != default:
        return timeout
    try:
        own: Any = cast("Any", http_client).timeout.read
        return LONGEST_TIMEOUT if own is None else float(own)
    except Exception:  # noqa: BLE001  # an object of any class, which is refused later if it is no HTTP client
        return timeout


def _checked(name: str | None, http_client: object) -> str:
    """The name, if it is one and goes with the other arguments."""
    if name not in _NAMES:
        raise InvalidInput(
            f"transport must be {' or '.join(map(repr, _NAMES))}", hint="one of httpx's goes with http_client=httpx.Client(transport=...)"
        )
    if name == "pyreqwest" and http_client is not None:
        raise InvalidInput('transport="pyreqwest" does not go with http_client: leave one of them out')
    if name == "pyreqwest" and find_spec("pyreqwest") is None:
        raise InvalidInput(
            'transport="pyreqwest" needs the package pyreqwest',
            hint='it comes with the extra speed: pip install ".[speed]" in a clone, or pip install "fluxbase-jobs[speed]" once it is published',
        )
    return name
