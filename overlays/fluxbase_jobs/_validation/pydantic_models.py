"""pydantic's models and dataclasses as payloads. pydantic is no dependency: they are recognized by their attributes."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from ..models.declared_types import MAX_PATH, adapter_of, is_pydantic, is_pydantic_dataclass, reason
from ..models.shortening import shortened

MASKED: Final = "is a masked secret, which would be sent as asterisks; pass its get_secret_value(), or declare a plain str field"
NOT_FINITE: Final = "must be a finite number; JSON has no NaN and no infinity"
NO_OFFSET: Final = "must have an offset; a datetime without one could mean any moment"
_MISSING: Final = object()


class Unfit(Exception):  # a signal inside this package, never seen outside
    """A value that JSON does not have, and the way to it."""

    def __init__(self, rule: str, steps: Iterable[object] = ()) -> None:
        super().__init__(rule)
        self.rule = rule
        self.steps = list(steps)

    def path(self) -> str:
        """The way to the value, like `.a[0]`; its middle is left out where it is long."""
        return shortened("".join(f"[{step}]" if isinstance(step, int) else f".{_printable(str(step))}" for step in self.steps), MAX_PATH)


class Unwritable(Exception):  # a signal inside this package, never seen outside
    """A model that pydantic cannot write as JSON: a value in it is none, or it is nested too deep or in a circle."""


def not_json(kind: str) -> str:
    """What is said of a value of a class that JSON does not have."""
    return f"must be JSON (object, list, text, number, boolean or None); {shortened(kind, 60)} is not"


def no_text_key(kind: str) -> str:
    """What is said of a mapping with a key of this class."""
    return f"has a key that is not text but {shortened(kind, 60)}"


def is_secret(kind: type) -> bool:
    """Whether a type is one of pydantic's secrets, whose JSON is asterisks."""
    return hasattr(kind, "get_secret_value")


def is_written_by_pydantic(kind: type) -> bool:
    """Whether pydantic knows the JSON of values of this class."""
    return is_pydantic(kind) or is_pydantic_dataclass(kind)


def pydantic_values(model: Any) -> object:
    """The model as JSON values, validated again: it may have been changed after its validation.

    What is sent is the model itself, not the one that the check makes: a validator may change a value again each time.

    Raises:
        Unfit: it is not valid now, or holds a value that its JSON would hide or change.
        Unwritable: pydantic cannot write it.
    """
    try:
        dumped = _dump(model, "json", warnings=False)
    except (ValueError, TypeError) as fault:
        too_deep = type(fault) is ValueError  # with a text about a circular reference, also where there is none
        raise Unwritable("nested deeper than pydantic writes JSON" if too_deep else type(fault).__name__) from None
    again = _validated(model, ())
    try:
        if _dump(again, "json", warnings=False) != dumped:
            _dump(model, "json", warnings="error")
    except (ValueError, TypeError) as fault:
        raise Unfit(_invalid(_class(model), fault)) from None
    _refuse_changed(_dump(model, "python", warnings=False), dumped, ())
    return dumped


def fields_of(model: Any) -> dict[str, Any]:
    """The model's values by the names of its fields."""
    extra: dict[str, Any] | None = getattr(model, "__pydantic_extra__", None)
    kind, held = _class(model), cast("dict[str, Any]", vars(model))
    names: Iterable[str] = kind.model_fields if is_pydantic(kind) else [field.name for field in dataclasses.fields(model) if field.init]
    return {name: held[name] for name in names if name in held} | (extra or {})


def _dump(model: Any, mode: str, **options: Any) -> object:
    if is_pydantic_dataclass(_class(model)):
        return cast("object", adapter_of(_class(model)).dump_python(model, mode=mode, by_alias=True, **options))
    return cast("object", model.model_dump(mode=mode, by_alias=True, **options))


