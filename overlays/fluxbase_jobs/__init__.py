"""Background jobs on a Fluxbase server: submit, read, list, cancel, retry, logs; sync and async, with `(data, error)` results."""

from .client import AsyncFluxbaseClient, FluxbaseClient, create_client
from .errors import (
    AuthenticationFailed,
    Conflict,
    ConnectionFailed,
    FluxbaseError,
    InvalidInput,
    InvalidResponse,
    NotAllowedInState,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    Rejected,
    RequestTimeout,
    ServerFailed,
    Unprocessable,
)
from .fetch import AsyncFluxbaseFetch, FluxbaseFetch
from .jobs import AsyncFluxbaseJobs, FluxbaseJobs
from .models import Job, JobStatus, LogLine, OnBehalfOf, Submission, Tokens
from .result import Err, Meta, Ok, Result, is_err, is_ok

__all__ = [
    "AsyncFluxbaseClient",
    "AsyncFluxbaseFetch",
    "AsyncFluxbaseJobs",
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
    "JobStatus",
    "LogLine",
    "Meta",
    "NotAllowedInState",
    "NotFound",
    "Ok",
    "OnBehalfOf",
    "PayloadTooLarge",
    "PermissionDenied",
    "RateLimited",
    "Rejected",
    "RequestTimeout",
    "Result",
    "ServerFailed",
    "Submission",
    "Tokens",
    "Unprocessable",
    "create_client",
    "is_err",
    "is_ok",
]
