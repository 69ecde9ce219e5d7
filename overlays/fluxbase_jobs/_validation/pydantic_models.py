"""pydantic's models and dataclasses as payloads. pydantic is no dependency: they are recognized by their attributes."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast
from uuid import uuid4

from ..models.declared_types import MAX_PATH, adapter_of, is_pydantic, is_pydantic_dataclass, reason
from ..models.shortening import shortened
from .validators import without_own_validators

MASKED: Final = "is a masked secret, which would be sent as asterisks; pass its get_secret_value(), or declare a plain str field"
NOT_FINITE: Final = "must be a finite number; JSON has no NaN and no infinity"
NO_OFFSET: Final = "must have an offset; a datetime without one could mean any moment"
_MISSING: Final = object()
_NOTHING: Final[Mapping[str, object]] = {}
_TOO_DEEP: Final = "nested deeper than pydantic writes JSON"
_UPPER_LEVELS: Final = 60
"""Levels of models and containers that pydantic writes at once: each may be two levels to it."""
_MAX_UPPER: Final = 100_000


class Unfit(Exception):  # a signal inside this package, never seen outside
    """A value that JSON does not have, and the way to it."""

    def __init__(self, rule: str, steps: Iterable[object] = ()) -> None:
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
        dumped = _json(model)
    except (ValueError, TypeError) as fault:
        if type(fault) is ValueError:  # with a text about a circular reference, also where there is none
            return _values_of_upper_levels(model)
        raise Unwritable(type(fault).__name__) from None
    _check(model, dumped, _validated(model, (), _NOTHING))
    return dumped


def require_valid(model: Any) -> None:
    """Raise Unfit, with the place, where the model is not valid."""
    _validated(model, (), _NOTHING)


def _check(model: Any, dumped: object, again: Any) -> None:
    """Raise Unfit where the model's JSON hides or changes a value, or is not that of the model that was made of its values again."""
    try:
        if _json(again) != dumped:
            _json(model, warnings="error")
    except (ValueError, TypeError) as fault:
        raise Unfit(_invalid(_class(model), fault)) from None
    _refuse_changed(_dump(model, "python"), dumped, ())


def _values_of_upper_levels(model: Any) -> object:
    """The JSON values of a model that is nested deeper than the 255 levels that pydantic writes: those below are in it as they are."""
    mark = f"{uuid4()} "
    cut = _Cut(mark)
    upper = cut.upper(model, _UPPER_LEVELS)
    try:
        dumped = _json(upper)
    except (ValueError, TypeError):
        raise Unwritable(_TOO_DEEP) from None
    _check(upper, dumped, _Cut(mark).upper(_validated(upper, (), cut.lower), _UPPER_LEVELS))
    restored = cut.restored(dumped)
    if cut.lower:  # a serializer has changed or left out a part that was a mere text to it
        raise Unwritable(_TOO_DEEP)
    return restored


class _Cut:
    """Takes the upper levels of a model, with a text in place of each part below them.

    Attributes:
        lower: the parts by their texts.
    """

    def __init__(self, mark: str) -> None:
        self.lower: dict[str, object] = {}
        self._mark = mark  # what the texts begin with; they end with numbers in the order of the parts
        self._copies = itertools.count()
        self._inside: set[int] = set()

    def upper(self, value: Any, levels: int) -> Any:
        """A copy of the value's upper levels. Raises Unfit where it contains itself, Unwritable where its JSON is not pydantic's own."""
        kind = _class(value)
        is_model = is_written_by_pydantic(kind)
        if kind not in {dict, list, tuple} and not is_model:
            return value
        if not levels:
            text = f"{self._mark}{len(self.lower)}"
            self.lower[text] = value
            return text
        if id(value) in self._inside:
            raise Unfit("must not contain itself")
        if next(self._copies) > _MAX_UPPER:
            raise Unwritable(_TOO_DEEP)
        self._inside.add(id(value))
        made = self._model(value, kind, levels) if is_model else self._container(value, kind, levels)
        self._inside.discard(id(value))
        return made

    def _container(self, value: Any, kind: Any, levels: int) -> Any:
        if kind is dict:
            return {key: self._at(key, item, levels) for key, item in cast("dict[object, object]", value).items()}
        return kind([self._at(index, item, levels) for index, item in enumerate(value)])

    def _at(self, step: object, item: object, levels: int) -> Any:
        try:
            return self.upper(item, levels - 1)
        except Unfit as unfit:
            unfit.steps.insert(0, step)
            raise

    def _model(self, value: Any, kind: Any, levels: int) -> Any:
        decorators = kind.__pydantic_decorators__
        reads_below = decorators.computed_fields or decorators.field_serializers or decorators.model_serializers
        if reads_below or not hasattr(value, "__dict__"):
            raise Unwritable(_TOO_DEEP)
        made = object.__new__(kind)
        for name in ("__pydantic_fields_set__", "__pydantic_private__"):
            if hasattr(value, name):
                object.__setattr__(made, name, getattr(value, name))
        if hasattr(value, "__pydantic_extra__"):
            object.__setattr__(made, "__pydantic_extra__", self.upper(value.__pydantic_extra__, levels))
        object.__setattr__(
            made, "__dict__", {name: self._at(name, item, levels) for name, item in cast("dict[str, object]", vars(value)).items()}
        )
        return made

    def restored(self, dumped: Any) -> object:
        """The JSON values with the parts in place of their texts; what is not found stays in `lower`."""
        if isinstance(dumped, dict):
            return {key: self.restored(item) for key, item in cast("dict[str, object]", dumped).items()}
        if isinstance(dumped, list):
            return [self.restored(item) for item in cast("list[object]", dumped)]
        return self.lower.pop(dumped, dumped)


