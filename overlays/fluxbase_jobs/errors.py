"""The error values of this package: everything that can stand in the `error` place of a result.

    FluxbaseError
     ├─ InvalidInput              refused before anything was sent (also a ValueError)
     ├─ ConnectionFailed          no connection, TLS failure, or the connection broke off
     ├─ RequestTimeout            no complete answer in time
     ├─ InvalidResponse           1xx, 3xx, or a 2xx without the documented body
     ├─ Rejected                  any other 4xx
     │   ├─ AuthenticationFailed  401
     │   ├─ PermissionDenied      403
     │   ├─ NotFound              404
     │   ├─ Conflict              409
     │   ├─ PayloadTooLarge       413
     │   ├─ Unprocessable         422
     │   ├─ RateLimited           429, with `retry_after`
     │   └─ NotAllowedInState     the body names the job's `status`, which does not allow the call
     ├─ ServerFailed              5xx
     ├─ JobFailed                 the job failed, not the call; with the `job` and its `log_tail`
     ├─ JobCancelled              the job was cancelled; with the `job`
     ├─ ResultMismatch            the job completed, but its result is not of the declared type; with the `job`
     ├─ ResultLost                the job completed, but the server lost its result; with the `job`
     └─ WaitTimeout               the job had not ended in time and continues on the server; with the `job`

They are returned, not raised; `result.unwrap()` raises them. All are truthy, so that `if error:` narrows for type checkers, and all can
be pickled. No message or repr holds a key, a token or a payload. Messages and hints have at most 500 characters, details
about 10,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Final, Literal, Self

from .models.jobs import Job, LogLine
from .models.shortening import MAX_CODE, presentable


class FluxbaseError(Exception):
    """The base class of all errors: a message and attributes.

    Attributes:
        message: one sentence for people, of at most 500 characters.
        code: the server's error code where it sent one (text; an integer from the March 2026 server's last-resort handler).
        status: the HTTP status, None where no answer came.
        request_id: the server's id of the request, for its logs.
        hint: what to do about it, where we or the server know.
        details: what else the server sent; for an InvalidResponse the body as text. Of a long one, its beginning and its end.
        retryable: whether the same call may succeed later without a change.
        attempts: how many requests were sent for the call that failed.
        job_id: the job that the call was about, where there is one.
        retry_after: seconds to wait before the next request, where the server sent that.
    """

    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | int | None = None,
        status: int | None = None,
        request_id: str | None = None,
        hint: str | None = None,
        details: Any = None,
        retryable: bool = False,
        attempts: int = 0,
        job_id: str | None = None,
    ) -> None:
        self.message = presentable(message)
        super().__init__(self.message)
        self.code = presentable(code, MAX_CODE) if isinstance(code, str) else code
        self.status = status
        self.request_id = None if request_id is None else presentable(request_id, MAX_CODE)
        self.hint = None if hint is None else presentable(hint)
        self.details = details
        self.retryable = retryable
        self.attempts = attempts
        self.job_id = job_id

    def with_(self, **changes: Any) -> Self:
        """A copy of this error with other attributes. Errors are values: one that was returned is never changed."""
        changed = copy(self)
        texts = {name: presentable(changes[name]) for name in ("message", "hint") if changes.get(name)}
        vars(changed).update({**changes, **texts})
        changed.args = (changed.message,)
        return changed

    def __bool__(self) -> Literal[True]:
        return True

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __repr__(self) -> str:
        known = (f", {name}={getattr(self, name)!r}" for name in ("code", "status", "job_id") if getattr(self, name) is not None)
        return f"{type(self).__name__}({self.message!r}{''.join(known)})"


class InvalidInput(FluxbaseError, ValueError):
    """An argument that the server would refuse, change or store wrongly; nothing was sent. The message names it and the rule."""


class ConnectionFailed(FluxbaseError):
    """No connection, a TLS failure, or a connection that broke off before the answer was complete."""


class RequestTimeout(FluxbaseError):
    """No complete answer within the request's timeout. The server may still have carried out the request."""


class InvalidResponse(FluxbaseError):
    """An answer that is not one of this API: 1xx, 3xx, or a 2xx without the documented body. `details` keeps the body as text.

    So is a sync whose functions were found without code: there `details` is the SyncResult.
    """


class Rejected(FluxbaseError):
    """The server refused the request: any 4xx without a class below."""


class AuthenticationFailed(Rejected):
    """401: no credentials, or bad, expired or revoked ones."""


class PermissionDenied(Rejected):
    """403: the caller's role does not allow this."""


class NotFound(Rejected):
    """404: no such job, function or route. The server also answers 404 when its database fails."""


class Conflict(Rejected):
    """409: the same idempotency key is in progress."""


class PayloadTooLarge(Rejected):
    """413: the request body is over the server's limit."""


class Unprocessable(Rejected):
    """422: the idempotency key was used before, for another request."""


class RateLimited(Rejected):
    """429: too many requests; `retry_after` is the seconds to wait. The server's limit is 100 a minute for an address."""


class NotAllowedInState(Rejected):
    """The job's state does not allow the call.

    Attributes:
        job_status: the job's status at that time, e.g. "completed".
    """

    job_status: str | None = None


class ServerFailed(FluxbaseError):
    """5xx: the server, or a proxy before it, failed."""


class JobFailed(FluxbaseError):
    """The job failed. The message is the error text from its log: the server's `error_message` is only "exit status 1".

    Attributes:
        job: the job as it was last read.
        log_tail: the last lines of the log, 20 at most, without the line that carries the result.
    """

    job: Job | None = None
    log_tail: Sequence[LogLine] = ()


class JobCancelled(FluxbaseError):
    """The job was cancelled.

    Attributes:
        job: the job as it was last read.
    """

    job: Job | None = None


class ResultMismatch(FluxbaseError):
    """The job completed, but its result is not of the type that its definition declares. The message names the place.

    Attributes:
        job: the completed job, whose `result` is the plain value.
    """

    job: Job | None = None


class ResultLost(FluxbaseError):
    """The job completed, but the server lost its result.

    Attributes:
        job: the completed job.
    """

    job: Job | None = None


class WaitTimeout(FluxbaseError):
    """The job had not ended within the timeout. It continues on the server, and can be waited for again.

    Attributes:
        job: the job as it was last read; None where it never was.
    """

    job: Job | None = None


BY_STATUS: Final[dict[int, type[Rejected]]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: PayloadTooLarge,
    422: Unprocessable,
    429: RateLimited,
}
"""The error of each 4xx that has one of its own; the others are Rejected."""
