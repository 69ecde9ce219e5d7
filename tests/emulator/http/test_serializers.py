"""The fields of responses come from the emulator's records: they must match the recordings and openapi.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fluxbase_jobs_client.models as described
import pytest
from attrs import fields
from fluxbase_jobs.emulator.profiles import PROFILES
from fluxbase_jobs.emulator.runtime.worker_pool import WorkerRecord
from fluxbase_jobs.emulator.store import Job, StoredFunction

from contract import recordings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fluxbase_jobs.emulator.formats.json_text import JSONValue

RECORDS = [
    (Job, described.Job, "retry_count"),
    (StoredFunction, described.JobFunction, "is_bundled"),
    (WorkerRecord, described.Worker, "max_concurrent_jobs"),
]


def names(model: type) -> list[str]:
    """The names of the fields of a class."""
    return [attribute.name for attribute in fields(model)]


def objects(value: JSONValue) -> Iterator[dict[str, JSONValue]]:
    """Every JSON object in a value."""
    match value:
        case dict():
            yield value
            for item in value.values():
                yield from objects(item)
        case list():
            for item in value:
                yield from objects(item)
        case _:
            pass


@pytest.mark.parametrize(("record", "model", "marker"), RECORDS)
def test_fields_have_the_order_of_the_recordings(record: type, model: type, marker: str) -> None:
    """Every recorded object of the kind has them in the order of the record."""
    exchanges = [exchange for name in PROFILES for exchange in recordings.load(f"recorded-{name}") if exchange.body]
    recorded = [found for exchange in exchanges for found in objects(exchange.json()) if marker in found]

    assert recorded
    for found in recorded:
        assert [name for name in found if name in names(record)] == [name for name in names(record) if name in found]
        assert found.keys() <= set(names(model))


@pytest.mark.parametrize(("record", "model", "marker"), RECORDS)
def test_fields_are_described(record: type, model: type, marker: str) -> None:
    """A record has no field that openapi.yaml does not have."""
    assert marker in names(record)
    assert set(names(record)) <= set(names(model))
