"""What a socket is asked for as watchers come and go, and as the server answers."""

from __future__ import annotations

import json
import threading

from fluxbase_jobs._realtime import protocol
from fluxbase_jobs._realtime.subscriptions import HeardLines, Registry, Subscription

LOG_REFUSAL = '{"type":"error","error":"failed to verify execution access"}'
TABLE_REFUSAL = '{"type":"error","error":"table jobs.queue not enabled for realtime"}'


def watching(registry: Registry, job_id: str = "a job") -> Subscription:
    """A new watcher of a job and its log."""
    subscription = Subscription([job_id], threading.Event(), lambda _: True, logs=True)
    registry.add([subscription])
    return subscription


def logs_asked_for(registry: Registry) -> int:
    """How many logs the socket is asked for now."""
    return [json.loads(question)["type"] for question in registry.questions()].count("subscribe_logs")


def refuse(registry: Registry, answer: str = LOG_REFUSAL) -> None:
    """The server refuses a log, or else the changes."""
    for frame in protocol.read(answer):
        registry.receive(frame)


def connected() -> Registry:
    """The subscriptions of an open socket."""
    registry = Registry(HeardLines())
    registry.connect()
    return registry


def test_a_log_that_was_refused_is_asked_for_again_by_the_next_watcher() -> None:
    """The reason may be gone: the server refuses logs when its database fails. The first watcher does not ask again and again."""
    registry = connected()
    first = watching(registry)

    asked = logs_asked_for(registry)
    refuse(registry)
    repeated = logs_asked_for(registry)
    watching(registry)
    by_another = logs_asked_for(registry)
    refuse(registry)
    first.close()
    watching(registry)
    by_a_third = logs_asked_for(registry)

    assert (asked, repeated, by_another, by_a_third) == (1, 0, 1, 1)


def test_a_log_is_asked_for_once_while_the_answer_is_awaited() -> None:
    """However many watch it, also where one of them ends meanwhile."""
    registry = connected()
    first = watching(registry)
    asked = logs_asked_for(registry)

    first.close()
    registry.questions()
    watching(registry)

    assert (asked, logs_asked_for(registry)) == (1, 0)


def test_refused_logs_are_forgotten_with_their_watchers() -> None:
    """A socket may live for weeks."""
    registry = connected()
    for number in range(100):
        subscription = watching(registry, f"job {number}")
        registry.questions()
        refuse(registry)
        refuse(registry, TABLE_REFUSAL)
        subscription.close()
        registry.questions()

    assert not registry
    assert "job " not in repr(registry)
