"""Payloads and results of many levels, also of pydantic's models, which it writes 255 levels at once: as elsewhere, or refused in a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final, cast

import msgspec
import pydantic
import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput
from pydantic import dataclasses

from tests.support.sample_responses import job
from tests.support.sent_payloads import refusal, sent
from tests.support.servers.local_server import Answer, LocalServer

CREATED: Final = Answer(201, job(status="pending", result=None))

LINKS: Final = 140
"""Each with a list: 280 levels."""
MOMENT: Final = datetime(2030, 1, 2, tzinfo=UTC)


class Link(pydantic.BaseModel):
    """A model with lists of others; its other fields are written under other names, or as other values."""

    model_config = pydantic.ConfigDict(extra="allow")
    below: Any = []  # whose levels pydantic counts
    at: datetime | None = pydantic.Field(default=None, serialization_alias="At")
    other: Any = None
    card: pydantic.SecretStr | None = None


class TypedLink(pydantic.BaseModel):
    """A model of models, and of no other values."""

    below: TypedLink | None = None
    size: int = pydantic.Field(default=1, ge=1)


@dataclasses.dataclass
class DataLink:
    below: Any
    at: datetime = MOMENT


class Links(pydantic.RootModel[Any]):
    pass


def linked(**fields: Any) -> Link:
    """The first of a chain of links; these are its other fields."""
    below: list[Any] = []
    for _ in range(LINKS - 1):
        below = [Link(below=below)]
    return Link(below=below, **fields)


def typed(**bottom: Any) -> TypedLink:
    """A chain of such links, the last with these fields."""
    made = TypedLink.model_construct(**bottom)
    for _ in range(2 * LINKS):
        made = TypedLink.model_construct(below=made)
    return made


def written(levels: int) -> list[Any]:
    """What is sent of so many links, each in the list of the one above it."""
    below: list[Any] = []
    for _ in range(levels):
        below = [{"below": below, "At": None, "other": None, "card": None}]
    return below


def test_a_deep_model_is_sent_as_pydantic_writes_it(client: FluxbaseClient, server: LocalServer) -> None:
    """Its aliases, moments, texts of any kind and extra fields in the upper levels and below."""
    twice = Link(at=MOMENT, note="twice")  # type: ignore[call-arg]  # an extra field
    extra = {"a": (MOMENT, ["text", "None0", "0", None, True, 1.5])}
    shared: Any = {"below": [], "At": "2030-01-02T00:00:00Z", "other": None, "card": None, "note": "twice"}

    payload = sent(client, server, linked(at=MOMENT, other=[twice, twice], extra=extra, deep=linked(other="low").below))

    assert payload.pop("below") == written(LINKS - 1)
    assert payload.pop("deep") == written(LINKS - 1)
    assert payload == {
        "At": "2030-01-02T00:00:00Z",
        "other": [shared, shared],
        "card": None,
        "extra": {"a": ["2030-01-02T00:00:00Z", ["text", "None0", "0", None, True, 1.5]]},
    }


def test_deep_models_of_every_kind_are_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """Models of one type, dataclasses and root models, and several in one payload."""
    made: Any = DataLink([])
    expected: Any = {"below": [], "at": "2030-01-02T00:00:00Z"}
    for _ in range(LINKS // 2):
        made = DataLink([Links([{"a": made}])])
        expected = {"below": [[{"a": expected}]], "at": "2030-01-02T00:00:00Z"}
    chain: Any = None
    for _ in range(2 * LINKS + 1):
        chain = {"below": chain, "size": 1}

    assert sent(client, server, made) == expected
    assert sent(client, server, {"a": [typed(), Link(other=typed())]})["a"] == [
        chain,
        {"below": [], "At": None, "other": chain, "card": None},
    ]


NO_JSON: Final = "must be JSON (object, list, text, number, boolean or None);"
SECRET: Final = "is a masked secret, which would be sent as asterisks; pass its get_secret_value(), or declare a plain str field"


def doubled() -> list[Any]:
    """A list that is in it as many times as no computer has bits."""
    made: list[Any] = []
    for _ in range(280):
        made = [made, made]
    return made


def ring() -> list[Any]:
    """A list that contains itself."""
    made: list[Any] = [0]
    made.append([made])
    return made


class Sized(pydantic.BaseModel):
    size: int


def changed() -> Sized:
    """A model whose value is no longer of its type."""
    made = Sized(size=1)
    made.size = "SECRET"  # type: ignore[assignment]  # on purpose
    return made


HIDDEN: Final[dict[str, tuple[Any, str]]] = {
    "a set": ([0, {1}], f"[1] {NO_JSON} set is not"),
    "an object": ([0, object()], f"[1] {NO_JSON} object is not"),
    "a secret": ([Link(card=pydantic.SecretStr("SECRET"))], f"[0].card {SECRET}"),
    "a NaN": ([[0, [float("nan")]]], "[0][1][0] must be a finite number; JSON has no NaN and no infinity"),
    "a circle": ({"a": ring()}, ".a[1][0] must not contain itself"),
    "a changed model": (
        {"a": [changed()]},
        ".a[0] must be a valid Sized: Input should be a valid integer, unable to parse string as an integer - at `size`",
    ),
}


@pytest.mark.parametrize("place", ["other", "extra"])
@pytest.mark.parametrize("case", HIDDEN)
def test_a_deep_model_hides_nothing_beside_its_levels(client: FluxbaseClient, server: LocalServer, case: str, place: str) -> None:
    """In its own fields and in extra ones."""
    value, says = HIDDEN[case]

    assert refusal(client, server, {"a": linked(**{place: value})}) == f"payload.a.{place}{says}"


@pytest.mark.parametrize("case", HIDDEN)
def test_a_deep_model_hides_nothing_far_below(client: FluxbaseClient, server: LocalServer, case: str) -> None:
    """Below what pydantic writes at once."""
    value, says = HIDDEN[case]
    made: Any = Link(other=value)
    for _ in range(LINKS):
        made = Link(below=[made])

    message = refusal(client, server, made)

    assert message.startswith("payload.below[0].below[0]")
    assert message.endswith(f".below[0].other{says}")
    assert len(message) < 500


@pytest.mark.parametrize(
    ("bottom", "says"), [({"size": 0}, "greater than or equal to 1"), ({"below": 5}, "a valid dictionary or instance")]
)
def test_a_deep_model_is_validated_again(client: FluxbaseClient, server: LocalServer, bottom: dict[str, Any], says: str) -> None:
    """Down to its last level."""
    message = refusal(client, server, typed(**bottom))

    assert ".below.below must be a valid TypedLink: Input should be" in message
    assert says in message


@pytest.mark.slow
def test_a_deep_model_that_is_in_itself_a_million_times_is_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """Before it fills the memory."""
    message = refusal(client, server, Link(other=doubled()))

    assert message.endswith(" has more than 500,000 values, more than the server takes")


class Computed(Link):
    @pydantic.computed_field
    def levels(self) -> int:
        return str(self.below).count("[")


class WritingField(Link):
    @pydantic.field_serializer("below")
    def write(self, below: list[Any]) -> int:
        """Their number at all levels."""
        return str(below).count("[")


class WritingWhole(Link):
    @pydantic.model_serializer
    def write(self) -> dict[str, Any]:
        """With their number at all levels."""
        return {"below": self.below, "levels": str(self.below).count("[")}


class Counting(Link):
    below: Annotated[Any, pydantic.PlainSerializer(lambda below: str(below).count("["))] = None


class Quoting(Link):
    below: Annotated[Any, pydantic.PlainSerializer(str)] = None


@dataclasses.dataclass(slots=True)
class Slotted:
    below: Any


@pytest.mark.parametrize(
    ("kind", "place"),
    [(Computed, ".below[0]"), (WritingWhole, ".below[0]"), (Slotted, ".below[0]"), (WritingField, ""), (Counting, ""), (Quoting, "")],
)
def test_a_deep_model_whose_json_depends_on_what_is_below_is_refused(
    client: FluxbaseClient, server: LocalServer, kind: Any, place: str
) -> None:
    """Pydantic cannot write it, and a part of it would be another thing. Where a serializer leaves no levels, the model around it."""
    message = refusal(client, server, {"a": Link(below=[kind(below=linked().below), linked()])})

    assert message == f"payload.a{place} cannot be written as JSON by pydantic: nested deeper than pydantic writes JSON"


class Measure(pydantic.BaseModel):
    """What it knows beside its fields."""

    size: int
    unit: str = "px"
    _scale: int = pydantic.PrivateAttr()

    @classmethod
    def of(cls, size: int, scale: int) -> Measure:
        """A measure with a scale."""
        made = cls(size=size)
        made._scale = scale
        return made


class Measured(Link):
    measure: Annotated[
        Measure, pydantic.PlainSerializer(lambda measure: {"size": measure.size * measure._scale, "set": sorted(measure.model_fields_set)})
    ]


def test_what_a_deep_model_knows_beside_its_fields_is_kept(client: FluxbaseClient, server: LocalServer) -> None:
    """Private attributes, and which fields were set, for serializers that read them."""
    payload = sent(client, server, Measured(below=linked().below, measure=Measure.of(2, 10)))

    assert payload["measure"] == {"size": 20, "set": ["size"]}
    assert payload["below"] == written(LINKS - 1)


def nested(levels: int, kind: type) -> Any:
    """An object or a list so many levels deep."""
    made: Any = 1
    for _ in range(levels - 1):
        made = [made] if kind is list else {"a": made}
    return {"a": made}


@pytest.mark.parametrize("kind", [dict, list])
def test_a_payload_may_be_deep(client: FluxbaseClient, server: LocalServer, kind: type) -> None:
    """500 levels go; what Python can't write is refused in a short line, never a RecursionError."""
    server.answer(CREATED)

    client.jobs.submit("resize", nested(500, kind)).unwrap()
    for levels in (20_000, 100_000):
        error = client.jobs.submit("resize", nested(levels, kind)).error
        assert isinstance(error, InvalidInput)
        assert len(error.message) < 200
    assert isinstance(client.jobs.define("resize", dict[str, Any], dict[str, Any]).submit(nested(20_000, kind)).error, InvalidInput)

    assert json.loads(server.requests[0].body)["payload"] == nested(500, kind)
    assert len(server.requests) == 1


