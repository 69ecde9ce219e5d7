"""The clock that durations are measured with.

Tests freeze the functions of `time` (freezegun does), in that module and wherever they were imported. A wait that counted on them would
never end, so this takes them from a copy of the module.
"""

from __future__ import annotations

from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from typing import Any, Final


def _unpatched_time() -> Any:
    spec = BuiltinImporter.find_spec("time")
    if spec is None or spec.loader is None:  # not CPython
        import time  # noqa: PLC0415  # the only one there is

        return time
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_monotonic_ns: Final = _unpatched_time().monotonic_ns


def monotonic() -> float:
    """Seconds that pass also where a test has frozen the time."""
    return monotonic_ns() / 1e9


def monotonic_ns() -> int:
    """The same in nanoseconds."""
    nanoseconds: int = _monotonic_ns()
    return nanoseconds
