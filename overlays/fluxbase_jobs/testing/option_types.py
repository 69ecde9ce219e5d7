"""The keyword arguments of a test server's methods, for type checkers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from types import ModuleType
from typing import Any, TypeAlias, TypedDict

from fluxbase_jobs._context.client_options import SharedOptions as ClientSettings
from fluxbase_jobs._context.credentials import AsyncKey, Key
from fluxbase_jobs.emulator.settings import JobsSwitch

from .clock.virtual_clock import VirtualClock

Handlers: TypeAlias = "Iterable[Callable[..., Any]] | ModuleType | str | os.PathLike[str]"


class ServerOptions(TypedDict, total=False):
    """Those of Server, which says what they mean."""

    functions: Handlers
    profile: str
    clock: VirtualClock
    patience: float | timedelta
    jwt_secret: str
    database: str | os.PathLike[str]
    poll_interval: float | timedelta
    worker_timeout: float | timedelta
    workers: int
    jobs_per_worker: int
    rate_limit: int | None
    jobs: JobsSwitch


class ClientOptions(ClientSettings, total=False):
    """Those of `Server.client`: FluxbaseClient's, but for its address."""

    key: Key | None


class AsyncClientOptions(ClientSettings, total=False):
    """Those of `Server.async_client`."""

    key: AsyncKey | None


class FunctionOptions(TypedDict, total=False):
    """Those of the decorator `function`, which says what they mean."""

    namespace: str
    max_retries: int
    timeout: int
    require_roles: Sequence[str]
    enabled: bool
    execution_logs: bool
    description: str | None
    schedule: str | None
