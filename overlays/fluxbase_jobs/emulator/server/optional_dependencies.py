"""The packages of the extra `emulator`, and how to install them if one is missing."""

from __future__ import annotations

from typing import Final

_PACKAGES: Final = frozenset({"cronsim", "jwt", "starlette", "uvicorn", "watchfiles"})

HOW_TO_INSTALL: Final = 'run pip install ".[emulator]" in a clone, or pip install "fluxbase-jobs[emulator]" once it is published'


def missing_package(error: ModuleNotFoundError) -> str | None:
    """The package of the extra that could not be imported; None if it was another module."""
    package = (error.name or "").partition(".")[0]
    return package if package in _PACKAGES else None
