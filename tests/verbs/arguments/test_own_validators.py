"""Pydantic's models whose own validators do not take their values again: sent where their types and limits hold, and refused elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import InitVar
from functools import partial
from ipaddress import IPv4Address
from typing import Annotated, Any, Final

import pydantic
import pytest
from fluxbase_jobs import FluxbaseClient
from pydantic import dataclasses

from tests.support.sent_payloads import refusal, sent
from tests.support.servers.local_server import LocalServer


def split(text: str, separator: str = ",") -> list[str]:
    """What most validators here do; a list has no such method."""
    return text.split(separator)


Split = Annotated[list[str], pydantic.BeforeValidator(split)]


class Holding(pydantic.BaseModel):
    held: Any


class Tagged(pydantic.BaseModel):
    tags: Split
    size: int = pydantic.Field(default=1, ge=0)


class Renamed(pydantic.BaseModel):
    user_id: int = pydantic.Field(alias="userId")

    @pydantic.model_validator(mode="before")
    @classmethod
    def check(cls, given: Any) -> Any:
        """By the names that are on the wire."""
        if "userId" not in given:
            raise ValueError("no user")
        return given


class Span(pydantic.BaseModel):
    start: int
    end: int

    @pydantic.model_validator(mode="before")
    @classmethod
    def read(cls, given: Any) -> Any:
        """From one field that holds both."""
        return {"start": given["span"][0], "end": given["span"][1]}

    @pydantic.model_validator(mode="after")
    def check(self) -> Span:
        """The values themselves."""
        if self.end < self.start:
            raise ValueError("ends before it starts")
        return self


class Percent(pydantic.BaseModel):
    share: Annotated[float, pydantic.BeforeValidator(lambda share: share * 100)] = pydantic.Field(le=100)


class Contextual(pydantic.BaseModel):
    name: str

    @pydantic.field_validator("name")
    @classmethod
    def check(cls, name: str, info: pydantic.ValidationInfo) -> str:
        """With what the caller of the validation gives."""
        if not info.context:
            raise ValueError("no context")
        return name


@dataclasses.dataclass
class Summed:
    total: int
    more: InitVar[int]

    def __post_init__(self, more: int) -> None:
        self.total += more


class Negated(pydantic.BaseModel):
    size: int

    def model_post_init(self, context: Any, /) -> None:  # noqa: ARG002  # pydantic's
        """Once."""
        if self.size < 0:
            raise ValueError("negative")
        self.size = -self.size


class Names(pydantic.RootModel[list[str]]):
    @pydantic.model_validator(mode="before")
    @classmethod
    def read(cls, given: Any) -> Any:
        """Of one text."""
        return given.split()


class Words(pydantic.BaseModel):
    words: Annotated[Any, pydantic.AfterValidator(lambda text: text.split())]


class Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)
    name: str

    def __init__(self, text: str) -> None:
        super().__init__(name=text)


class Event(pydantic.BaseModel):
    """Its fields are called as the parts of pydantic's own description of a model are."""

    type: str
    default: Split
    metadata: Split
    post_init: int = pydantic.Field(default=1, ge=1)
    function: int = 1


@dataclasses.dataclass
class EventData:
    type: str
    serialization: Split


class Wrapped(pydantic.BaseModel):
    tags: Annotated[list[str], pydantic.WrapValidator(lambda text, read: read(split(text)))]


class Plain(pydantic.BaseModel):
    tags: Annotated[list[str], pydantic.PlainValidator(split)]


class Called(pydantic.BaseModel):
    """Its validators are no functions of Python."""

    words: Annotated[list[str], pydantic.BeforeValidator(str.split)]
    tags: Annotated[list[str], pydantic.BeforeValidator(partial(split, separator=";"))]
    name: Annotated[str, pydantic.AfterValidator(str.strip)] = "a"


class Serialized(pydantic.BaseModel):
    tags: Split
    size: int = 1

    @pydantic.field_serializer("size")
    def write(self, size: int) -> str:
        """As text."""
        return f"{size} px"


class Labelled(pydantic.BaseModel):
    tags: Annotated[Split, pydantic.Tag("tags")] | Annotated[int, pydantic.Tag("number")]


