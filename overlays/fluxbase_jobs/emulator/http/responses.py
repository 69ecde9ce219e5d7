"""Response bodies: the server's JSON text and its shapes of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from ..formats.json_text import JSONValue, body_text, go_text

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

JSON_TYPE = "application/json; charset=utf-8"


def json_response(body: JSONValue, status: int = 200) -> Response:
    """Answer with a JSON body whose keys stay in the order given, as those of the server's structs do."""
    return Response(body_text(body), status, media_type=JSON_TYPE)


def sorted_response(body: JSONValue, status: int = 200) -> Response:
    """Answer with a JSON body whose keys are in order of the alphabet, as those of the server's maps are."""
    return Response(go_text(body), status, media_type=JSON_TYPE)


def error(status: int, message: str, /, **extras: JSONValue) -> Response:
    """Answer with the shape of the jobs routes: `{"error": ...}` and what belongs to it, keys sorted."""
    return sorted_response({"error": message, **extras}, status)


def traced_error(request: HTTPConnection, status: int, message: str) -> Response:
    """Answer with the shape of the jobs routes' 500s, which name the request."""
    return error(status, message, request_id=request_id(request))


def coded_error(request: HTTPConnection, status: int, message: str, code: str) -> Response:
    """Answer with the shape of the auth and admin routes: error, code and request id."""
    return json_response({"error": message, "code": code, "request_id": request_id(request)}, status)


def not_found(path: str) -> Response:
    """Answer for a route that does not exist."""
    return error(404, "Not Found", path=path)


def request_id(request: HTTPConnection) -> str:
    """Return the id that the request came with or was given."""
    return str(request.state.request_id)
