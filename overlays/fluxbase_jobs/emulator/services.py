"""What the routes of one emulator work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from .admin_credentials import AdminCredentials
    from .catalogue import Catalogue
    from .clock import Clock
    from .credentials import Credentials
    from .settings import Settings
    from .store import ClientKeys, Counting, Functions, Jobs, Logs, ServiceKeys, Users
    from .tokens import Tokens
    from .workers import Workers


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
