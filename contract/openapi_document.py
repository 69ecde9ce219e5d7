"""openapi.yaml as the judge of recorded exchanges."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import yaml
from jsonschema import Draft202012Validator
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from contract.recordings import Exchange

FILE: Final = Path(__file__).parents[1] / "openapi.yaml"
URI: Final = "urn:fluxbase:openapi"
METHODS: Final = ("get", "put", "post", "patch", "delete")


def load() -> dict[str, Any]:
    """The document as written."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_bytes())
    return document


def walk(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every node below this one with its JSON pointer, itself first."""
    yield place, node
    for key, child in _children(node):
        yield from walk(child, f"{place}/{key.replace('~', '~0').replace('/', '~1')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One described operation, its path's own parameters included."""

    name: str
    method: str
    path: re.Pattern[str]
    parameters: tuple[Mapping[str, Any], ...]
    body: Mapping[str, Any] | None
    responses: Mapping[str, Any]


class Description:
    """What a document says about an exchange; each method that judges yields the faults it finds, in words.

    A strict one also finds keys that no schema mentions.
    """

    def __init__(self, document: Mapping[str, Any], *, strict: bool) -> None:
        contents = _standalone(closed(document) if strict else document)
        self._registry = EMPTY_REGISTRY.with_resource(URI, DRAFT202012.create_resource(contents))
        paths = sorted(contents["paths"].items(), key=lambda item: item[0].count("{"))
        self.operations = tuple(self._operation(path, method, item) for path, item in paths for method in METHODS if method in item)

    def operation_of(self, exchange: Exchange) -> Operation | None:
        """The operation that an exchange belongs to; a literal path goes before one with parameters."""
        method = exchange.method.lower()
        fits = (each for each in self.operations if each.method == method and each.path.fullmatch(exchange.path))
        return next(fits, None)

    def request_faults(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        """What a request has in its parameters and body that is not described; keys that are not described are no fault."""
        query = parse_qsl(exchange.query, keep_blank_values=True)
        sent = {("query", name): text for name, text in query}
        sent |= {("header", name): text for name, text in exchange.request_headers.items()}
        for parameter in operation.parameters:
            name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
            if (text := sent.get((parameter["in"], name))) is not None:
                yield from self._text_faults(text, parameter, name)
        body = operation.body or {}
        if exchange.request_body is not None or body.get("required"):
            kind = exchange.request_headers.get("content-type")
            yield from self._body_faults(exchange.request_body or "", kind, body.get("content", {}))

    def response_faults(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        """What an answer has in its status, headers and body that is not described."""
        if str(exchange.status) not in operation.responses:
            yield f"status {exchange.status} is not described"
            return
        response = self._resolve(operation.responses[str(exchange.status)])
        headers = dict(exchange.response_headers)
        kind = headers.pop("content-type", None)
        yield from self._header_faults(headers, response.get("headers", {}))
        if exchange.body or "content" in response:
            yield from self._body_faults(exchange.body, kind, response.get("content", {}))

    def _operation(self, path: str, method: str, item: Mapping[str, Any]) -> Operation:
        described = item[method]
        return Operation(
            name=described["operationId"],
            method=method,
            path=re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))),
            parameters=tuple(map(self._resolve, item.get("parameters", []) + described.get("parameters", []))),
            body=described.get("requestBody"),
            responses=described["responses"],
        )

    def _header_faults(self, headers: Mapping[str, str], described: Mapping[str, Any]) -> Iterator[str]:
        known = {name.lower(): self._resolve(header) for name, header in described.items()}
        for name in known.keys() - headers.keys():
            if known[name].get("required"):
                yield f"header {name} is missing"
        for name, text in headers.items():
            if name in known:
                yield from self._text_faults(text, known[name], name)
            else:
                yield f"header {name} is not described"

    def _body_faults(self, text: str, kind: str | None, content: Mapping[str, Any]) -> Iterator[str]:
        media = content.get((kind or "").partition(";")[0])
        if media is None:
            yield f"a body of type {kind} is not described"
            return
        try:
            value = json.loads(text)
        except ValueError as error:
            yield f"the body is no JSON: {error}"
        else:
            yield from self._value_faults(value, media["schema"], "body")

    def _text_faults(self, text: str, described: Mapping[str, Any], name: str) -> Iterator[str]:
        """Faults of a header's or query parameter's text, read as the schema's type where it can be."""
        value: Any = text
        if described["schema"]["type"] != "string":
            try:
                value = json.loads(text)
            except ValueError:
                value = text
        yield from self._value_faults(value, described["schema"], name)

    def _value_faults(self, value: Any, schema: Mapping[str, Any], name: str) -> Iterator[str]:
        judge: Any = Draft202012Validator(schema, registry=self._registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for error in judge.iter_errors(value):
            yield f"{name}{error.json_path[1:]}: {error.message}"

    def _resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a node refers to, or itself."""
        return cast("Mapping[str, Any]", self._registry.resolver().lookup(node["$ref"]).contents) if "$ref" in node else node


def _children(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from cast("dict[str, Any]", node).items()
    elif isinstance(node, list):
        yield from ((str(index), child) for index, child in enumerate(cast("Sequence[Any]", node)))


def closed(node: Any) -> Any:
    """A copy whose objects refuse the keys they do not describe."""
    if isinstance(node, list):
        return [closed(child) for _, child in _children(node)]
    if not isinstance(node, dict):
        return node
    children = {key: closed(child) for key, child in _children(node)}
    return {**children, "additionalProperties": children.get("additionalProperties", False)} if "properties" in children else children


def _standalone(node: Any) -> Any:
    """A copy whose references hold outside the document."""
    children = {key: _standalone(child) for key, child in _children(node)}
    if isinstance(node, list):
        return list(children.values())
    if not isinstance(node, dict):
        return node
    if "$ref" in children:
        children["$ref"] = URI + children["$ref"]
    return children
