"""The extra `emulator`: what to say where one of its packages is missing."""

from __future__ import annotations

from typing import Final

_PACKAGES: Final = frozenset({"cronsim", "jwt", "starlette", "uvicorn", "watchfiles"})

HOW_TO_INSTALL: Final = 'run pip install "fluxbase-jobs[emulator]"'


def missing_package(error: ModuleNotFoundError) -> str | None:
    """Return the package of the extra that could not be imported; None if it was something else."""
    package = (error.name or "").partition(".")[0]
    return package if package in _PACKAGES else None
