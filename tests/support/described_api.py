"""openapi.yaml as schemathesis reads it: requests that reach what there is, and checks that let nothing undeclared pass.

The document is changed in three points. Objects refuse the keys they do not describe. Ids, names, keys and addresses are chosen from
what a `Populated` emulator has: a made-up id only ever shows a 404, and one Idempotency-Key for all hides every answer but the first.
Credentials are not generated, but sent by each test for its caller; else most answers would be 401.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import schemathesis
from schemathesis import CheckContext, Response
from schemathesis.specs.openapi import checks

from contract import openapi_document
from tests.support.seeded_emulator import ADDRESS, KEPT, MADE, PASSWORD, things

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# Schemathesis types these in part only, which strict type checkers refuse.
Case: TypeAlias = Any
Operation: TypeAlias = Any
_schemathesis: Final[Any] = schemathesis
_checks: Final[Any] = checks
_Test = TypeVar("_Test", bound="Callable[..., None]")

PROTOCOL: Final = frozenset({"content-type", "content-length", "date"})
"""Headers of every HTTP answer, which no description names."""

_PARAMETERS: Final[Mapping[str, Sequence[str]]] = {
    "JobId": things("job"),
    "Namespace": [MADE, KEPT],
    "FunctionName": things("function"),
    "IdempotencyKey": things("key"),
    "Status": ["pending", "running", "completed", "failed", "cancelled", ""],
    "JobName": ["passing", "failing"],
    "ListNamespace": [KEPT, "default"],
    "FunctionNamespace": [KEPT, "default"],
    "StatsNamespace": [KEPT, "default"],
}
_PROPERTIES: Final[Mapping[tuple[str, str], Sequence[str | None]]] = {
    ("SubmitJobRequest", "job_name"): ["passing", "hopeless", "off", "admins", "no-such-function"],
    ("SubmitJobRequest", "namespace"): [KEPT, "", None],
    ("OnBehalfOf", "user_id"): ["a-user", "no-user"],
    ("SyncRequest", "namespace"): [MADE],
    ("SignUpRequest", "email"): ["a-new-address", ADDRESS],
    ("SignInRequest", "email"): [ADDRESS],
    ("SignInRequest", "password"): [PASSWORD],
    ("RefreshRequest", "refresh_token"): ["a-refresh-token"],
}


def _document() -> dict[str, Any]:
    document: dict[str, Any] = openapi_document.closed(openapi_document.load())
    del document["x-shared"]
    for operation in _operations(document):
        operation["security"] = []
    components = document["components"]
    for name, values in _PARAMETERS.items():
        components["parameters"][name]["schema"]["enum"] = list(values)
    for (schema, name), choices in _PROPERTIES.items():
        components["schemas"][schema]["properties"][name]["enum"] = list(choices)
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (path[method] for method in openapi_document.METHODS if method in path)


def _schema(*, every_boundary: bool) -> Any:
    settings: dict[str, Any] = {"seed": 1, "phases": {"coverage": {"enabled": every_boundary, "unexpected-methods": []}}}
    return _schemathesis.openapi.from_dict(_document(), config=_schemathesis.Config.from_dict(settings))


_THOROUGH: Final = _schema(every_boundary=True)
BRIEF: Final = _schema(every_boundary=False)


def thoroughly(test: _Test) -> _Test:
    """Give a test, for each operation, each boundary of each parameter and key from both sides, and random data."""
    decorated: _Test = _THOROUGH.parametrize()(test)
    return decorated


def briefly(test: _Test) -> _Test:
    """Give a test random data for each operation."""
    decorated: _Test = BRIEF.parametrize()(test)
    return decorated


def headers_are_described(_ctx: CheckContext, response: Response, case: Case) -> None:
    """Find headers that are neither described nor part of the protocol."""
    described = case.operation.responses.find_by_status_code(response.status_code)
    names = {name.lower() for name, _ in described.headers.items()} if described else set[str]()
    if strangers := set(response.headers) - PROTOCOL - names:
        raise AssertionError(f"headers that are not described: {', '.join(sorted(strangers))}")


def bodies_are_described(_ctx: CheckContext, response: Response, case: Case) -> None:
    """Find a body where none is described."""
    described = case.operation.responses.find_by_status_code(response.status_code)
    if response.content and not (described and described.definition.get("content")):
        raise AssertionError("a body where none is described")


CHECKS: Final[list[Any]] = [
    _checks.status_code_conformance,
    _checks.content_type_conformance,
    _checks.response_headers_conformance,
    _checks.response_schema_conformance,
    headers_are_described,
    bodies_are_described,
]
"""Not among them, as the real servers fail them: that bad data are refused, that other methods are 405, that nothing is 5xx.
Of 5xx only those are declared that a recording shows (tests/generated/test_openapi.py)."""
