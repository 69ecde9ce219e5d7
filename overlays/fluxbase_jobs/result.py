"""Results: what every verb returns. `Ok` and `Err` unpack to `(data, error)` and narrow under mypy and pyright."""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NoReturn, TypeAlias, TypeVar, cast, final

from attrs import evolve, field, frozen
from typing_extensions import TypeIs

from .errors import FluxbaseError
from .models.html import html_error

T = TypeVar("T", covariant=True)  # noqa: PLC0105  # a result of a Job is one of a Job or None
U = TypeVar("U")
R = TypeVar("R")

_LOGGER: Final = logging.getLogger("fluxbase_jobs")
_UNSEEN: Final = "_unseen"


@frozen(kw_only=True)
class Meta:
    """How a result came about, beside the data itself."""

    status: int | None = None
    """The HTTP status of the last answer; None where none came."""
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    """The last answer's headers; names in any case. Cookies are not kept."""
    attempts: int = 0
    """How many requests were sent."""
    elapsed: float = 0.0
    """Seconds from the start of the call to its end, pauses included."""
    logs_error: FluxbaseError | None = None
    """Why the log could not be read, with `include_logs`."""
    result_lost: bool | None = None
    """With `run` and `wait`: True where the job completed with `{}` and its log shows that the server lost the result; None where the log
    could not be read, as `notes` then says, and where the result is not `{}`."""
    false_not_found: int = 0
    """How many answers of 404 were not believed, as the job was in the list."""
    logs_hidden: bool = False
    """Whether the server hides this job's log: April 2026 servers do until their next start."""
    notes: tuple[str, ...] = ()
    """Anything else worth knowing about the result, one line each."""

    @property
    def request_id(self) -> str | None:
        """The server's id of the last request, for its logs."""
        return self.headers.get("x-request-id")

    @property
    def idempotency_replayed(self) -> bool:
        """Whether the server repeated a stored response for the idempotency key and did nothing."""
        return self.headers.get("idempotency-replayed", "").lower() == "true"

    def plus(self, other: Meta) -> Meta:
        """This answer, with the requests of another exchange of the same call added to its own."""
        return evolve(
            self,
            attempts=self.attempts + other.attempts,
            elapsed=max(self.elapsed, other.elapsed),
            false_not_found=self.false_not_found + other.false_not_found,
            notes=tuple(dict.fromkeys(self.notes + other.notes)),
        )


NO_META: Final = Meta()


@final
class Ok(tuple[T, None], Generic[T]):  # noqa: SLOT001  # a tuple with slots has no place for `meta`
    """Success: unpacks to `(data, None)`."""

    __match_args__ = ("data",)
    if TYPE_CHECKING:  # attributes that narrow with `ok`; at run time they are properties
        ok: Literal[True]
        data: T
        error: None
        meta: Meta
    else:
        ok = True
        data = property(operator.itemgetter(0), doc="The value.")
        error = property(operator.itemgetter(1), doc="None.")

    def __new__(cls, data: T, meta: Meta = NO_META) -> Ok[T]:
        """Success with this data."""
        made = super().__new__(cls, (data, None))
        made.meta = meta
        return made

    def __reduce__(self) -> tuple[type[Ok[T]], tuple[T, Meta]]:
        return (Ok, (self.data, self.meta))

    def __repr__(self) -> str:
        return f"Ok({self.data!r})"

    def _repr_html_(self) -> str | None:
        show: Callable[[], str | None] | None = getattr(self.data, "_repr_html_", None)
        return show() if show else None

    if not TYPE_CHECKING:  # type checkers report unknown attributes by themselves

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(_no_attribute(name, f"holds a {type(self[0]).__name__}", "use .data or .unwrap()"))

        def __getitem__(self, index: object) -> object:
            return _item(self, index)

    def unwrap(self) -> T:
        """The data."""
        return self.data

    def unwrap_or(self, default: object) -> T:  # noqa: ARG002  # same signature as Err.unwrap_or
        """The data; `default` is for the other half."""
        return self.data


@final
class Err(tuple[Any, FluxbaseError]):  # noqa: SLOT001  # as Ok
    """Failure: unpacks to `(None, error)`."""

    __match_args__ = ("error",)
    if TYPE_CHECKING:  # attributes that narrow with `ok`; at run time they are properties
        ok: Literal[False]
        # Any on purpose: only so do both type checkers narrow `data` after `if error: return`.
        data: Any
        error: FluxbaseError
        meta: Meta
    else:
        ok = False
        data = property(operator.itemgetter(0), doc="None.")
        error = property(operator.itemgetter(1), doc="What went wrong.")

    def __new__(cls, error: FluxbaseError, meta: Meta = NO_META) -> Err:
        """Failure with this error."""
        made = super().__new__(cls, (None, error))
        made.meta = meta
        return made

    def __reduce__(self) -> tuple[type[Err], tuple[FluxbaseError, Meta]]:
        return (Err, (self.error, self.meta))

    def __repr__(self) -> str:
        return f"Err({self.error!r})"

    def _repr_html_(self) -> str:
        return html_error(type(self.error).__name__, self.error.message, self.error.hint)

    if not TYPE_CHECKING:  # type checkers report unknown attributes by themselves

        def __getattribute__(self, name: str) -> object:
            _mark_used(self)
            return super().__getattribute__(name)

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(_no_attribute(name, f"holds {self.error!r}", "use .error, or .unwrap() to raise it"))

        def __iter__(self) -> Iterator[object]:
            _mark_used(self)
            return super().__iter__()

        def __getitem__(self, index: object) -> object:
            _mark_used(self)
            return _item(self, index)

        def __eq__(self, other: object) -> bool:
            _mark_used(self)
            return super().__eq__(other)

        def __ne__(self, other: object) -> bool:
            _mark_used(self)
            return super().__ne__(other)

        __hash__ = tuple.__hash__

        def __del__(self) -> None:
            call = object.__getattribute__(self, "__dict__").get(_UNSEEN)
            if call is not None:
                _LOGGER.warning("the error returned by %s was never used: %r", call, tuple.__getitem__(self, 1))

    def unwrap(self) -> NoReturn:
        """Raises the error."""
        raise self.error

    def unwrap_or(self, default: U) -> U:
        """The `default`."""
        return default


Result: TypeAlias = Ok[T] | Err


def handed_over(result: R, call: str) -> R:
    """The result on its way to the user. An Err that is discarded unused is logged, with the name of the call.

    Unpacking, indexing, reading any attribute, comparing, `repr` and pickling count as use.
    """
    if isinstance(result, Err):
        vars(result)[_UNSEEN] = call
    return result


def _mark_used(result: Err) -> None:
    object.__getattribute__(result, "__dict__").pop(_UNSEEN, None)


def _item(result: tuple[Any, ...], index: Any) -> Any:
    if isinstance(index, str):
        raise TypeError("a result has no keys: unpack it as `data, error = ...`, or use .data, .error or .unwrap()")
    return cast("Any", tuple).__getitem__(result, index)


def _no_attribute(name: str, holds: str, cure: str) -> str:
    return f"a result has no attribute {name!r}: it {holds}; {cure}"


def is_ok(result: Result[T]) -> TypeIs[Ok[T]]:
    """Whether the result has data; narrows it to `Ok`."""
    return result.ok


def is_err(result: Result[T]) -> TypeIs[Err]:
    """Whether the result has an error; narrows it to `Err`."""
    return not result.ok
