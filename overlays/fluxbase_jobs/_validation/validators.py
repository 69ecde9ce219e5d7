"""What still checks a valid pydantic model whose own validators do not take it a second time."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

_RAW_INPUT: Final = frozenset({"function-before", "function-wrap", "function-plain"})
"""Validators that get what the model is made of, which may be another thing than its value."""
_CALLS: Final = frozenset({"post_init", "custom_init", "collect_init_only"})
"""What calls the class's own `__init__` or `__post_init__`."""
_VALUES: Final = frozenset({"default", "expected", "serialization", "metadata", "members"})
"""Parts of a schema that hold values, or that do not validate."""


@functools.lru_cache(maxsize=128)
def without_own_validators(kind: Any, *, after: bool) -> Callable[..., object] | None:
    """A validation function by the class's types and limits alone, without those validators that cannot take its values again.

    These are the ones that read raw input or the context, `__init__`, and what runs after it.

    Arguments:
        kind: a pydantic model or dataclass.
        after: leave out all validators that run after pydantic's own, too.

    Returns:
        The function, with the arguments of pydantic's `validate_python`; None where the class has no such validators.
    """
    reduced = _Reduction(after=after)
    schema = reduced.schema(kind.__pydantic_core_schema__)
    return cast("Callable[..., object]", _validator(schema).validate_python) if reduced.changed else None


def _validator(schema: Any) -> Any:
    """Pydantic's validator by this schema, and not the one that the class in it already has."""
    core: Any = sys.modules["pydantic_core"]  # no dependency: whoever has a model has it
    try:
        return core.SchemaValidator(schema, None, _use_prebuilt=False)
    except TypeError:  # before pydantic 2.12
        return core.SchemaValidator(schema)


class _Reduction:
    """Copies a core schema without the user's validators.

    Attributes:
        changed: whether it has left out anything.
    """

    def __init__(self, *, after: bool) -> None:
        self.changed = False
        self._after = after

    def schema(self, given: Any) -> Any:
        """The schema, or any part of one."""
        if isinstance(given, list | tuple):
            parts = [self.schema(each) for each in cast("Sequence[object]", given) if not self._is_init_only(each)]
            return tuple(parts) if isinstance(given, tuple) else parts
        if not isinstance(given, dict):
            return given
        part = cast("dict[str, Any]", given)
        if not isinstance(part.get("type"), str):  # settings, or schemas by the names of their fields, which may be any
            return {key: self.schema(value) for key, value in part.items()}
        if self._is_left_out(part):
            self.changed = True
            inner = self.schema(part.get("schema", {"type": "any"}))
            return inner | {"ref": part["ref"]} if "ref" in part else inner
        own = {key for key in _CALLS if part.get(key)}
        self.changed |= bool(own)
        return {key: value if key in _VALUES else self.schema(value) for key, value in part.items() if key not in own}

    def _is_init_only(self, field: object) -> bool:
        found = isinstance(field, dict) and cast("dict[str, object]", field).get("init_only") is True
        self.changed |= found
        return found

    def _is_left_out(self, schema: dict[str, Any]) -> bool:
        kind = schema["type"]
        if kind not in {*_RAW_INPUT, "function-after"}:
            return False
        function = schema["function"]["function"]
        if _is_pydantics(function):
            return False
        return kind in _RAW_INPUT or self._after or _reads_context(function)


def _is_pydantics(function: Any) -> bool:
    """Whether pydantic validates a type of the standard library, or a limit, with this function."""
    return str(getattr(getattr(function, "func", function), "__module__", "")).partition(".")[0] == "pydantic"


def _reads_context(function: Any) -> bool:
    """Whether the function reads the `context` of a validation, which a model does not keep."""
    code = getattr(function, "__code__", None)
    return code is not None and "context" in code.co_names
