"""Background jobs on a Fluxbase server: submit, read, list, cancel, retry, logs; sync and async, with `(data, error)` results."""

from ._typed import TypedJob
from .async_jobs import AsyncFluxbaseJobs
from .client import AsyncFluxbaseClient, FluxbaseClient, create_client
from .definitions import AsyncJobDefinition, JobDefinition
from .errors import (
    AuthenticationFailed,
    Conflict,
    ConnectionFailed,
    FluxbaseError,
    InvalidInput,
    InvalidResponse,
    JobCancelled,
    JobError,
    JobFailed,
    NotAllowedInState,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    Rejected,
    RequestTimeout,
    ServerFailed,
    Unprocessable,
    WaitTimeout,
)
from .fetch import AsyncFluxbaseFetch, FluxbaseFetch
from .jobs import FluxbaseJobs
from .models import Job, JobStatus, LogLine, OnBehalfOf, Submission, Tokens
from .poll import PollPolicy
from .result import Err, Meta, Ok, Result, is_err, is_ok
from .retry import RetryPolicy

__all__ = [
    "AsyncFluxbaseClient",
    "AsyncFluxbaseFetch",
    "AsyncFluxbaseJobs",
    "AsyncJobDefinition",
    "AuthenticationFailed",
    "Conflict",
    "ConnectionFailed",
    "Err",
    "FluxbaseClient",
    "FluxbaseError",
    "FluxbaseFetch",
    "FluxbaseJobs",
    "InvalidInput",
    "InvalidResponse",
    "Job",
    "JobCancelled",
    "JobDefinition",
    "JobError",
    "JobFailed",
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
    "RetryPolicy",
    "ServerFailed",
    "Submission",
    "Tokens",
    "TypedJob",
    "Unprocessable",
    "WaitTimeout",
    "create_client",
    "is_err",
    "is_ok",
]
