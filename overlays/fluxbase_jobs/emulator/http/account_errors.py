"""Errors of the routes that create accounts and keys. April servers add a code and the request id to them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from ..formats.body_fields import InvalidBodyError
from ..services import Services
from .endpoints import Call, Handler
from .responses import coded_error, error


def account_error(services: Services, call: Call, status: int, message: str, code: str) -> Response:
    """An error in the form of the server version."""
    if services.settings.profile.auth_errors_have_codes:
        return coded_error(call.request, status, message, code)
    return error(status, message)


def internal_error(services: Services, call: Call, message: str, detail: str) -> Response:
    """A 500 in the form of the server version; March servers add the detail."""
    if services.settings.profile.auth_errors_have_codes:
        return coded_error(call.request, 500, message, "INTERNAL_ERROR")
    return error(500, f"{message}: {detail}")


def with_body_errors(services: Services, handler: Callable[[Services, Call], Response]) -> Handler:
    """Make a handler answer 400 to bodies that it cannot read."""

    def handle(call: Call) -> Response:
        try:
            return handler(services, call)
        except InvalidBodyError:
            return account_error(services, call, 400, "Invalid request body", "INVALID_REQUEST_BODY")

    return handle
