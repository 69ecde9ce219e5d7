"""The output of `nox -s generate`, file by file: all of openapi.yaml is there, in the generator's usual form, and nothing else."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType, NoneType
from typing import Any, Final, cast, get_args, get_origin

import attrs
import fluxbase_jobs_client
import httpx
import msgspec
import pytest
from fluxbase_jobs_client import AuthenticatedClient, Client, models
from fluxbase_jobs_client.types import UNSET, Response, Unset

from contract import openapi_document
from contract import recordings
from tests.support.servers.local_server import Answer, LocalServer
from contract.openapi_document import Operation

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "generated" / "fluxbase_jobs_client"
FILES: Final = sorted(path for path in (ROOT / "generated").rglob("*") if path.is_file() and path.suffix != ".pyc")
SOURCES: Final = [path for path in FILES if path.suffix == ".py"]

DOCUMENT: Final = openapi_document.load()
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
DESCRIPTION: Final = openapi_document.Description(DOCUMENT, strict=False)
OPERATIONS: Final = {operation.name: operation for operation in DESCRIPTION.operations}
SECURED: Final = {
    node["operationId"]
    for path in DOCUMENT["paths"].values()
    for method, node in path.items()
    if method in openapi_document.METHODS and node["security"]
}
MODULES: Final = [import_module(found.name) for found in walk_packages(fluxbase_jobs_client.__path__, "fluxbase_jobs_client.")]
ENDPOINTS: Final = {
    module.__name__.rpartition(".")[2]: module for module in MODULES if ".api." in module.__name__ and "build_request" in vars(module)
}
MODELS: Final[dict[str, Any]] = {name: getattr(models, name) for name in models.__all__}
CLASSES: Final = {name: model for name, model in MODELS.items() if attrs.has(model)}

FORMS: Final = ("sync", "sync_detailed", "asyncio", "asyncio_detailed")
VALUES: Final = {"string": "a-text", "integer": 7, "boolean": True}
TEXTS: Final = {"string": "a-text", "integer": "7", "boolean": "true"}

every_endpoint = pytest.mark.parametrize("name", ENDPOINTS)
every_class = pytest.mark.parametrize("name", CLASSES)


def _banner() -> str:
    """The value of noxfile.BANNER, read from the file because nox is not installed where the tests run."""
    for statement in ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "BANNER":
            return str(ast.literal_eval(statement.value))
    raise LookupError("noxfile.py has no BANNER")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_each_module_starts_with_the_banner(path: Path) -> None:
    """Once, and the generator left no template error below it."""
    source = path.read_text("utf-8")

    assert source.startswith(_banner())
    assert source.count(_banner()) == 1
    assert "cannot be generated" not in source


def test_package_has_only_modules_and_py_typed() -> None:
    """One package, one empty py.typed."""
    assert [path for path in FILES if path not in SOURCES] == [PACKAGE / "py.typed"]
    assert (PACKAGE / "py.typed").read_bytes() == b""
    assert {path.relative_to(ROOT / "generated").parts[0] for path in FILES} == {PACKAGE.name}


def test_each_operation_has_one_module() -> None:
    """The endpoint modules are named like the operations of openapi.yaml."""
    assert sorted(ENDPOINTS) == sorted(OPERATIONS)
    assert len([path for path in SOURCES if "api" in path.parts and path.name != "__init__.py"]) == len(OPERATIONS)


def test_each_schema_has_one_model() -> None:
    """The classes are the schemas of openapi.yaml; the other models are free-form objects within them."""
    assert set(CLASSES) == set(SCHEMAS)
    assert len([path for path in SOURCES if path.parent.name == "models" and path.name != "__init__.py"]) == len(MODELS)


def _parameters(operation: Operation, *places: str) -> list[Any]:
    return [parameter for parameter in operation.parameters if parameter["in"] in places]


def _names(operation: Operation, *places: str) -> list[str]:
    """The Python names of the operation's parameters in these places."""
    return [parameter["name"].lower().replace("-", "_") for parameter in _parameters(operation, *places)]


def _arguments(operation: Operation, endpoint: ModuleType) -> dict[str, Any]:
    """A value for every parameter, and for the body a model with only the required fields."""
    given: dict[str, Any] = dict.fromkeys(_names(operation, "path"), "../a b?")
    optional = _parameters(operation, "query", "header")
    given |= dict(zip(_names(operation, "query", "header"), (VALUES[each["schema"]["type"]] for each in optional), strict=True))
    if operation.body is not None:
        model = inspect.signature(endpoint.build_request, eval_str=True).parameters["body"].annotation
        given["body"] = model(**{field.name: "text" for field in attrs.fields(model) if field.default is attrs.NOTHING})
    return given


def _call(function: Callable[..., Any], client: AuthenticatedClient, given: dict[str, Any]) -> Any:
    """The return value of one of the four functions; closes the client."""
    if not inspect.iscoroutinefunction(function):
        with client:
            return function(client=client, **given)

    async def call() -> Any:
        async with client:
            return await function(client=client, **given)

    return asyncio.run(call())


@pytest.mark.parametrize("form", FORMS)
@every_endpoint
def test_every_argument_reaches_the_wire(server: LocalServer, name: str, form: str) -> None:
    """Method, path, query, headers and body are those of the operation in all four functions; a described error is parsed as Error."""
    operation, endpoint = OPERATIONS[name], ENDPOINTS[name]
    server.answer(Answer(next(status for status, answer in endpoint.ANSWERS.items() if answer is models.Error), {"error": "no"}))

    answered = _call(getattr(endpoint, form), AuthenticatedClient(server.url, "eyJ.a-token"), _arguments(operation, endpoint))

    assert (answered.parsed if form.endswith("_detailed") else answered) == models.Error(error="no")
    (sent,) = server.requests
    assert sent.method == operation.method.upper()
    assert operation.path.fullmatch(sent.path)
    assert sent.path.count("/..%2Fa%20b%3F") == len(_parameters(operation, "path"))
    assert sent.query == {each["name"]: TEXTS[each["schema"]["type"]] for each in _parameters(operation, "query")}
    assert {sent.headers[each["name"].lower()] for each in _parameters(operation, "header")} == {"a-text"}
    assert bool(sent.body) is (operation.body is not None)