def known(name: str, info: pydantic.ValidationInfo) -> str:
    """Whether the caller of the validation knows the name."""
    if name not in (info.context or ()):
        raise ValueError("unknown")
    return name


class Known(pydantic.BaseModel):
    name: Annotated[str, pydantic.AfterValidator(known)]


def above(high: int, info: pydantic.ValidationInfo) -> int:
    """Whether it is above the other limit."""
    if high < info.data["low"]:
        raise ValueError("too low")
    return high


class Limits(pydantic.BaseModel):
    tags: Split
    low: int
    high: Annotated[int, pydantic.AfterValidator(above)]


class Hosted(pydantic.BaseModel):
    """Pydantic itself validates an address and a URL with functions, and some limits."""

    tags: Split
    host: IPv4Address
    url: pydantic.HttpUrl


class Limited(pydantic.BaseModel):
    words: Annotated[Any, pydantic.AfterValidator(split)]
    few: Annotated[Any, pydantic.Field(max_length=2)]


class Tree(pydantic.BaseModel):
    size: int
    children: list[Tree] = []

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def read(cls, given: Any, handler: pydantic.ModelWrapValidatorHandler[Tree]) -> Tree:
        """Of a text in the place of its size."""
        return handler({"size": len(given["text"]), "children": given["children"]})


def made(kind: Any, **given: object) -> Any:
    """A model of raw input."""
    return kind.model_validate(given)


def tree() -> Tree:
    """Of two levels."""
    return Tree.model_validate({"text": "abc", "children": [{"text": "a", "children": []}]})


