"""Typed definitions of a server's functions, as the text of a Python module.

The server knows no types. Where a function's code declares its payload and its result as TypeScript interfaces, those are read; elsewhere
payload and result are plain dicts, to be replaced by hand.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from .. import JobFunction

_HEADER: Final = '''"""The job functions of a Fluxbase server with their types, written by `fluxbase-jobs stubs`.

    functions = JobFunctions(client)
    job, error = functions.{example}.run({{...}})
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from fluxbase_jobs import FluxbaseClient, JobDefinition

__all__ = ["JobFunctions"]
'''
_INTERFACE: Final = re.compile(r"(?:interface\s+(\w+)\s*|type\s+(\w+)\s*=\s*)\{([^{}]*)\}")
_FIELD: Final = re.compile(r"^\s*(?:readonly\s+)?[\"']?([A-Za-z_]\w*)[\"']?(\?)?\s*:\s*(.+?)\s*$")
_PAYLOAD: Final = re.compile(r"payload|input|params|args", re.IGNORECASE)
_RESULT: Final = re.compile(r"result|output|response", re.IGNORECASE)
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PLAIN: Final = {"string": "str", "number": "float", "boolean": "bool", "null": "None", "undefined": "None", "object": "dict[str, Any]"}
_ANY: Final = "dict[str, Any]"
_TEXT: Final = re.compile(r"\"[\w .:/-]*\"|'[\w .:/-]*'")


@frozen
class _Definition:
    """A function as it is written."""

    attribute: str
    function: JobFunction
    payload: str
    result: str
    classes: tuple[str, ...]


def module_text(functions: Iterable[JobFunction]) -> str:
    """The module that defines these functions."""
    definitions = _definitions(functions)
    example = definitions[0].attribute if definitions else "name"
    parts = [_HEADER.format(example=example), *(text for each in definitions for text in each.classes), _functions_class(definitions)]
    return "\n\n".join(parts)


def _definitions(functions: Iterable[JobFunction]) -> list[_Definition]:
    """The definitions, each under a name of its own."""
    made: list[_Definition] = []
    names: set[str] = set()
    for function in sorted(functions, key=lambda each: (each.namespace, each.name)):
        attribute = _identifier(function.name)
        if attribute in names:
            attribute = _identifier(f"{function.namespace}_{function.name}")
        while attribute in names:
            attribute += "_"
        names.add(attribute)
        made.append(_definition(attribute, function))
    return made


def _definition(attribute: str, function: JobFunction) -> _Definition:
    code = _COMMENT.sub("", function.original_code or function.code or "")
    interfaces = [(first or second, body) for first, second, body in _INTERFACE.findall(code)]
    classes: list[str] = []

    def declared(pattern: re.Pattern[str], suffix: str) -> str:
        for name, body in interfaces:
            fields = _fields(body)
            if pattern.search(name) and fields:
                kind = "".join(part.title() for part in attribute.split("_")) + suffix
                classes.append(
                    f'class {kind}(TypedDict):\n    """`{name}` of the function {_inside(function.name)}."""\n\n' + "".join(fields)
                )
                return kind
        return _ANY

    payload, result = declared(_PAYLOAD, "Payload"), declared(_RESULT, "Result")
    return _Definition(attribute, function, payload, result, tuple(classes))


def _fields(body: str) -> list[str]:
    """The fields of an interface as those of a TypedDict; none where one is not understood."""
    fields: list[str] = []
    for part in re.split(r"[;,\n]", body):
        if not part.strip():
            continue
        field = _FIELD.match(part)
        if field is None or keyword.iskeyword(field[1]):
            return []
        kind = python_type(field[3])
        fields.append(f"    {field[1]}: {f'NotRequired[{kind}]' if field[2] else kind}\n")
    return fields


def python_type(text: str) -> str:
    """A TypeScript type as a Python annotation; Any where it is not understood."""
    text = text.strip()
    if text in _PLAIN:
        return _PLAIN[text]
    if "|" in text and "<" not in text and "(" not in text:
        return _union([part.strip() for part in text.split("|") if part.strip()])
    if array := re.fullmatch(r"(?:Readonly)?Array<(.+)>|(.+)\[\]", text):
        return f"list[{python_type(array[1] or array[2])}]"
    if _TEXT.fullmatch(text):
        return f"Literal[{text}]"
    return _ANY if text.startswith("Record<string") else "Any"


def _union(parts: Sequence[str]) -> str:
    if all(map(_TEXT.fullmatch, parts)):
        return f"Literal[{', '.join(parts)}]"
    kinds = list(dict.fromkeys(map(python_type, parts)))
    return "Any" if "Any" in kinds else " | ".join(kinds)


def _functions_class(definitions: Sequence[_Definition]) -> str:
    lines = [
        "class JobFunctions:",
        '    """Each function, ready to `submit`, `run` and `read`."""',
        "",
        "    def __init__(self, client: FluxbaseClient) -> None:",
    ]
    if not definitions:
        lines[-1:] = ["    def __init__(self, client: FluxbaseClient) -> None:", '        """The server has no functions."""']
    for each in definitions:
        name, namespace = _literal(each.function.name), _literal(each.function.namespace)
        lines.append(f"        self.{each.attribute}: JobDefinition[{each.payload}, {each.result}] = client.jobs.define(")
        lines.append(f"            {name}, {each.payload}, {each.result}, namespace={namespace}")
        lines.append("        )")
        if each.function.description:
            lines.append(f'        """{_inside(each.function.description)}"""')
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    """Text of the server as a Python string, all in ASCII."""
    return ascii(text)


def _inside(text: str) -> str:
    """Text of the server within a docstring: one line that cannot end it."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def _identifier(name: str) -> str:
    """A function's name as that of an attribute."""
    plain = re.sub(r"[\W_]+", "_", name.lower(), flags=re.ASCII).strip("_") or "function"
    plain = plain if not plain[0].isdigit() else f"f_{plain}"
    return f"{plain}_" if keyword.iskeyword(plain) else plain
