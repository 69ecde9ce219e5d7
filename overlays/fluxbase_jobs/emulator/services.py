"""The parts of one emulator that routes use."""

from __future__ import annotations

from attrs import frozen

from .auth.authenticator import AdminAuthenticator, Authenticator
from .auth.tokens import Tokens
from .clock import Clock
from .faults.defects import Defects
from .functions.registry import FunctionRegistry
from .runtime.worker_pool import WorkerPool
from .settings import Settings
from .store import ClientKeys, Functions, Jobs, JobStatistics, Logs, ServiceKeys, Users


@frozen
class Services:
    """The parts of one emulator."""

    settings: Settings
    clock: Clock

    defects: Defects
    """Those that a test has switched on."""

    registry: FunctionRegistry
    """The functions and the handlers that run them."""
    workers: WorkerPool

    functions: Functions
    """The database table; change it through `registry`, which keeps handlers and table in step."""
    jobs: Jobs
    statistics: JobStatistics
    logs: Logs
    users: Users
    client_keys: ClientKeys
    service_keys: ServiceKeys

    tokens: Tokens
    authenticator: Authenticator
    admin_authenticator: AdminAuthenticator

    has_hints: bool
    """Whether errors say more than the real server's do, in a field of their own, `hint`."""
