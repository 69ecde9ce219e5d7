"""What a function's code says of itself: the `@fluxbase:` marks that March's sync reads in it. The code is never run."""

from __future__ import annotations

import re

from attrs import asdict, frozen

_INT64 = 2**63


@frozen
class Annotations:
    """The numbers that hold where a sync sends none. Seconds, and megabytes."""

    timeout_seconds: int = 300
    memory_limit_mb: int = 256
    max_retries: int = 0
    progress_timeout_seconds: int = 300

    def as_settings(self) -> dict[str, int]:
        """Return the numbers by the names that a function has for them."""
        return asdict(self)


NOTHING = Annotations(0, 0, 0, 0)
"""What April's sync sees, which loses the code before it looks: not even the defaults."""

_WORDS = {
    "timeout_seconds": "timeout",
    "memory_limit_mb": "memory",
    "max_retries": "max-retries",
    "progress_timeout_seconds": "progress-timeout",
}


def read_annotations(code: str) -> Annotations:
    """Read the marks in a function's code; of one that is there twice, the first counts."""
    return Annotations(**{name: number for name, word in _WORDS.items() if (number := _number(code, word)) is not None})


def _number(code: str, word: str) -> int | None:
    found = re.search(rf"@fluxbase:{word}\s+(\d+)", code, re.ASCII)
    return int(found[1]) if found and len(found[1]) <= len(str(_INT64)) and int(found[1]) < _INT64 else None
