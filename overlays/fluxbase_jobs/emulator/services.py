"""What the routes of one emulator work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from .auth.admin_authenticator import AdminCredentials
    from .auth.authenticator import Credentials
    from .auth.tokens import Tokens
    from .clock import Clock
    from .functions.registry import Catalogue
    from .runtime.worker_pool import Workers
    from .settings import Settings
    from .store import ClientKeys, Counting, Functions, Jobs, Logs, ServiceKeys, Users


@frozen
class Services:
    """One emulator's parts."""

    settings: Settings
    clock: Clock
    catalogue: Catalogue
    functions: Functions
    jobs: Jobs
    statistics: Counting
    logs: Logs
    users: Users
    client_keys: ClientKeys
    service_keys: ServiceKeys
    tokens: Tokens
    credentials: Credentials
    admin_credentials: AdminCredentials
    workers: Workers
