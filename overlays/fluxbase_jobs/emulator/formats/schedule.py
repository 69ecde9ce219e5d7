"""A job function's schedule: a cron expression, and after a `|` the parameters of the jobs that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from .cron import InvalidCronError, Rhythm, read_cron
from .json_text import InvalidJSONError, JSONValue, jsonb_text, normalise, parse
from .timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

_NANOSECONDS = 1_000_000_000
_FORMS = 'write five fields such as "*/5 * * * *", six with the second first, @hourly or "@every 90s"'


class InvalidScheduleError(ValueError):
    """The server takes this schedule and never follows it; the text, one line without the parameters, says why."""


@frozen
class Schedule:
    """When jobs are made, and with which payload."""

    rhythm: Rhythm
    params: Mapping[str, JSONValue] = field(repr=False)

    def next_after(self, ns: int) -> int | None:
        """Return the first moment after this one, both in nanoseconds since 1970; None if there is no further one."""
        return self.rhythm.next_after(ns)

    def payload(self, ns: int) -> str:
        """Return the jsonb text of the payload of a job that is made now; the parameters may replace the server's own.

        Raises:
            NulInTextError: the parameters hold U+0000.

        """
        second = rfc3339(ns // _NANOSECONDS * 1_000_000)
        return jsonb_text(normalise({"_trigger": "cron", "_scheduled_at": second, **self.params}))


def read_schedule(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        InvalidScheduleError: see there.

    """
    # By the last bar, even if that is one inside the parameters: so does the server.
    before, bar, after = text.rpartition("|")
    try:
        return Schedule(read_cron(before), _params(after)) if bar else Schedule(read_cron(text), {})
    except InvalidCronError as error:
        expression, _, params = text.partition("|")
        reason = "the parameters may hold no |" if "|" in params else error
        message = f"schedule {expression!r} cannot be followed ({reason}): {_FORMS}"
        raise InvalidScheduleError(message) from error


def _params(text: str) -> Mapping[str, JSONValue]:
    try:
        params = parse(text.encode("utf-8", "surrogatepass"))
    except InvalidJSONError:
        params = text
    if isinstance(params, dict | None):
        return params or {}
    message = "what follows the last | is no JSON object"
    raise InvalidCronError(message)