@pytest.mark.parametrize("form", ["build_request", *FORMS])
@every_endpoint
def test_signatures_are_those_of_the_generator(name: str, form: str) -> None:
    """Path parameters are positional; client, body and optional parameters are keywords, the latter `X"""
    operation = OPERATIONS[name]
    function = getattr(ENDPOINTS[name], form)
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    optional = [each for each in parameters if each.default is not each.empty]
    positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]

    assert inspect.iscoroutinefunction(function) is form.startswith("asyncio")
    assert positional == _names(operation, "path")
    required = positional + ["client"] * (form in FORMS) + ["body"] * (operation.body is not None)
    assert [each.name for each in parameters if each not in optional] == required
    assert {each.name for each in optional} == set(_names(operation, "query", "header"))
    assert all(each.default is UNSET and Unset in get_args(each.annotation) for each in optional)


@every_endpoint
def test_only_public_operations_take_an_unauthenticated_client(name: str) -> None:
    """Those without `security` in the document."""
    expected = inspect.signature(ENDPOINTS[name].sync, eval_str=True).parameters["client"].annotation

    assert _parts(expected) == ({AuthenticatedClient} if name in SECURED else {AuthenticatedClient, Client})


@every_endpoint
def test_endpoints_declare_their_responses(name: str) -> None:
    """ANSWERS has the described statuses; the return types are the described bodies."""
    endpoint = ENDPOINTS[name]
    bodies = {part for answer in endpoint.ANSWERS.values() for part in _parts(Any if answer is None else answer)}

    assert set(endpoint.ANSWERS) == {int(status) for status in OPERATIONS[name].responses}
    for function in (endpoint.read_response, endpoint.sync_detailed, endpoint.asyncio_detailed):
        returned = inspect.signature(function, eval_str=True).return_annotation
        assert get_origin(returned) is Response
        assert _parts(get_args(returned)[0]) == bodies
    for function in (endpoint.sync, endpoint.asyncio):
        assert _parts(inspect.signature(function, eval_str=True).return_annotation) == bodies | {NoneType}
    assert all(getattr(endpoint, each).__doc__ for each in ("build_request", "read_response", *FORMS))


def _parts(annotation: Any) -> set[Any]:
    """The members of a union, or the single type."""
    return {annotation} if get_origin(annotation) in {None, list, dict} else set(get_args(annotation))


@pytest.mark.parametrize("recording", recordings.RECORDINGS)
def test_every_recorded_response_fills_its_model(recording: str) -> None:
    """No field of a model is empty if the body has a value."""
    for exchange in recordings.load(recording):
        if operation := DESCRIPTION.operation_of(exchange):
            response = httpx.Response(exchange.status, content=exchange.body.encode())
            answered = ENDPOINTS[operation.name].read_response(response, raise_on_unexpected_status=True)
            assert answered == ENDPOINTS[operation.name].read_response(response)
            assert (answered.parsed is None) is (exchange.body in {"", "null"}), exchange.name
            assert list(_unfilled(answered.parsed, exchange.body and exchange.json())) == [], exchange.name


def _unfilled(parsed: object, body: Any) -> Iterator[str]:
    """The fields of a model, and of nested models, that are None although the body has them."""
    if isinstance(parsed, list):
        for item, source in zip(cast("list[object]", parsed), body, strict=True):
            yield from _unfilled(item, source)
    elif attrs.has(type(parsed)):
        model: Any = type(parsed)
        for field in attrs.fields(model):
            value, source = getattr(parsed, field.name), body.get(field.name)
            if value is None and source is not None:
                yield field.name
            yield from _unfilled(value, source)


@every_class
def test_models_are_frozen_and_keyword_only(name: str) -> None:
    """Required fields have no default, and optional ones default to None."""
    fields = attrs.fields(CLASSES[name])
    required = SCHEMAS[name].get("required", [])
    model = CLASSES[name](**{field.name: None for field in fields})

    assert all(field.kw_only for field in fields)
    assert [field.default for field in fields] == [attrs.NOTHING if field.name in required else None for field in fields]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(model, fields[0].name, 1)


@pytest.mark.parametrize("name", MODELS)
def test_models_are_decoded_by_msgspec(name: str) -> None:
    """Each model is a class, or an alias of a dict, and has a decoder."""
    assert name in CLASSES or get_origin(MODELS[name]) is dict
    assert msgspec.json.Decoder(MODELS[name]).type == MODELS[name]


@every_class
def test_model_fields_have_the_names_of_the_wire(name: str) -> None:
    """A field with another name would never be filled."""
    assert {field.name for field in attrs.fields(CLASSES[name])} == set(SCHEMAS[name]["properties"])


@every_class
def test_reprs_hide_secrets_and_payloads(name: str) -> None:
    """A model's repr shows all fields except those marked x-sensitive, which include tokens, passwords and payloads."""
    names = [field.name for field in attrs.fields(CLASSES[name])]
    shown = repr(CLASSES[name](**{each: f"<{each}>" for each in names}))
    hidden = {each for each in names if f"<{each}>" not in shown}

    assert hidden == {key for key, node in SCHEMAS[name]["properties"].items() if node.get("x-sensitive")}
    assert hidden >= {each for each in names if re.search("token|password|secret|payload", each)}
