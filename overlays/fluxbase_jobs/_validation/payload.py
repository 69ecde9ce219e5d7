"""A job's payload: turned into the JSON text of an object, or refused where JSON or the server would change or lose a part of it."""

from __future__ import annotations

import functools
import marshal
import re
import sys
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from attrs import frozen

from ..errors import InvalidInput
from ..models.declared_types import can_be_read, is_pydantic, read_as, reason
from ..models.shortening import shortened
from .arguments import described, is_a, only_invalid_input, type_name
from .plain_values import plain_tree
from .pydantic_models import Unfit

MAX_BODY_BYTES: Final = 1_048_576
_NO_OBJECT: Final = "payload must be a JSON object (a mapping or a model), or None; got "
# Text that needs the full check in Python: an integer that may be too large, and NUL.
_SUSPICIOUS: Final = re.compile(rb"\d{16}|\\u0000")


@frozen
class TypedPayload:
    """A payload, and the type that it must be of."""

    value: object
    kind: Any


@only_invalid_input
def json_type(name: str, kind: object) -> Any:
    """A type that JSON is read as: the type itself, or InvalidInput. Names in it may be defined later. None stands for its type, as in hints."""
    if kind is None:
        return type(None)
    if not can_be_read(kind):
        raise InvalidInput(
            f"{name} must be an attrs class, dataclass, TypedDict, msgspec.Struct or pydantic model; got {_class_or_value(kind)}"
        )
    return kind


def _class_or_value(given: object) -> str:
    return f"the class {_name(given)}" if isinstance(given, type) else described(given)


def encoded(payload: object) -> bytes | None:
    """The payload as the JSON text of an object, its keys sorted at every level; None for None.

    Sorted keys make equal payloads equal requests: the server refuses an idempotency key that comes with other bytes.

    Arguments:
        payload: a mapping, an instance of an attrs class, dataclass, msgspec.Struct or pydantic model, or None; or a TypedPayload.

    Raises:
        InvalidInput: naming the path and the rule. The encoder can't be the check: it writes NaN as null, and integer keys and bytes as
            text, silently.
    """
    if payload is None:
        return None
    try:
        value, kind = (payload.value, payload.kind) if type(payload) is TypedPayload else (payload, None)
        return _checked(value, kind)
    except InvalidInput:
        raise
    except RecursionError:
        raise InvalidInput(
            f"payload must not be nested deeper than JSON is read and written by Python {sys.version_info.major}.{sys.version_info.minor}, "
            "which is at least 500 levels"
        ) from None
    except Exception as fault:  # noqa: BLE001  # a user's class may raise anything
        raise InvalidInput(f"payload cannot be read: {type_name(fault)}") from None


def _checked(value: object, kind: Any) -> bytes | None:
    if is_pydantic(kind):
        return _encoded_tree(_as_model(value, kind))
    found = _encoded_plain(value) or _encoded_tree(value, kind)
    if kind is not None:
        _check_type(found, kind)
    if value is None:  # which the type takes
        return None
    if not found.startswith(b"{"):
        raise InvalidInput(_NO_OBJECT + type_name(value))
    return found


def _encoded_plain(payload: Any) -> bytes | None:
    """The JSON text of a value that reads back as the same, found without a check in Python; None where that check is needed.

    Whatever the encoder would change (NaN, moments, tuples, keys that are no text) is not equal to what is read back.
    """
    try:
        marshal.dumps(payload)  # fails quickly for what is not of a built-in class: the encoder crashes where an enum contains itself
        text = _encode(payload)
        same = not _SUSPICIOUS.search(text) and msgspec.json.decode(text) == payload
    except Exception:  # noqa: BLE001  # the walk finds what is wrong, and where
        return None
    return text if same else None


def _encoded_tree(value: object, kind: Any = None) -> bytes:
    try:
        tree: object = plain_tree(value, MAX_BODY_BYTES // 2)
    except Unfit as unfit:
        what = "" if kind is None or unfit.steps else f"must be a {_name(kind)}: it "
        raise InvalidInput(f"payload{unfit.path()} {what}{unfit.rule}") from None
    if not isinstance(tree, dict) and kind is None:
        raise InvalidInput(_NO_OBJECT + type_name(value))
    return _encode(cast("Any", tree))


def _check_type(text: bytes, kind: Any) -> None:
    """Raise InvalidInput, naming the place, where the JSON text is not of the type."""
    try:
        read_as(text, kind)
    except RecursionError:
        raise
    except Exception as fault:  # noqa: BLE001  # a user's type may raise anything
        raise InvalidInput(f"payload must be a {_name(kind)}: {reason(fault)}") from None


def _as_model(value: object, kind: Any) -> object:
    """The pydantic model itself, or one made of other values. Raises InvalidInput, naming the place, where they do not fit."""
    if is_a(value, kind):
        return value
    try:
        return cast("object", kind.model_validate(value))
    except RecursionError:
        raise
    except Exception as fault:  # noqa: BLE001  # a user's type may raise anything
        raise InvalidInput(f"payload must be a {_name(kind)}: {reason(fault)}") from None


def _name(kind: Any) -> str:
    return shortened(str(getattr(kind, "__name__", kind)), 60)


_encode: Final[Callable[[object], bytes]] = functools.partial(msgspec.json.encode, order="sorted")
