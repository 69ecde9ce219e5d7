"""HTTP libraries that are imported when they are first used: they take most of the time that `import fluxbase_jobs` would need.

Annotations that name them still resolve: looking a name up imports the library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


class LazyModule:
    """Stands for a module until one of its names is looked up."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self._name), name)
        if not name.startswith("__"):
            setattr(self, name, value)
        return value

    def __repr__(self) -> str:
        return f"LazyModule({self._name!r})"


if TYPE_CHECKING:  # to type checkers they are the modules
    import anyio
    import httpx
else:
    anyio = LazyModule("anyio")
    httpx = LazyModule("httpx")

__all__ = ["LazyModule", "anyio", "httpx"]
