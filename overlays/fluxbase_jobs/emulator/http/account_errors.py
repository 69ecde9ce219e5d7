"""Refusals of the routes that make accounts and keys: with code and request id since April, the bare text before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluxbase_jobs.emulator.formats.body_fields import InvalidBodyError
from fluxbase_jobs.emulator.http.responses import coded_error, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from fluxbase_jobs.emulator.services import Services

    from .endpoints import Call, Handler


def refused(services: Services, call: Call, status: int, message: str, code: str) -> Response:
    """Return a refusal in the era's form."""
    if services.settings.profile.auth_errors_have_codes:
        return coded_error(call.request, status, message, code)
    return error(status, message)


def failed(services: Services, call: Call, message: str, detail: str) -> Response:
    """Return a 500 in the era's form: March tells why."""
    if services.settings.profile.auth_errors_have_codes:
        return coded_error(call.request, 500, message, "INTERNAL_ERROR")
    return error(500, f"{message}: {detail}")


def reading(services: Services, handler: Callable[[Services, Call], Response]) -> Handler:
    """Return the handler, its service bound, with a refusal for bodies that it cannot read."""

    def read(call: Call) -> Response:
        try:
            return handler(services, call)
        except InvalidBodyError:
            return refused(services, call, 400, "Invalid request body", "INVALID_REQUEST_BODY")

    return read