class Anything(pydantic.BaseModel):
    inner: Any = None


@dataclasses.dataclass
class SizedTree:
    size: int
    tree: Any


class Chain(pydantic.BaseModel):
    """A model of models, each in the one before it."""

    below: Chain | None = None
    values: list[Any] = []
    card: pydantic.SecretStr | None = None
    size: int = pydantic.Field(default=1, serialization_alias="Size")


def chain(levels: int, **bottom: Any) -> Chain:
    """A chain so many models long."""
    made = Chain(**bottom)
    for _ in range(levels - 1):
        made = Chain(below=made)
    return made


@pytest.mark.parametrize("levels", [254, 256, 300, 500])
def test_models_of_pydantic_may_be_deep(client: FluxbaseClient, server: LocalServer, levels: int) -> None:
    """As deep as any payload, though pydantic itself writes 255 levels and reads 200 of JSON; each is as pydantic writes it."""
    server.answer(*[CREATED] * 5)

    for payload in (Anything(inner=nested(levels, dict)), Anything(inner=nested(levels, list)), chain(levels)):
        client.jobs.submit("resize", payload).unwrap()
    client.jobs.define("resize", Anything, Anything).submit(Anything(inner=nested(levels, dict))).unwrap()
    client.jobs.define("resize", SizedTree, SizedTree).submit(SizedTree(1, nested(levels, dict))).unwrap()

    objects, lists, chained, typed, data = (msgspec.json.decode(request.body)["payload"] for request in server.requests)
    assert objects == typed == {"inner": nested(levels, dict)}
    assert lists == {"inner": nested(levels, list)}
    assert data == {"size": 1, "tree": nested(levels, dict)}
    for _ in range(levels):
        assert (chained["Size"], chained["values"], chained["card"]) == (1, [], None)
        chained = chained["below"]
    assert chained is None


