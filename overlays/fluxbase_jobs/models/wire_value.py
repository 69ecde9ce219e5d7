"""What jobs, log lines, workers, functions and numbers have in common: they are copied, pickled, printed, and turned into JSON alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, TypeVar, cast

import msgspec.structs

from .decoding import json_value
from .html import html_table

V = TypeVar("V", bound="WireValue")


class WireValue:
    """Methods of the Structs that bodies are decoded to; see `struct_of`.

    What is ours and not on the wire (`LOCAL`) is kept in the instance's `__dict__`: it is neither encoded nor compared.
    """

    __slots__ = ()

    LOCAL: ClassVar[tuple[str, ...]] = ()
    """The names of what is kept in the instance's `__dict__`, beside cached properties."""
    TEXTS: ClassVar[tuple[str, ...]] = ()
    """The names of fields that hold JSON text."""
    PRINTED: ClassVar[tuple[str, ...]] = ()
    """The names of what `repr` shows."""
    COLUMNS: ClassVar[tuple[str, ...]] = ()
    """The names of what a notebook shows, where these are others than `PRINTED`. Neither shows payloads and results."""

    def to_dict(self) -> dict[str, Any]:
        """A plain dict that `json.dumps` takes, with JSON texts decoded and moments as RFC 3339 text."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return {name: json_value(value) if name in self.TEXTS else value for name, value in fields.items()}

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Pairs of names and values, so that `dict(job)` is `job.to_dict()`, as with pydantic's models; FastAPI's encoder uses it."""
        return iter(self.to_dict().items())

    def _local(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in self.LOCAL if name in vars(self)}

    def __copy__(self) -> Self:
        return cast("Self", _restored(type(self), msgspec.json.encode(self), self._local()))

    def __replace__(self, **changes: Any) -> Self:
        made = cast("Self", msgspec.structs.replace(cast("Any", self), **changes))
        vars(made).update(self._local())
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        # As JSON: pickle and deepcopy follow values into one another in Python, and deep ones not to their end.
        return _restored, (type(self), msgspec.json.encode(self), self._local())

    def __rich_repr__(self) -> Iterable[tuple[str, object]]:
        return [(name, getattr(self, name)) for name in self.PRINTED]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def _repr_html_(self) -> str:
        return html_table(self.COLUMNS or self.PRINTED, [self])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """How pydantic, and so FastAPI, takes and writes it: an instance, or the form of `to_dict`; written in that form."""
        from pydantic_core import core_schema  # noqa: PLC0415  # no dependency: whoever calls this has it

        written = core_schema.plain_serializer_function_ser_schema(cls.to_dict)
        return core_schema.no_info_plain_validator_function(cls.from_any, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return cls._json_schema()

    @classmethod
    def _json_schema(cls) -> dict[str, Any]:
        (_, parts) = msgspec.json.schema_components([cls], ref_template="#/$defs/{name}")
        found: dict[str, Any] = {"title": cls.__name__, **_without_references(parts[cls.__name__], parts)}
        found["properties"] |= {name: {} for name in cls.TEXTS}
        return found

    @classmethod
    def from_any(cls, value: object) -> Self:
        """The value itself, or one made of the form of `to_dict`. It raises ValueError for anything else."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a {cls.__name__}, or a mapping of its fields")  # noqa: TRY004  # pydantic collects ValueErrors
        fields = dict(cast("Mapping[str, Any]", value))
        fields |= {name: msgspec.json.encode(fields[name]).decode() for name in cls.TEXTS if fields.get(name) is not None}
        return msgspec.convert(fields, cls, strict=False)


class WireList(list[V]):
    """A list of such values, which a notebook shows as a table; else it is as every list."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        kinds = {type(value) for value in cast("list[object]", self)}
        if len(kinds) != 1 or not issubclass(kinds.pop(), WireValue):  # empty, or changed by the user
            return None
        return html_table(self[0].COLUMNS or self[0].PRINTED, self)


def _restored(kind: type[Any], encoded: bytes, local: dict[str, Any]) -> Any:
    made: Any = msgspec.json.decode(encoded, type=kind)
    made.__dict__.update(local)
    return made


def _without_references(schema: Any, parts: Mapping[str, Any]) -> Any:
    """A JSON schema with the other ones that it refers to in their places."""
    if isinstance(schema, list):
        return [_without_references(each, parts) for each in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = cast("dict[str, Any]", schema)
    if "$ref" in found:
        return _without_references(parts[found["$ref"].rpartition("/")[2]], parts)
    return {key: _without_references(value, parts) for key, value in found.items()}
