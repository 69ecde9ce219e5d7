"""What the routes of one emulator work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from .auth.authenticator import AdminAuthenticator, Authenticator
    from .auth.tokens import Tokens
    from .clock import Clock
    from .functions.registry import FunctionRegistry
    from .runtime.worker_pool import WorkerPool
    from .settings import Settings
    from .store import ClientKeys, Functions, Jobs, JobStatistics, Logs, ServiceKeys, Users


@frozen
class Services:
    """One emulator's parts."""

    settings: Settings
    clock: Clock
    registry: FunctionRegistry
    functions: Functions
    jobs: Jobs
    statistics: JobStatistics
    logs: Logs
    users: Users
    client_keys: ClientKeys
    service_keys: ServiceKeys
    tokens: Tokens
    authenticator: Authenticator
    admin_authenticator: AdminAuthenticator
    workers: WorkerPool
