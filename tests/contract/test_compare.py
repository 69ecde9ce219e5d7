"""What agrees with a recording: the same values, or in a race another right answer. One digit more or less does not."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from contract.compare import Comparer, Comparison, Race, race_of
from contract.recordings import APRIL, MARCH, Exchange, load

JOBS = tuple(exchange for exchange in load(MARCH) if exchange.scenario in {"lifecycle", "failures", "ids", "list_filters", "idempotency"})


@cache
def comparer(recording: str, *, lossy: bool) -> Comparer:
    """One for all tests: it learns from the recording, and keeps nothing of an answer."""
    return Comparer(load(recording), lossy=lossy)


def compare(answered: Sequence[Exchange], *, lossy: bool = False, recording: str = MARCH) -> Comparison:
    """Hold these answers against a recording."""
    return comparer(recording, lossy=lossy).compare(answered)


def scenario_of(exchange: Exchange) -> tuple[Exchange, ...]:
    """The exchanges of one's scenario."""
    return tuple(each for each in load(MARCH) if each.scenario == exchange.scenario)


def changed(scenario: str, label: str, change: tuple[str, str] | dict[str, Any]) -> tuple[Exchange, ...]:
    """A scenario's exchanges, one body changed: a text replaced, or keys set (to None: removed)."""
    exchanges = [each for each in load(MARCH) if each.scenario == scenario]
    index = next(index for index, each in enumerate(exchanges) if each.label == label)
    body = exchanges[index].body
    if isinstance(change, tuple):
        assert change[0] in body
        body = body.replace(*change, 1)
    else:
        body = json.dumps({key: value for key, value in {**json.loads(body), **change}.items() if value is not None})
    exchanges[index] = replace(exchanges[index], body=body)
    return tuple(exchanges)


