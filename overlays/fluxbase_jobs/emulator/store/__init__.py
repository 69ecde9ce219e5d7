"""The emulator's state in one SQLite database."""

from __future__ import annotations

from .database import Database, FullDiskError, UnusableDatabaseError
from .functions import Functions
from .idempotency import IdempotencyKeys, KeyRecord, StoredResponse
from .jobs import JobFilter, Jobs, JobStatistics, Logs, Statistics
from .keys import ClientKeys, NameTakenError, ServiceKeys
from .records import Attempt, ClientKey, Job, LogLine, ServiceKey, StoredFunction, StoredLine, User
from .users import EmailTakenError, Users

__all__ = [
    "Attempt",
    "ClientKey",
    "ClientKeys",
    "Database",
    "EmailTakenError",
    "FullDiskError",
    "Functions",
    "IdempotencyKeys",
    "Job",
    "JobFilter",
    "JobStatistics",
    "Jobs",
    "KeyRecord",
    "LogLine",
    "Logs",
    "NameTakenError",
    "ServiceKey",
    "ServiceKeys",
    "Statistics",
    "StoredFunction",
    "StoredLine",
    "StoredResponse",
    "UnusableDatabaseError",
    "User",
    "Users",
]
