"""Background jobs on a Fluxbase server: submit, read, list, cancel, retry, logs; sync and async, with `(data, error)` results."""

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
