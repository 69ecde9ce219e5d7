"""What one call sends and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final, Generic, TypeVar, cast

from attrs import evolve, field, frozen

from .._transports.messages import Private
from .._validation import arguments
from .answers import Asked

T = TypeVar("T")

KEY_HEADER: Final = "Idempotency-Key"
_AFTER_401: Final = "~401"
ANYTHING: Final = Asked()


@frozen(kw_only=True)
class Operation(Generic[T]):
    """One request and how to read its answer."""

    request: Mapping[str, Any] = field(converter=Private, repr=False)
    """Method, path, query, headers and body, as a generated `build_request` gives them."""
    read: Callable[[bytes], T]
    """The body of a 2xx answer as what users receive; raises msgspec.DecodeError."""
    asked: Asked = ANYTHING
    """What the answer must be about."""
    resendable: bool = True
    """Whether sending it again does no harm: reads, and all that carries an idempotency key."""
    confidential: bool = False
    """Whether the answer holds tokens, so that no error may quote it."""
    notes: tuple[str, ...] = ()
    """What is worth knowing about the request, for the result's `meta.notes`."""

    @property
    def job_id(self) -> str | None:
        """The job that the request is about, if it is about one that exists."""
        return self.asked.job_id or self.asked.copied_id

    @property
    def key(self) -> str | None:
        """The idempotency key that the request carries, if it carries one."""
        return cast("str | None", self.request["headers"].get(KEY_HEADER))

    def rekeyed(self) -> Operation[T]:
        """The same under another idempotency key, if it has one.

        The server replays a 401 for 24 hours to whoever sends its key (recorded, idempotency). The new key follows from the old one, so
        that a program that is run again finds its jobs.
        """
        return self if self.key is None else self.with_key(derived(self.key, _AFTER_401))

    def with_key(self, key: str) -> Operation[T]:
        """The same request under this idempotency key."""
        return evolve(self, request={**self.request, "headers": {**self.request["headers"], KEY_HEADER: key}})


def derived(key: str, ending: str) -> str:
    """A key derived from another. A key that is too long is hashed, not cut: items of a batch may differ only in its end."""
    longer = key + ending
    return longer if len(longer) <= arguments.MAX_KEY else sha256(longer.encode()).hexdigest()


def keyed(build: Callable[..., Mapping[str, Any]], job_id: object, read: Callable[[bytes], T]) -> Operation[T]:
    """A change of one job, with its own idempotency key."""
    job = arguments.job_id(job_id)
    return Operation(request=build(job, idempotency_key=idempotency_key()), read=read, asked=Asked(job_id=job))


def idempotency_key(given: object = None) -> str:
    """The caller's key, or a new one that nobody can guess: the server hands the stored answer to anyone who sends it."""
    return token_urlsafe(24) if given is None else arguments.idempotency_key(given)
