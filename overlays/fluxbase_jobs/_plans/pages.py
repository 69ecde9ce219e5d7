"""Reading a list page by page while it changes, and the filters that only the client applies."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from attrs import define, evolve, field, frozen

from .._context.call_context import CallContext
from .._operations.jobs import Filters, Page
from .._validation import arguments
from .._validation.arguments import DEFAULT_NAMESPACE
from ..errors import InvalidInput
from ..models.jobs import Job
from .exchange.authentication import current_key
from .exchange.steps import Plan, read_clock

MAX_FRUITLESS_PAGES: Final = 12
"""So many full pages without a new job end the reading. The steps between them double, so a list that only grows is not given up so soon."""
MAX_RESTARTS: Final = 40
"""So many pages in turn that do not continue the first one end the reading."""
ME: Final = "me"
_NO_USER: Final = "a service key, a client key and a service role's token belong to no user: pass the user's id as created_by"


@define
class PageReader:
    """Which page to read next, so that no job comes twice and none is missed that was in the list all the time.

    Jobs that arrive shift the pages to the right, jobs that leave shift them to the left. So each page has to begin with a job that was
    read before; where it does not, or is empty, some may have been missed, and the page before it is read again.
    """

    size: int
    offset: int = 0
    ended: bool = False
    stuck: bool = False
    """Whether it ended because page after page brought nothing new, as from a proxy that gives one answer to all requests."""
    _read: set[str] = field(factory=set[str])
    _step_back: int = field(init=False)
    _fruitless: int = 0
    _restarts: int = 0
    """How often the reading began again at the first page since it last came further."""
    _unchanged: int = 0
    """How many pages in turn had no new job, for whatever reason."""

    def __attrs_post_init__(self) -> None:
        self._step_back = self.size

    @property
    def limit(self) -> int:
        """How many jobs to ask for: one more than the size where the first one is known already, two at least."""
        return min(max(self.size + (self.offset > 0), 2), arguments.INT32)

    def take(self, page: Sequence[Job]) -> list[Job]:
        """The new jobs of the requested page; decides what to read next."""
        self._unchanged += 1
        if self.offset and not (page and page[0].id in self._read):
            self._go_back()
            return []
        self._step_back = self.size
        self._restarts = 0 if self.offset else self._restarts
        new = [job for job in {job.id: job for job in page}.values() if job.id not in self._read]
        self._read.update(job.id for job in new)
        self._unchanged = 0 if new else self._unchanged
        self._fruitless = 0 if new or self.offset + len(page) <= len(self._read) else self._fruitless + 1
        self.stuck = self._fruitless > MAX_FRUITLESS_PAGES or self._goes_in_circles()
        self.ended = self.stuck or len(page) < self.limit
        self.offset += (len(page) - 1) << max(0, self._fruitless - 1)
        self.ended = self.ended or self.offset > arguments.INT32
        return new

    def _go_back(self) -> None:
        """Read an earlier page: this one may not continue what was read."""
        self.offset = max(0, self.offset - self._step_back)
        self._step_back *= 2
        self._restarts += self.offset == 0

    def _goes_in_circles(self) -> bool:
        """Whether the pages do not fit together, however often they are read again. To pass over what was read takes its pages."""
        return self._restarts > MAX_RESTARTS or self._unchanged > MAX_RESTARTS + 2 * len(self._read) // self.size


@frozen(kw_only=True)
class ClientFilter:
    """What the server cannot filter by, or not right; None: any."""

    namespace: str | None
    created_by: str | None

    def __bool__(self) -> bool:
        return not (self.namespace is None and self.created_by is None)

    def matches(self, job: Job) -> bool:
        """Whether the job passes."""
        return self.namespace in {None, job.namespace} and self.created_by in {None, job.created_by}

    def __str__(self) -> str:
        parts = {"namespace": self.namespace, "created_by": self.created_by}
        return " and ".join(f"{name} {value!r}" for name, value in parts.items() if value is not None)


def split_filters(context: CallContext, filters: Filters, page: Page) -> Plan[tuple[Page, ClientFilter]]:
    """The page to request and the filter for the client to apply: the April server finds nothing for `namespace=default`."""
    namespace = page.namespace if page.namespace == DEFAULT_NAMESPACE else None
    created_by = None
    if arguments.plain_text(filters.created_by) == ME:
        created_by = yield from _own_id(context)
    elif filters.created_by is not None:
        created_by = arguments.uuid("created_by", filters.created_by)
    return (evolve(page, namespace=None) if namespace else page), ClientFilter(namespace=namespace, created_by=created_by)


def _own_id(context: CallContext) -> Plan[str]:
    """The user whose token the key is: its subject. Raises InvalidInput where it is none."""
    used, _ = yield from current_key(context, (yield from read_clock()))
    try:
        claims = str(getattr(used, "value", "")).split(".")[1]
        claimed: Any = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return arguments.uuid("created_by", claimed["sub"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError, binascii.Error):
        raise InvalidInput("created_by='me' needs a key that is a user's token", hint=_NO_USER) from None
