"""The emulator's state in one SQLite database."""

from __future__ import annotations

from .database import Database, FullDiskError, UnusableDatabaseError
from .functions import Functions
from .idempotency import IdempotencyKeys, KeyRecord, StoredResponse
from .jobs import JobFilter, Jobs, JobStatistics, Logs, Statistics
from .keys import ClientKeys, NameTakenError, ServiceKeys
from .records import ClientKey, Job, LogLine, ServiceKey, StoredFunction, User
from .users import EmailTakenError, Users

__all__ = [
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
    "StoredResponse",
    "UnusableDatabaseError",
    "User",
    "Users",
]
