"""Background jobs on a Fluxbase server: submit, read, list, cancel, retry, logs; sync and async, with `(data, error)` results."""

import importlib
import typing

if typing.TYPE_CHECKING:  # at run time each name is imported when it is first used: pytest imports this package at every start
    from ._drivers.fetch import FluxbaseFetch
    from ._drivers.fetch_async import AsyncFluxbaseFetch
    from ._verbs.admin import FluxbaseAdmin, FluxbaseAdminJobs
    from ._verbs.admin_async import AsyncFluxbaseAdmin, AsyncFluxbaseAdminJobs
    from ._verbs.definitions import JobDefinition
    from ._verbs.definitions_async import AsyncJobDefinition
    from ._verbs.jobs import FluxbaseJobs
    from ._verbs.jobs_async import AsyncFluxbaseJobs
    from .client import FluxbaseClient, create_client
    from .client_async import AsyncFluxbaseClient
    from .errors import (
        AuthenticationFailed,
        Conflict,
        ConnectionFailed,
        FluxbaseError,
        InvalidInput,
        InvalidResponse,
        JobCancelled,
        JobFailed,
        NotAllowedInState,
        NotFound,
        PayloadTooLarge,
        PermissionDenied,
        RateLimited,
        Rejected,
        RequestTimeout,
        ResultLost,
        ResultMismatch,
        ServerFailed,
        Unprocessable,
        WaitTimeout,
    )
    from .models.admin import (
        DayCount,
        FunctionCount,
        JobFunction,
        JobStats,
        StatusCount,
        SyncDetails,
        SyncError,
        SyncFunction,
        SyncResult,
        SyncSummary,
        Worker,
    )
    from .models.inputs import OnBehalfOf, Submission
    from .models.jobs import Job, JobStatus, LogLine
    from .models.tokens import Tokens
    from .models.typed import CompletedJob, TypedJob
    from .policies.poll import PollPolicy
    from .policies.retry import RetryPolicy
    from .result import Err, Meta, Ok, Result, is_err, is_ok

    __version__: str
    """The version of the installed package."""

__all__ = [
    "AsyncFluxbaseAdmin",
    "AsyncFluxbaseAdminJobs",
    "AsyncFluxbaseClient",
    "AsyncFluxbaseFetch",
    "AsyncFluxbaseJobs",
    "AsyncJobDefinition",
    "AuthenticationFailed",
    "CompletedJob",
    "Conflict",
    "ConnectionFailed",
    "DayCount",
    "Err",
    "FluxbaseAdmin",
    "FluxbaseAdminJobs",
    "FluxbaseClient",
    "FluxbaseError",
    "FluxbaseFetch",
    "FluxbaseJobs",
    "FunctionCount",
    "InvalidInput",
    "InvalidResponse",
    "Job",
    "JobCancelled",
    "JobDefinition",
    "JobFailed",
    "JobFunction",
    "JobStats",
    "JobStatus",
    "LogLine",
    "Meta",
    "NotAllowedInState",
    "NotFound",
    "Ok",
    "OnBehalfOf",
    "PayloadTooLarge",
    "PermissionDenied",
    "PollPolicy",
    "RateLimited",
    "Rejected",
    "RequestTimeout",
    "Result",
    "ResultLost",
    "ResultMismatch",
    "RetryPolicy",
    "ServerFailed",
    "StatusCount",
    "Submission",
    "SyncDetails",
    "SyncError",
    "SyncFunction",
    "SyncResult",
    "SyncSummary",
    "Tokens",
    "TypedJob",
    "Unprocessable",
    "WaitTimeout",
    "Worker",
    "create_client",
    "is_err",
    "is_ok",
]

_NAMES: typing.Final = {
    "_drivers.fetch": ("FluxbaseFetch",),
    "_drivers.fetch_async": ("AsyncFluxbaseFetch",),
    "_verbs.admin": (
        "FluxbaseAdmin",
        "FluxbaseAdminJobs",
    ),
    "_verbs.admin_async": (
        "AsyncFluxbaseAdmin",
        "AsyncFluxbaseAdminJobs",
    ),
    "_verbs.definitions": ("JobDefinition",),
    "_verbs.definitions_async": ("AsyncJobDefinition",),
    "_verbs.jobs": ("FluxbaseJobs",),
    "_verbs.jobs_async": ("AsyncFluxbaseJobs",),
    "client": (
        "FluxbaseClient",
        "create_client",
    ),
    "client_async": ("AsyncFluxbaseClient",),
    "errors": (
        "AuthenticationFailed",
        "Conflict",
        "ConnectionFailed",
        "FluxbaseError",
        "InvalidInput",
        "InvalidResponse",
        "JobCancelled",
        "JobFailed",
        "NotAllowedInState",
        "NotFound",
        "PayloadTooLarge",
        "PermissionDenied",
        "RateLimited",
        "Rejected",
        "RequestTimeout",
        "ResultLost",
        "ResultMismatch",
        "ServerFailed",
        "Unprocessable",
        "WaitTimeout",
    ),
    "models.admin": (
        "DayCount",
        "FunctionCount",
        "JobFunction",
        "JobStats",
        "StatusCount",
        "SyncDetails",
        "SyncError",
        "SyncFunction",
        "SyncResult",
        "SyncSummary",
        "Worker",
    ),
    "models.inputs": (
        "OnBehalfOf",
        "Submission",
    ),
    "models.jobs": (
        "Job",
        "JobStatus",
        "LogLine",
    ),
    "models.tokens": ("Tokens",),
    "models.typed": (
        "CompletedJob",
        "TypedJob",
    ),
    "policies.poll": ("PollPolicy",),
    "policies.retry": ("RetryPolicy",),
    "result": (
        "Err",
        "Meta",
        "Ok",
        "Result",
        "is_err",
        "is_ok",
    ),
}
"""The names of each module."""
_MODULES: typing.Final = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> typing.Any:
    """Import a public name at its first use; look the version up in the installed package."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  # takes longer to import than all of this module

        globals()[name] = found = version("fluxbase-jobs")
        return found
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """All public names, also those that are not imported yet."""
    return sorted({*globals(), *__all__})
