"""The faults that the page switches: prepared ones by name, and requests that fail in a way the developer chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from threading import RLock
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from ..faults.defects import Defect
from ..faults.faults import Fault, Faults
from ..faults.frames import FrameFault
from ..profiles import Profile

_Active: TypeAlias = Fault | FrameFault | Defect

_SUBMIT: Final = "POST /api/v1/jobs/submit"
_OPTIONS: Final = ("route", "status", "drop", "delay", "half_body", "times", "skip", "headers")
"""The arguments of `Faults.add` that the page may give."""


class UnusableFaultError(ValueError):
    """The page asks for a fault that does not exist; the message says why."""


@frozen
class _Preset:
    """A prepared fault."""

    name: str
    label: str
    explanation: str
    add: Callable[[Faults], _Active]
    needs: Callable[[Profile], bool] = lambda _: True


_PRESETS: Final = (
    _Preset("submit-503", "Submits answer 503", "The job is not queued.", lambda on: on.add(_SUBMIT, status=503, times=None)),
    _Preset(
        "submit-lost",
        "Answers to submits are lost",
        "The job is queued, and the connection closes without an answer.",
        lambda on: on.add(_SUBMIT, drop="after", times=None),
    ),
    _Preset("unavailable", "Every request answers 500", "Nothing is carried out.", lambda on: on.add("*", status=500, times=None)),
    _Preset(
        "too-many",
        "Every request answers 429",
        "With Retry-After: 2.",
        lambda on: on.add("*", status=429, headers={"Retry-After": "2"}, times=None),
    ),
    _Preset("refused", "Connections close", "Before the request is read.", lambda on: on.add("*", drop="before", times=None)),
    _Preset("slow", "Every answer is 3 s late", "The request is carried out at once.", lambda on: on.add("*", delay=3, times=None)),
    _Preset("half", "Every body breaks off half-way", "After its headers.", lambda on: on.add("*", half_body=True, times=None)),
    _Preset(
        "no-lines",
        "WebSockets lose log lines",
        "The socket stays open.",
        lambda on: on.add_frame_fault("execution_log", drop=True, times=None),
    ),
    _Preset(
        "no-changes",
        "WebSockets lose changes of jobs",
        "The socket stays open.",
        lambda on: on.add_frame_fault("postgres_changes", drop=True, times=None),
    ),
    _Preset("lost-output", "Results are lost", "Jobs complete with {}.", lambda on: on.lose_output(times=None)),
    _Preset("hanging", "Jobs stay running after their end", "As where the database refuses it.", lambda on: on.hang_jobs(times=None)),
    _Preset(
        "denied",
        "Jobs that exist are denied",
        "Half of all reads of a job answer 404.",
        lambda on: on.deny_jobs(share=0.5),
        needs=lambda profile: profile.spoils_connections,
    ),
)


@frozen
class _Switched:
    """A fault that the page has switched on."""

    number: int
    preset: str | None
    label: str
    fault: _Active


class FaultSwitches:
    """The faults of one emulator that its page switches on and off.

    Args:
        faults: the emulator's faults.
        profile: the server version.
    """

    def __init__(self, faults: Faults, profile: Profile) -> None:
        self._faults = faults
        self._presets = {preset.name: preset for preset in _PRESETS if preset.needs(profile)}
        self._switched: dict[int, _Switched] = {}
        self._numbers = count(1)
        self._lock = RLock()

    def shown(self) -> dict[str, Any]:
        """All prepared faults, and those that are on with the number of requests that they have met."""
        with self._lock:
            active = [
                {"number": each.number, "preset": each.preset, "label": each.label, "hits": each.fault.hits}
                for each in self._switched.values()
            ]
        presets = [{"name": each.name, "label": each.label, "explanation": each.explanation} for each in self._presets.values()]
        return {"presets": presets, "active": active}

    def hits(self) -> tuple[tuple[int, int], ...]:
        """The number of each fault that is on, and of the requests that it has met: what changes when the page is out of date."""
        with self._lock:
            return tuple((each.number, each.fault.hits) for each in self._switched.values())

    def switch_on(self, fields: Mapping[str, Any]) -> None:
        """Switch a prepared fault on, `{"preset": name}`, or one with the arguments of `Faults.add`.

        Raises:
            UnusableFaultError: there is no such fault; the message says why.
        """
        name = fields.get("preset")
        if name is None:
            self._add(None, _label(fields), partial(_custom, fields))
        elif preset := self._presets.get(str(name)):
            with self._lock:
                if all(each.preset != preset.name for each in self._switched.values()):
                    self._add(preset.name, preset.label, preset.add)
        else:
            raise UnusableFaultError("there is no prepared fault of this name")

    def switch_off(self, number: int) -> None:
        """Switch a fault off; nothing happens if it is off."""
        with self._lock:
            if switched := self._switched.pop(number, None):
                self._faults.remove(switched.fault)

    def switch_all_off(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._switched.clear()
            self._faults.clear()

    def cut_sockets(self) -> int:
        """Tear all open WebSockets down, and count them."""
        return self._faults.cut_sockets()

    def _add(self, preset: str | None, label: str, add: Callable[[Faults], _Active]) -> None:
        with self._lock:
            try:
                fault = add(self._faults)
            except (TypeError, ValueError) as error:
                raise UnusableFaultError(str(error)) from error
            number = next(self._numbers)
            self._switched[number] = _Switched(number, preset, label, fault)


def _custom(fields: Mapping[str, Any], faults: Faults) -> Fault:
    given: dict[str, Any] = {name: fields[name] for name in _OPTIONS if name in fields}
    return faults.add(given.pop("route", ""), **given)


def _label(fields: Mapping[str, Any]) -> str:
    """What happens to which requests, in one line."""
    effects = [
        f"answers {fields['status']}" if fields.get("status") is not None else "",
        f"closes {cast('str', fields['drop'])} the request is handled" if fields.get("drop") is not None else "",
        f"is {fields['delay']} s late" if fields.get("delay") else "",
        "breaks off half-way" if fields.get("half_body") else "",
    ]
    times = fields.get("times", 1)
    limit = "" if times is None else ", once" if times == 1 else f", {times} times"
    return f"{fields.get('route', '')} {' and '.join(effect for effect in effects if effect)}{limit}"
