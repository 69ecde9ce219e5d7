"""The endpoints that exist twice, once for every caller and once for admins, so that one plan serves both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from ..models.jobs import Job
from . import admin, jobs
from .jobs import Page
from .operation import Operation


@frozen(kw_only=True)
class JobEndpoints:
    """What both have in common."""

    get: Callable[[object], Operation[Job]]
    list: Callable[[Page], Operation[list[Job]]]
    cancel: Callable[[object], Operation[None]]
    retry: Callable[[object], Operation[None]]


USER_ENDPOINTS: Final = JobEndpoints(get=jobs.get, list=jobs.list_, cancel=jobs.cancel, retry=jobs.retry)
ADMIN_ENDPOINTS: Final = JobEndpoints(get=admin.get, list=admin.list_, cancel=admin.cancel, retry=admin.retry)