@pytest.mark.parametrize("recording", [MARCH, APRIL])
@pytest.mark.parametrize("lossy", [False, True])
def test_a_recording_agrees_with_itself(recording: str, lossy: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """No exchange is missed, and none differs."""
    comparison = compare(load(recording), lossy=lossy, recording=recording)

    assert (comparison.compared, comparison.different) == (len(load(recording)), 0)
    assert comparison.races == sum(race_of(each.scenario, each.label) is not None for each in load(recording))


@pytest.mark.parametrize(
    ("scenario", "label", "old", "new", "point"),
    [
        ("lifecycle", "submit", '"priority":0', '"priority":1', "body.priority"),
        ("lifecycle", "submit", "9007199254740992", "9007199254740993", "body.payload"),
        ("lifecycle", "poll: completed", "[2, 3]", "[2, 4]", "body.payload"),
        ("lifecycle", "list newest", '"limit":1', '"limit":2', "body.limit"),
        ("lifecycle", "list newest", '"max_duration_seconds":300', '"max_duration_seconds":301', "body.jobs[0].max_duration_seconds"),
        ("progress_and_logs", "logs ", "step 3 of 5", "step 4 of 5", "body.logs[5]"),
        ("failures", "boom: failed", "exit status 1", "exit status 2", "body.error_message"),
        ("failures", "overtime: failed", "after 2s", "after 3s", "body.error_message"),
        ("failures", "get right after retry 1", '"retry_count":1', '"retry_count":2', "body.retry_count"),
        ("schedule", "get", "2030-01-02", "2030-01-03", "body.scheduled_at"),
        ("ids", "get urn:uuid:<id>", '"max_retries":0', '"max_retries":1', "body.max_retries"),
        ("list_filters", "list ?limit=2", '"priority":0', '"priority":1', "body.jobs[0].priority"),
        ("auth_tokens", "signin", '"expires_in":900', '"expires_in":901', "body.expires_in"),
    ],
)
def test_one_digit_is_a_difference(scenario: str, label: str, old: str, new: str, point: str) -> None:
    """The exchange and the place in its body are reported, those of races too."""
    answered = changed(scenario, label, (old, new))
    comparison = compare(answered)

    assert [(each.scenario, each.label) for each in comparison.differences] == [(scenario, label)]
    assert re.sub(r"logs\[\d+\]", "logs[5]", comparison.differences[0].point) == point
    assert f"{len(answered) - 1} of {len(answered)} exchanges agree" in str(comparison)


@pytest.mark.parametrize(
    "exchange", [each for each in JOBS if race_of(each.scenario, each.label) not in {Race.POLL, Race.TOGETHER}], ids=lambda each: each.label
)
def test_another_status_is_a_difference(exchange: Exchange) -> None:
    """Of each exchange that has no other right answer, and of the races between a list or a job and the worker."""
    exchanges = tuple(replace(each, status=each.status + 1) if each is exchange else each for each in scenario_of(exchange))

    assert [each.point for each in compare(exchanges).differences] == ["status"]


STAGES = {
    "pending": {"status": "pending", "result": None, "started_at": None, "completed_at": None, "worker_id": None},
    "running": {"status": "running", "result": None, "completed_at": None, "started_at": "2026-11-23T00:00:00Z"},
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_job_in_a_race_may_be_at_another_stage(stage: str) -> None:
    """Pending, running or completed is right where the request does not wait for the job; elsewhere it is not."""
    assert compare(changed("ids", "get urn:uuid:<id>", STAGES[stage])).differences == ()
    assert compare(changed("lifecycle", "poll: completed", STAGES[stage])).differences != ()


def test_a_stage_in_a_race_is_one_that_was_recorded() -> None:
    """A completed job without its time of completion is none, whichever state the recorded one was in."""
    pending = next(each for each in load(MARCH) if each.label == "get right after retry 1").json()
    ended = {"status": "failed", "error_message": "exit status 1", "started_at": "2026-11-23T00:00:00Z", "worker_id": pending["id"]}
    whole = {**ended, "completed_at": "2026-11-23T00:00:00Z", "progress": pending["progress"], "last_progress_at": "2026-11-23T00:00:00Z"}

    assert compare(changed("failures", "get right after retry 1", whole)).differences == ()
    assert compare(changed("failures", "get right after retry 1", ended)).differences != ()


def test_a_step_may_be_missed_but_not_the_end() -> None:
    """A slow machine polls a job less often; its end is always seen."""
    steps = tuple(each for each in load(MARCH) if not re.search(r": (pending|running)$", each.label))
    ends = tuple(each for each in load(MARCH) if not each.label.endswith(": completed"))

    assert compare(steps).differences == ()
    assert {each.answered for each in compare(ends).differences} == {"not requested"}


def test_polls_are_paired_by_their_job() -> None:
    """Missing the step of one job, and seeing one of the next that was not recorded, is no difference in either."""
    schedule = [each for each in load(MARCH) if each.scenario == "schedule"]
    polls = [index for index, each in enumerate(schedule) if each.label in {"poll: pending", "poll: running"}]
    first, second, running = polls
    assert "scheduled_at" in schedule[second].body
    assert "scheduled_at" not in schedule[first].body

    del schedule[first]
    assert compare(schedule).differences == ()
    schedule[running - 1] = replace(schedule[running - 1], body=schedule[running - 1].body.replace("2020", "2021"))
    assert [each.label for each in compare(schedule).differences] == ["poll: running"]


def test_submits_at_once_may_be_answered_in_any_order() -> None:
    """Each of the eight is a new job, its replay or a conflict; anything else is a difference."""
    eight = tuple(each for each in load(MARCH) if each.label == "parallel")
    replay = next(each for each in load(MARCH) if each.label == "replay")
    others = tuple(each for each in load(MARCH) if each.label != "parallel")

    assert compare((*others, *eight[::-1])).differences == ()
    assert compare((*others, *(replace(replay, label="parallel") for _ in eight))).differences == ()
    assert len(compare((*others, *eight[1:], replace(eight[0], status=500))).differences) == 1


def test_a_server_may_lose_output_where_that_is_allowed() -> None:
    """Real servers lose lines, progress and results of jobs that end while they write; the emulator may not."""
    lost = changed("lifecycle", "poll: completed", {"result": "{}"})
    log = next(each for each in load(MARCH) if each.label == "logs ").json()
    lines = changed("progress_and_logs", "logs ", {"logs": log["logs"][:-2], "count": log["count"] - 2})

    for answered in (lost, lines):
        assert len(compare(answered).differences) == 1
        assert compare(answered, lossy=True).differences == ()
    assert len(compare(changed("progress_and_logs", "logs ", {"count": 1}), lossy=True).differences) == 1
    assert len(compare(changed("progress_and_logs", "logs ", ("step 1 of", "stage 1 of")), lossy=True).differences) == 1
