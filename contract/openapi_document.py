"""Checks recorded exchanges against openapi.yaml."""

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
    """The parsed document."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_bytes())
    return document


def walk(node: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield this node and every node below it with its JSON pointer."""
    yield pointer, node
    for key, child in _children(node):
        yield from walk(child, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the document, with the parameters of its path."""

    name: str
    method: str
    path: re.Pattern[str]
    parameters: tuple[Mapping[str, Any], ...]
    body: Mapping[str, Any] | None
    responses: Mapping[str, Any]


class Description:
    """Finds what in an exchange violates a document; each method yields one message per violation.

    A strict description also reports keys that no schema mentions.
    """

    def __init__(self, document: Mapping[str, Any], *, strict: bool) -> None:
        contents = _with_absolute_references(without_unknown_keys(document) if strict else document)
        self._registry = EMPTY_REGISTRY.with_resource(URI, DRAFT202012.create_resource(contents))
        paths = sorted(contents["paths"].items(), key=lambda item: item[0].count("{"))
        self.operations = tuple(self._operation(path, method, item) for path, item in paths for method in METHODS if method in item)

    def operation_of(self, exchange: Exchange) -> Operation | None:
        """The operation of an exchange; a literal path takes precedence over one with parameters."""
        method = exchange.method.lower()
        matching = (each for each in self.operations if each.method == method and each.path.fullmatch(exchange.path))
        return next(matching, None)

    def request_violations(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        """Find violations in the parameters and the body of a request; additional parameters are allowed."""
        query = parse_qsl(exchange.query, keep_blank_values=True)
        sent = {("query", name): text for name, text in query}
        sent |= {("header", name): text for name, text in exchange.request_headers.items()}
        for parameter in operation.parameters:
            name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
            if (text := sent.get((parameter["in"], name))) is not None:
                yield from self._text_violations(text, parameter, name)
        body = operation.body or {}
        if exchange.request_body is not None or body.get("required"):
            kind = exchange.request_headers.get("content-type")
            yield from self._body_violations(exchange.request_body or "", kind, body.get("content", {}))

    def response_violations(self, operation: Operation, exchange: Exchange) -> Iterator[str]:
        """Find violations in the status, headers and body of a response."""
        if str(exchange.status) not in operation.responses:
            yield f"status {exchange.status} is not described"
            return
        response = self._resolve(operation.responses[str(exchange.status)])
        headers = dict(exchange.response_headers)
        kind = headers.pop("content-type", None)
        yield from self._header_violations(headers, response.get("headers", {}))
        if exchange.body or "content" in response:
            yield from self._body_violations(exchange.body, kind, response.get("content", {}))

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

    def _header_violations(self, headers: Mapping[str, str], described: Mapping[str, Any]) -> Iterator[str]:
        known = {name.lower(): self._resolve(header) for name, header in described.items()}
        for name in known.keys() - headers.keys():
            if known[name].get("required"):
                yield f"header {name} is missing"
        for name, text in headers.items():
            if name in known:
                yield from self._text_violations(text, known[name], name)
            else:
                yield f"header {name} is not described"

    def _body_violations(self, text: str, kind: str | None, content: Mapping[str, Any]) -> Iterator[str]:
        media = content.get((kind or "").partition(";")[0])
        if media is None:
            yield f"a body of type {kind} is not described"
            return
        try:
            value = json.loads(text)
        except ValueError as error:
            yield f"the body is no JSON: {error}"
        else:
            yield from self._value_violations(value, media["schema"], "body")

    def _text_violations(self, text: str, described: Mapping[str, Any], name: str) -> Iterator[str]:
        """Find violations in the text of a header or query parameter, decoded to the schema's type if possible."""
        value: Any = text
        if described["schema"]["type"] != "string":
            try:
                value = json.loads(text)
            except ValueError:
                value = text
        yield from self._value_violations(value, described["schema"], name)

    def _value_violations(self, value: Any, schema: Mapping[str, Any], name: str) -> Iterator[str]:
        validator: Any = Draft202012Validator(schema, registry=self._registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for error in validator.iter_errors(value):
            yield f"{name}{error.json_path[1:]}: {error.message}"

    def _resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """The target of a reference, or the node itself."""
        return cast("Mapping[str, Any]", self._registry.resolver().lookup(node["$ref"]).contents) if "$ref" in node else node


def _children(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from cast("dict[str, Any]", node).items()
    elif isinstance(node, list):
        yield from ((str(index), child) for index, child in enumerate(cast("Sequence[Any]", node)))


def without_unknown_keys(node: Any) -> Any:
    """Copy a schema so that its objects allow no keys beyond those described."""
    if isinstance(node, list):
        return [without_unknown_keys(child) for _, child in _children(node)]
    if not isinstance(node, dict):
        return node
    children = {key: without_unknown_keys(child) for key, child in _children(node)}
    return {**children, "additionalProperties": children.get("additionalProperties", False)} if "properties" in children else children


def _with_absolute_references(node: Any) -> Any:
    """Copy a schema so that its references are absolute."""
    children = {key: _with_absolute_references(child) for key, child in _children(node)}
    if isinstance(node, list):
        return list(children.values())
    if not isinstance(node, dict):
        return node
    if "$ref" in children:
        children["$ref"] = URI + children["$ref"]
    return children
