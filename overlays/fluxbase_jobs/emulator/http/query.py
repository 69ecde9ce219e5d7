"""What the parameters of a query mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluxbase_jobs.emulator.profiles import Profile

_INT64 = 2**63
_LONGEST_INTEGER = 100


def namespace_filter(profile: Profile, namespace: str) -> str | None:
    """Return the namespace that is asked for, None for all; in April `default` is the one without a name."""
    if not namespace:
        return None
    return "" if namespace == "default" and not profile.default_namespace_filter_matches else namespace


def integer(text: str, default: int) -> int:
    """Read an integer as Go does; what is none counts as absent."""
    digits = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_INTEGER):
        return default
    value = int(text)
    return value if -_INT64 <= value < _INT64 else default
