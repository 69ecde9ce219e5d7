"""The emulator's state: one SQLite database, one module for each kind of record."""

from __future__ import annotations

from .client_keys import ClientKey, ClientKeys
from .database import Database, UnusableDatabaseError
from .functions import Functions, StoredFunction
from .idempotency import IdempotencyKeys, KeyRecord, StoredResponse
from .jobs import Job, JobFilter, Jobs
from .logs import Logs
from .service_keys import NameTakenError, ServiceKey, ServiceKeys
from .statistics import JobStatistics
from .users import EmailTakenError, User, Users

__all__ = [
    "ClientKey",
    "ClientKeys",
    "Database",
    "EmailTakenError",
    "Functions",
    "IdempotencyKeys",
    "Job",
    "JobFilter",
    "JobStatistics",
    "Jobs",
    "KeyRecord",
    "Logs",
    "NameTakenError",
    "ServiceKey",
    "ServiceKeys",
    "StoredFunction",
    "StoredResponse",
    "UnusableDatabaseError",
    "User",
    "Users",
]
