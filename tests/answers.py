"""Bodies as the server sends them, cut from the recordings."""

from __future__ import annotations

from typing import Any, Final

from tests.recordings import MARCH, Exchange, load

JOB_ID: Final = "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"


def recorded(scenario: str, label: str, recording: str = MARCH, nth: int = 0) -> Exchange:
    """The nth exchange of that scenario with that label."""
    found = [exchange for exchange in load(recording) if (exchange.scenario, exchange.label) == (scenario, label)]
    return found[nth]


def job(**changes: Any) -> dict[str, Any]:
    """A completed job as `get` answers it, with changes; a change to None takes the key away."""
    body = {**recorded("lifecycle", "poll: completed").json(), "id": JOB_ID, **changes}
    return {key: value for key, value in body.items() if value is not None}


def page(*jobs: dict[str, Any]) -> dict[str, Any]:
    """An envelope of `list`."""
    return {"jobs": list(jobs) or None, "limit": 50, "offset": 0}
