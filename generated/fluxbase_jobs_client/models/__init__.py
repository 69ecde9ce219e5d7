# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
"""Contains all the data models used in inputs/outputs"""

from .day_count import DayCount
from .error import Error
from .function_count import FunctionCount
from .job import Job
from .job_function import JobFunction
from .job_page import JobPage
from .job_progress_data import JobProgressData
from .job_stats import JobStats
from .log_entry import LogEntry
from .log_entry_fields import LogEntryFields
from .log_page import LogPage
from .message import Message
from .namespace_list import NamespaceList
from .on_behalf_of import OnBehalfOf
from .refresh_request import RefreshRequest
from .session import Session
from .sign_in_request import SignInRequest
from .sign_up_request import SignUpRequest
from .sign_up_request_user_metadata import SignUpRequestUserMetadata
from .status_count import StatusCount
from .submit_job_request import SubmitJobRequest
from .submit_job_request_payload_type_0 import SubmitJobRequestPayloadType0
from .sync_details import SyncDetails
from .sync_error import SyncError
from .sync_function import SyncFunction
from .sync_options import SyncOptions
from .sync_request import SyncRequest
from .sync_result import SyncResult
from .sync_summary import SyncSummary
from .tokens import Tokens
from .user import User
from .user_app_metadata import UserAppMetadata
from .user_user_metadata import UserUserMetadata
from .worker import Worker

__all__ = (
    "DayCount",
    "Error",
    "FunctionCount",
    "Job",
    "JobFunction",
    "JobPage",
    "JobProgressData",
    "JobStats",
    "LogEntry",
    "LogEntryFields",
    "LogPage",
    "Message",
    "NamespaceList",
    "OnBehalfOf",
    "RefreshRequest",
    "Session",
    "SignInRequest",
    "SignUpRequest",
    "SignUpRequestUserMetadata",
    "StatusCount",
    "SubmitJobRequest",
    "SubmitJobRequestPayloadType0",
    "SyncDetails",
    "SyncError",
    "SyncFunction",
    "SyncOptions",
    "SyncRequest",
    "SyncResult",
    "SyncSummary",
    "Tokens",
    "User",
    "UserAppMetadata",
    "UserUserMetadata",
    "Worker",
)