def hosted() -> Hosted:
    """One that is valid."""
    return Hosted.model_validate({"tags": "a", "host": "127.0.0.1", "url": "https://example.com"})


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (made(Tagged, tags="a,b"), {"tags": ["a", "b"], "size": 1}),
        ({"inner": [made(Tagged, tags="a,b")]}, {"inner": [{"tags": ["a", "b"], "size": 1}]}),
        (Holding(held=made(Tagged, tags="a")), {"held": {"tags": ["a"], "size": 1}}),
        (made(Renamed, userId=1), {"userId": 1}),
        (Span.model_validate({"span": (1, 2)}), {"start": 1, "end": 2}),
        (made(Percent, share=0.5), {"share": 50.0}),
        (Contextual.model_validate({"name": "a"}, context={"b": 1}), {"name": "a"}),
        (Summed(1, 2), {"total": 3}),
        (made(Negated, size=2), {"size": -2}),
        (made(Words, words="a b"), {"words": ["a", "b"]}),
        (Holding(held=Names.model_validate("a b")), {"held": ["a", "b"]}),
        (Frozen("a"), {"name": "a"}),
        (
            Event.model_validate({"type": "a", "default": "b,c", "metadata": "d"}),
            {"type": "a", "default": ["b", "c"], "metadata": ["d"], "post_init": 1, "function": 1},
        ),
        (EventData("a", "b,c"), {"type": "a", "serialization": ["b", "c"]}),  # type: ignore[arg-type]  # raw input
        (made(Wrapped, tags="a,b"), {"tags": ["a", "b"]}),
        (made(Plain, tags="a,b"), {"tags": ["a", "b"]}),
        (made(Called, words="a b", tags="c;d"), {"words": ["a", "b"], "tags": ["c", "d"], "name": "a"}),
        (made(Serialized, tags="a"), {"tags": ["a"], "size": "1 px"}),
        (made(Labelled, tags="a,b"), {"tags": ["a", "b"]}),
        (Known.model_validate({"name": "a"}, context={"a"}), {"name": "a"}),
        (made(Limits, tags="a", low=1, high=2), {"tags": ["a"], "low": 1, "high": 2}),
        (hosted(), {"tags": ["a"], "host": "127.0.0.1", "url": "https://example.com/"}),
        (made(Limited, words="a,b", few=[1]), {"words": ["a", "b"], "few": [1]}),
        (tree(), {"size": 3, "children": [{"size": 1, "children": []}]}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_valid_model_is_sent_that_cannot_be_made_again(
    client: FluxbaseClient, server: LocalServer, payload: object, expected: object
) -> None:
    """Its validators take other input than its values, or what it does not keep."""
    assert sent(client, server, payload) == expected


def changed(model: Any, **changes: object) -> Any:
    """The model with other values, which pydantic does not validate."""
    for name, value in changes.items():
        setattr(model, name, value)
    return model


CHANGED: Final[dict[str, tuple[Callable[[], object], str]]] = {
    "of the wrong type": (lambda: changed(made(Tagged, tags="a"), tags=[1]), "Tagged: Input should be a valid string - at `tags.0`"),
    "beyond a limit": (
        lambda: changed(made(Tagged, tags="a"), size=-1),
        "Tagged: Input should be greater than or equal to 0 - at `size`",
    ),
    "text of a number": (
        lambda: changed(made(Tagged, tags="a"), size="1"),
        "Tagged: refused by its own check (PydanticSerializationError)",
    ),
    "against a check of the whole": (lambda: changed(Span.model_validate({"span": (1, 2)}), end=0), "Span: invalid (value_error)"),
    "in an alias": (
        lambda: changed(made(Renamed, userId=1), user_id="x"),
        "Renamed: Input should be a valid integer, unable to parse string as an integer - at `user_id`",
    ),
    "with a context": (
        lambda: changed(Contextual.model_validate({"name": "a"}, context={"b": 1}), name=1),
        "Contextual: Input should be a valid string - at `name`",
    ),
    "a dataclass": (
        lambda: changed(Summed(1, 2), total="x"),
        "Summed: Input should be a valid integer, unable to parse string as an integer - at `total`",
    ),
    "after its initialization": (
        lambda: changed(made(Negated, size=2), size="x"),
        "Negated: Input should be a valid integer, unable to parse string as an integer - at `size`",
    ),
    "a root": (lambda: changed(Names.model_validate("a b"), root=[1]), "Names: Input should be a valid string - at `0`"),
    "in a field called like a part of a schema": (
        lambda: changed(Event.model_validate({"type": "a", "default": "b", "metadata": "c"}), post_init=0),
        "Event: Input should be greater than or equal to 1 - at `post_init`",
    ),
    "inside a wrapping validator": (
        lambda: changed(made(Wrapped, tags="a"), tags=[1]),
        "Wrapped: Input should be a valid string - at `tags.0`",
    ),
    "what is read by a validator alone": (
        lambda: changed(made(Plain, tags="a"), tags={1}),
        "Plain: refused by its own check (PydanticSerializationError)",
    ),
    "beside a builtin": (
        lambda: changed(made(Called, words="a", tags="b"), words=[1]),
        "Called: Input should be a valid string - at `words.0`",
    ),
    "beside a serializer": (
        lambda: changed(made(Serialized, tags="a"), tags=[1]),
        "Serialized: Input should be a valid string - at `tags.0`",
    ),
    "with a context of a function": (
        lambda: changed(Known.model_validate({"name": "a"}, context={"a"}), name=1),
        "Known: Input should be a valid string - at `name`",
    ),
    "against a check of two values": (
        lambda: changed(made(Limits, tags="a", low=1, high=2), high=0),
        "Limits: invalid (value_error) - at `high`",
    ),
    "an address": (lambda: changed(hosted(), host="nowhere"), "Hosted: invalid (ip_v4_address) - at `host`"),
    "a URL": (lambda: changed(hosted(), url="nowhere"), "Hosted: invalid (url_parsing) - at `url`"),
    "beyond a limit of any value": (
        lambda: changed(made(Limited, words="a", few=[1]), few=[1, 2, 3]),
        "Limited: Value should have at most 2 items after validation, not 3 - at `few`",
    ),
    "a tree": (
        lambda: changed(tree(), size="x"),
        "Tree: Input should be a valid integer, unable to parse string as an integer - at `size`",
    ),
    "a tree in a tree": (
        lambda: changed(tree(), children=["x"]),
        "Tree: Input should be a valid dictionary or instance of Tree - at `children.0`",
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_such_a_model_is_refused_once_it_was_changed(client: FluxbaseClient, server: LocalServer, case: str) -> None:
    """Its types, limits and checks of values hold still. The error says so, and no warning of pydantic's beside it."""
    make, message = CHANGED[case]

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert refusal(client, server, make()) == f"payload must be a valid {message}"

    assert warned == []
