"""pydantic's models as payloads. pydantic is no dependency: its models are recognized by their methods."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from ..models.declared_types import MAX_PATH, is_pydantic, reason
from ..models.shortening import shortened

MASKED: Final = "is a masked secret, which would be sent as asterisks; pass its get_secret_value(), or declare a plain str field"


class Unfit(Exception):  # a signal inside this package, never seen outside
    """A value that JSON does not have, and the way to it."""

    def __init__(self, rule: str, steps: Iterable[object] = ()) -> None:
        super().__init__(rule)
        self.rule = rule
        self.steps = list(steps)

    def path(self) -> str:
        """The way to the value, like `.a[0]`; its middle is left out where it is long."""
        return shortened("".join(f"[{step}]" if isinstance(step, int) else f".{shortened(str(step), 60)}" for step in self.steps), MAX_PATH)


def is_secret(kind: type) -> bool:
    """Whether a type is one of pydantic's secrets, whose JSON is asterisks."""
    return hasattr(kind, "get_secret_value")


def pydantic_values(model: Any) -> object:
    """The model as JSON values, validated again: it may have been changed after its validation.

    What is sent is the model itself, not the one that the check makes: a validator may change a value again each time.

    Raises:
        Unfit: it is not valid now, or holds a masked secret.
    """
    try:
        dumped = _dump(model, warnings=False)
        if _dump(_validated(model), warnings=False) != dumped:
            _dump(model, warnings="error")
    except (ValueError, TypeError) as fault:
        raise Unfit(f"must be a valid {type(model).__name__}: {reason(fault)}") from None
    _refuse_masked(model.model_dump(mode="python", by_alias=True, warnings=False), dumped, ())
    return dumped


def _dump(model: Any, **options: Any) -> object:
    return cast("object", model.model_dump(mode="json", by_alias=True, **options))


def _validated(value: Any) -> Any:
    """A model built again from its field values, nested models first: pydantic does not validate an existing instance again."""
    kind: Any = cast("Any", type)(value)
    if is_pydantic(kind):
        fields: dict[str, Any] = {name: _validated(item) for name, item in value.__dict__.items() if name in kind.model_fields}
        fields |= getattr(value, "__pydantic_extra__", None) or {}
        given = fields["root"] if getattr(kind, "__pydantic_root_model__", False) else fields
        made = kind.model_validate(given, **_by_name())
        object.__setattr__(made, "__pydantic_private__", getattr(value, "__pydantic_private__", None))
        return made
    if kind in {list, tuple, set, frozenset}:
        return cast("object", kind(map(_validated, value)))
    return {key: _validated(item) for key, item in value.items()} if kind is dict else value


@functools.cache
def _by_name() -> dict[str, Any]:
    """The arguments that make pydantic take fields by their names; before 2.11 it takes them by their aliases alone."""
    model: Any = sys.modules["pydantic"].BaseModel
    return {"by_name": True, "by_alias": False} if "by_name" in inspect.signature(model.model_validate).parameters else {}


def _refuse_masked(value: object, dumped: object, steps: tuple[object, ...]) -> None:
    """Raise for a secret that no serializer of the model's own has written in full."""
    if is_secret(type(value)):
        secret: object = cast("Any", value).get_secret_value()
        if dumped != (secret.decode(errors="replace") if isinstance(secret, bytes) else secret):
            raise Unfit(MASKED, steps)
    elif isinstance(value, Mapping):
        inner = cast("dict[object, object]", dumped) if isinstance(dumped, dict) else {}
        for key, item in cast("Mapping[object, object]", value).items():
            _refuse_masked(item, inner.get(key, inner.get(str(key))), (*steps, key))
    elif isinstance(value, list | tuple | set | frozenset):
        items = cast("list[object]", dumped) if isinstance(dumped, list) else []
        for index, item in enumerate(cast("Iterable[object]", value)):
            _refuse_masked(item, items[index] if index < len(items) else None, (*steps, index))
