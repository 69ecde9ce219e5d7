"""HTTP libraries that are imported when they are first used: they take most of the time that `import fluxbase_jobs` would need.

Annotations that name them still resolve: accessing a name imports the library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluxbase_jobs_client.types import LazyModule

if TYPE_CHECKING:  # to type checkers they are the modules
    import asyncio

    import anyio
    import httpx
else:
    asyncio = LazyModule("asyncio")
    anyio = LazyModule("anyio")
    httpx = LazyModule("httpx")

__all__ = ["anyio", "asyncio", "httpx"]
