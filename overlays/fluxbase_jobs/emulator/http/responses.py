"""Response bodies: the server's JSON text, and the forms of its errors."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from ..formats.json_text import JSONValue, body_text, go_text

JSON_TYPE: Final = "application/json; charset=utf-8"


def json_response(body: JSONValue, status: int = 200) -> Response:
    """A JSON body with its keys in the given order, like those of the server's structs."""
    return Response(body_text(body), status, media_type=JSON_TYPE)


def sorted_response(body: JSONValue, status: int = 200) -> Response:
    """A JSON body with sorted keys, like those of the server's maps."""
    return Response(go_text(body), status, media_type=JSON_TYPE)


def error(status: int, message: str, /, **extras: JSONValue) -> Response:
    """An error of the jobs routes: `{"error": ...}` and more fields, sorted."""
    return sorted_response({"error": message, **extras}, status)


def error_with_request_id(request: HTTPConnection, status: int, message: str) -> Response:
    """A 500 of the jobs routes, which contains the request id."""
    return error(status, message, request_id=request_id(request))


def coded_error(request: HTTPConnection, status: int, message: str, code: str) -> Response:
    """An error of the auth and admin routes: error, code and request id."""
    return json_response({"error": message, "code": code, "request_id": request_id(request)}, status)


def not_found(path: str) -> Response:
    """The response for a path without a route."""
    return error(404, "Not Found", path=path)


def request_id(request: HTTPConnection) -> str:
    """The id that the client sent with the request, or the emulator generated."""
    return str(request.state.request_id)