def _validated(value: Any, steps: tuple[object, ...]) -> Any:
    """A model built again from its field values, nested models first: pydantic does not validate an existing instance again."""
    kind = _class(value)
    if is_written_by_pydantic(kind):
        root = getattr(kind, "__pydantic_root_model__", False)
        fields = {name: _validated(item, steps if root else (*steps, name)) for name, item in fields_of(value).items()}
        try:
            return _rebuilt(kind, fields["root"] if root else fields, value)
        except (ValueError, TypeError) as fault:
            raise Unfit(_invalid(kind, fault), steps) from None
    if kind in {list, tuple, set, frozenset}:
        return cast("object", kind(_validated(item, (*steps, index)) for index, item in enumerate(value)))
    return {key: _validated(item, (*steps, key)) for key, item in value.items()} if kind is dict else value


def _rebuilt(kind: Any, fields: Any, old: Any) -> Any:
    if is_pydantic_dataclass(kind):
        return adapter_of(kind).validate_python(fields, **_by_name())
    if not _by_name() and isinstance(fields, dict):
        fields = {_alias(kind, name): value for name, value in cast("dict[str, Any]", fields).items()}
    made = kind.model_validate(fields, **_by_name())
    object.__setattr__(made, "__pydantic_private__", getattr(old, "__pydantic_private__", None))
    return made


def _class(value: object) -> Any:
    return type(value)


def _invalid(kind: type, fault: Exception) -> str:
    return f"must be a valid {shortened(kind.__name__, 60)}: {reason(fault)}"


@functools.cache
def _by_name() -> dict[str, Any]:
    """The arguments that make pydantic take fields by their names; before 2.11 it takes them by their aliases alone."""
    model: Any = sys.modules["pydantic"].BaseModel
    return {"by_name": True, "by_alias": False} if "by_name" in inspect.signature(model.model_validate).parameters else {}


def _alias(kind: Any, name: str) -> str:
    alias = kind.model_fields[name].validation_alias if name in kind.model_fields else None
    return alias if isinstance(alias, str) else name


def _refuse_changed(value: object, dumped: object, steps: tuple[object, ...]) -> None:
    """Raise for a value that pydantic's own JSON hides (secrets), loses (NaN) or guesses at, unless the model has a serializer for it."""
    if is_secret(type(value)):
        secret: object = cast("Any", value).get_secret_value()
        if dumped != (secret.decode(errors="replace") if isinstance(secret, bytes) else secret):
            raise Unfit(MASKED, steps)
    elif isinstance(value, Mapping):
        inner = cast("dict[object, object]", dumped) if isinstance(dumped, dict) else {}
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str) and str(key) in inner:
                raise Unfit(no_text_key(type(key).__name__), steps)
            _refuse_changed(item, inner.get(key, inner.get(str(key), _MISSING)), (*steps, key))
    elif isinstance(value, list | tuple | set | frozenset):
        items = cast("list[object]", dumped) if isinstance(dumped, list) else []
        for index, item in enumerate(cast("Iterable[object]", value)):
            _refuse_changed(item, items[index] if index < len(items) else _MISSING, (*steps, index))
        kind = _class(cast("object", value))
        if kind in {set, frozenset} and isinstance(dumped, list):  # in another order in each run of a program
            raise Unfit(not_json(kind.__name__), steps)
    elif rule := _changed(value, dumped):
        raise Unfit(rule, steps)


def _changed(value: object, dumped: object) -> str | None:
    """What is wrong with a single value where its JSON is pydantic's own."""
    if isinstance(value, float) and not math.isfinite(value) and (dumped is None or isinstance(dumped, float)):
        return NOT_FINITE
    if isinstance(value, bytes | bytearray) and dumped == value.decode(errors="replace"):
        return not_json(type(value).__name__)
    if isinstance(value, datetime) and value.utcoffset() is None and isinstance(dumped, str) and _lacks_offset(dumped):
        return NO_OFFSET
    return None


def _lacks_offset(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() is None
    except ValueError:
        return False


def _printable(step: str) -> str:
    step = shortened(step, 60)
    return step if step.isprintable() else repr(step)