def fields_of(model: Any) -> dict[str, Any]:
    """The model's values by the names of its fields."""
    extra: dict[str, Any] | None = getattr(model, "__pydantic_extra__", None)
    kind = _class(model)
    if is_pydantic(kind):
        held = cast("dict[str, Any]", vars(model))
        return {name: held[name] for name in kind.model_fields if name in held} | (extra or {})
    names = [field.name for field in dataclasses.fields(model) if field.init]
    return {name: getattr(model, name) for name in names if hasattr(model, name)} | (extra or {})


def _json(model: Any, *, warnings: Any = False) -> object:
    """The values as JSON has them. With `warnings="error"` it raises where the model holds another type than it declares."""
    return _dump(model, "json", warnings=warnings)


def _dump(model: Any, mode: str, *, by_alias: bool = True, warnings: Any = False, **options: Any) -> object:
    dump = adapter_of(_class(model)).dump_python if is_pydantic_dataclass(_class(model)) else _class(model).model_dump
    return cast("object", dump(model, mode=mode, by_alias=by_alias, warnings=warnings, **options))


def _validated(value: Any, steps: tuple[object, ...], lower: Mapping[str, object]) -> Any:
    """A model built again from its field values, nested models first: pydantic does not validate an existing instance again.

    Arguments:
        value: a model or anything in it.
        steps: the way to it.
        lower: what texts stand for in the value.
    """
    kind = _class(value)
    if is_written_by_pydantic(kind):
        fields = {name: _validated(item, steps if _is_root(kind) else (*steps, name), lower) for name, item in fields_of(value).items()}
        try:
            return _rebuilt(kind, _given(kind, fields), value)
        except RecursionError:
            raise
        except Exception as fault:  # noqa: BLE001  # a user's validator may raise anything
            made = _from_own_form(value, kind)
            return _as_it_is(value, fields, fault, steps) if made is None else made
    if kind in {list, tuple, set, frozenset}:
        return cast("object", kind(_validated(item, (*steps, index), lower) for index, item in enumerate(value)))
    if kind is dict:
        return {key: _validated(item, (*steps, key), lower) for key, item in value.items()}
    return lower.get(value, value) if kind is str else value


def _from_own_form(model: Any, kind: Any) -> Any:
    """A model built again from what pydantic says can be read again: fields of the type `Json` as text, not as the value that was in it.

    None where it is not valid so.
    """
    try:
        return _rebuilt(kind, _dump(model, "python", by_alias=False, round_trip=True), model)
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001  # as above
        return None


def _as_it_is(model: Any, fields: dict[str, Any], fault: Exception, steps: tuple[object, ...]) -> Any:
    """The model itself, where its class has validators that do not take its values again, and all other checks do.

    It has to be of the types that it declares, too, which pydantic tells when it writes it.

    Arguments:
        model: a model of which no other can be made.
        fields: its values by name, checked again.
        fault: why none can be made.
        steps: the way to it.
    """
    kind = _class(model)
    given = _by_alias(kind, _given(kind, fields))
    for after in (False, True):
        if after and isinstance(fault, ValueError | TypeError):  # a check that has read the values, and refused them
            break
        validate = without_own_validators(kind, after=after)
        if validate is None:
            continue
        try:
            validate(given, **_by_name())
            _json(model, warnings="error")
        except RecursionError:
            raise
        except Exception as other:  # noqa: BLE001  # as above
            fault = other
        else:
            return model
    raise Unfit(_invalid(kind, fault), steps)


def _is_root(kind: Any) -> bool:
    return is_pydantic(kind) and kind.__pydantic_root_model__


def _given(kind: Any, fields: dict[str, Any]) -> Any:
    """What a model is made of: its values by the names of its fields, or the one value of a root model."""
    return fields["root"] if _is_root(kind) else fields


def _rebuilt(kind: Any, fields: Any, old: Any) -> Any:
    given = _by_alias(kind, fields)
    if is_pydantic_dataclass(kind):
        return adapter_of(kind).validate_python(given, **_by_name())
    made = kind.model_validate(given, **_by_name())
    object.__setattr__(made, "__pydantic_private__", getattr(old, "__pydantic_private__", None))
    return made


def _by_alias(kind: Any, fields: Any) -> Any:
    """The fields by the names that this version of pydantic reads."""
    if _by_name() or not isinstance(fields, dict):
        return fields
    return {_alias(kind, name): value for name, value in cast("dict[str, Any]", fields).items()}


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
    fields = kind.model_fields if is_pydantic(kind) else kind.__pydantic_fields__
    alias = fields[name].validation_alias if name in fields else None
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
            _refuse_changed(item, inner.get(key, _MISSING), (*steps, key))
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
    if isinstance(value, Iterator):  # it can be read once only
        return not_json("an iterator")
    if isinstance(value, Decimal) and not value.is_finite() and dumped == str(value):
        return NOT_FINITE
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
