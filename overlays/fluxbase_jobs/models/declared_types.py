"""JSON text read as a type that a user declares, and why it is not of that type, without any part of the value."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec.inspect

from .shortening import shortened

MAX_PATH: Final = 200
_MSGSPEC: Final = re.compile(r"(?P<text>.*?)(?: - at `(?P<place>.*)`)?", re.DOTALL)
_QUOTING: Final = re.compile(r"(Invalid (?:enum )?value) .*", re.DOTALL)
# What these stand for in pydantic's messages comes from the value or from a user's code.
_QUOTED_CONTEXT: Final = ("{tag}", "{error}", "{encoding_error}", "{error_type}", "{object_ref}")


def is_pydantic(kind: Any) -> bool:
    """Whether a type is a pydantic model: known by its methods, as pydantic is no dependency."""
    return isinstance(kind, type) and hasattr(kind, "model_validate_json") and hasattr(kind, "model_dump")


def is_pydantic_dataclass(kind: Any) -> bool:
    """Whether a type is a dataclass made with pydantic's decorator."""
    return isinstance(kind, type) and "__pydantic_validator__" in vars(kind) and not is_pydantic(kind)


@functools.cache
def adapter_of(kind: Any) -> Any:
    """What validates and writes a dataclass of pydantic's, which is imported by then."""
    return sys.modules["pydantic"].TypeAdapter(kind)


def read_as(text: str | bytes, kind: Any) -> Any:
    """The JSON text as a value of a type. It raises what msgspec, pydantic or the type's own code raises."""
    if is_pydantic(kind):
        return _read_by_pydantic(text, kind.model_validate_json, kind.model_validate)
    if is_pydantic_dataclass(kind):
        return _read_by_pydantic(text, adapter_of(kind).validate_json, adapter_of(kind).validate_python)
    return msgspec.json.decode(text, type=kind, dec_hook=_inner_model)


def _read_by_pydantic(text: str | bytes, from_text: Callable[[Any], Any], from_values: Callable[[Any], Any]) -> Any:
    """JSON text read by pydantic, which reads 200 levels; where there are more, they are decoded before."""
    try:
        return from_text(text)
    except ValueError as fault:
        listed: list[Any] = getattr(fault, "errors", list)()
        if not listed or listed[0]["type"] != "json_invalid":
            raise
        try:
            values: object = msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise fault from None
    return from_values(values)


def _inner_model(kind: Any, value: object) -> object:
    """A pydantic model inside another type, made of its JSON value. Other types that msgspec does not know are left as they are."""
    return read_as(msgspec.json.encode(value), kind) if is_pydantic(kind) else value


def can_be_read(kind: Any) -> bool:
    """Whether JSON can be read as this type. Where names in it are not defined yet, that is not known and assumed."""
    if is_pydantic(kind):
        return True
    try:
        msgspec.json.Decoder(kind)
        found = msgspec.inspect.type_info(kind)
    except (NameError, AttributeError):
        return True
    except TypeError:
        return False
    return not isinstance(found, msgspec.inspect.CustomType) or issubclass(dict, found.cls)


def reason(fault: Exception) -> str:
    """What is wrong and where. A user's own check may quote the value, so that its text is left out."""
    listed: Any = getattr(fault, "errors", None)
    if callable(listed):
        return _pydantic_reason(cast("list[dict[str, Any]]", listed())[0])
    found = _MSGSPEC.fullmatch(str(fault))
    text, place = (found["text"], found["place"]) if found and isinstance(fault, msgspec.MsgspecError) else ("", None)
    if fault.__cause__ is not None or not text:
        text = f"refused by its own check ({type(fault.__cause__ or fault).__name__})"
    return _at(_QUOTING.sub(r"\1", text), place)


def _pydantic_reason(first: dict[str, Any]) -> str:
    template = _templates().get(first["type"])
    quotes = template is None or any(each in template for each in _QUOTED_CONTEXT)
    return _at(f"invalid ({first['type']})" if quotes else first["msg"], ".".join(map(str, first["loc"])))


def _at(text: str, place: str | None) -> str:
    return shortened(text, 200) + (f" - at `{shortened(place, MAX_PATH)}`" if place else "")


@functools.cache
def _templates() -> dict[str, str]:
    """The messages of pydantic's own errors by their type; pydantic is imported by then, as it raised one of them."""
    listed: Any = getattr(sys.modules.get("pydantic_core._pydantic_core"), "list_all_errors", list)
    return {each["type"]: each["message_template_python"] for each in listed()}
