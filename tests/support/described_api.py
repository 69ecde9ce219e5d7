"""openapi.yaml for schemathesis: generated requests that reach existing data, and checks that allow nothing undeclared.

The document is changed in three ways. Objects allow no keys beyond those described. Ids, names, keys and email addresses are chosen
from the data of a `SeededEmulator`, because a random id only leads to a 404, and a single Idempotency-Key would repeat the first
response. Credentials are not generated but sent by each test for its caller, because most responses would be 401 otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import schemathesis
from schemathesis import CheckContext, Response
from schemathesis.specs.openapi import checks

from contract import openapi_document
from tests.support.servers.seeded_emulator import DISPOSABLE, EMAIL, PASSWORD, PERMANENT, placeholders

# Schemathesis annotates these only in part, which strict type checkers refuse.
Case: TypeAlias = Any
Operation: TypeAlias = Any
_schemathesis: Final[Any] = schemathesis
_checks: Final[Any] = checks
_Test = TypeVar("_Test", bound="Callable[..., None]")

PROTOCOL: Final = frozenset({"content-type", "content-length", "date"})
"""Headers of every HTTP response, which the document does not mention."""

_PARAMETERS: Final[Mapping[str, Sequence[str]]] = {
    "JobId": placeholders("job"),
    "Namespace": [DISPOSABLE, PERMANENT],
    "FunctionName": placeholders("function"),
    "IdempotencyKey": placeholders("key"),
    "Status": ["pending", "running", "completed", "failed", "cancelled", ""],
    "JobName": ["passing", "failing"],
    "ListNamespace": [PERMANENT, "default"],
    "FunctionNamespace": [PERMANENT, "default"],
    "StatsNamespace": [PERMANENT, "default"],
}
_PROPERTIES: Final[Mapping[tuple[str, str], Sequence[str | None]]] = {
    ("SubmitJobRequest", "job_name"): ["passing", "hopeless", "off", "admins", "no-such-function"],
    ("SubmitJobRequest", "namespace"): [PERMANENT, "", None],
    ("OnBehalfOf", "user_id"): ["a-user", "no-user"],
    ("SyncRequest", "namespace"): [DISPOSABLE],
    ("SignUpRequest", "email"): ["a-new-address", EMAIL],
    ("SignInRequest", "email"): [EMAIL],
    ("SignInRequest", "password"): [PASSWORD],
    ("RefreshRequest", "refresh_token"): ["a-refresh-token"],
}


def _document() -> dict[str, Any]:
    document: dict[str, Any] = openapi_document.without_unknown_keys(openapi_document.load())
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
    """Parametrize a test with boundary values of each parameter and key, and random data, for each operation."""
    decorated: _Test = _THOROUGH.parametrize()(test)
    return decorated


def briefly(test: _Test) -> _Test:
    """Parametrize a test with random data for each operation."""
    decorated: _Test = BRIEF.parametrize()(test)
    return decorated


def headers_are_described(_ctx: CheckContext, response: Response, case: Case) -> None:
    """Fail if there are headers that are neither described nor part of HTTP."""
    described = case.operation.responses.find_by_status_code(response.status_code)
    names = {name.lower() for name, _ in described.headers.items()} if described else set[str]()
    if unknown := set(response.headers) - PROTOCOL - names:
        raise AssertionError(f"headers that are not described: {', '.join(sorted(unknown))}")


def bodies_are_described(_ctx: CheckContext, response: Response, case: Case) -> None:
    """Fail if there is a body where none is described."""
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
"""Without the checks that real servers fail: that invalid data is rejected, that other methods are 405, that nothing is 5xx.
The document declares a 5xx only if a recording has it (tests/generated/test_openapi.py)."""