@pytest.mark.parametrize("levels", [300, 500])
def test_results_of_pydantic_may_be_deep(client: FluxbaseClient, server: LocalServer, levels: int) -> None:
    """As payloads may."""
    server.answer(CREATED, Answer(200, job(status="completed", result=msgspec.json.encode({"inner": nested(levels, dict)}).decode())))

    finished = client.jobs.define("resize", dict[str, Any], Anything).run({}).unwrap()

    assert finished.result.inner == nested(levels, dict)


@pytest.mark.slow
def test_a_deep_model_hides_nothing(client: FluxbaseClient, server: LocalServer) -> None:
    """Secrets, changed values, circles and too many levels are refused far below as elsewhere."""
    changed, around = chain(400), chain(400)
    lowest(changed).size = cast("Any", "SECRET")
    lowest(around).below = around

    for payload, says in (
        (chain(400, card="SECRET"), "is a masked secret"),
        (chain(400, values=[b"SECRET"]), "must be JSON"),
        (changed, "must be a valid Chain"),
        (around, "must not contain itself"),
        (Anything(inner=Computed(below=nested(400, list))), "nested deeper than pydantic writes JSON"),
        (chain(30_000), "must not be nested deeper than JSON is read and written by Python"),
    ):
        error = client.jobs.submit("resize", payload).error
        assert isinstance(error, InvalidInput)
        assert says in error.message
        assert "SECRET" not in str(error)
        assert len(str(error)) < 500
    assert server.requests == []


def lowest(found: Chain) -> Chain:
    """The last model of a chain."""
    while found.below is not None:
        found = found.below
    return found
