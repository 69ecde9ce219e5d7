"""Listing jobs: filters, pages and invalid parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.servers.emulator_in_process import Client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

FUTURE = "2100-01-02T03:04:05Z"


@pytest.fixture(scope="module")
def shelf() -> Iterator[Client]:
    """Five scheduled jobs on an emulator of their own; n = 0 is the oldest."""
    with serving() as running, running.client() as client:
        for n in range(5):
            client.queue("echo", {"n": n}, priority=n, scheduled_at=FUTURE)
        client.queue("steps", scheduled_at=FUTURE)
        yield client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 4, 3, 2, 1, 0]),
        ("?limit=2", [0, 4]),
        ("?limit=2&offset=1", [4, 3]),
        ("?limit=0", [0, 4, 3, 2, 1, 0]),
        ("?limit=-1&offset=3", [0, 4, 3, 2, 1, 0]),
        ("?limit=abc&offset=5", [0]),
        ("?limit=1.5", [0, 4, 3, 2, 1, 0]),
        ("?limit=9223372036854775808&offset=4", [1, 0]),
        ("?limit=1&offset=-5", [0]),
        (f"?limit={'1' * 5000}&offset=5", [0]),
        ("?limit=1&limit=3", [0]),
        ("?offset=9", None),
        ("?status=pending&limit=1", [0]),
        ("?status=PENDING", None),
        ("?job_name=steps", [0]),
        ("?name=steps&limit=3", [0, 4, 3]),
        ("?namespace=nope", None),
    ],
)
def test_list(shelf: Client, query: str, found: list[int] | None) -> None:
    """Lists are newest first, null if empty, and ignore invalid parameters."""
    body = shelf.get(f"/api/v1/jobs{query}").json()

    assert (body["jobs"] and [job["priority"] for job in body["jobs"]]) == found
    assert list(body) == ["jobs", "limit", "offset"]


def test_list_form(client: Client) -> None:
    """Items have no payload, and a result only for `include_result=true`."""
    client.run("echo", {"n": 1})

    assert "payload" not in client.listed(limit=1, include_result="true")[0]
    assert client.listed(limit=1, include_result="true")[0]["result"] == '{"echo": {"n": 1}}'
    assert "result" not in client.listed(limit=1, include_result=1)[0]
