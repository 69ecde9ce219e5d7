"""A plugin of pytest for mutmut's copy, where each function is three calls, and where the tests of a mutant are those that call it."""

from __future__ import annotations

import functools
import sys
from typing import Final

CACHED: Final = type(functools.cache(len))

sys.setrecursionlimit(3 * sys.getrecursionlimit())


def pytest_runtest_setup() -> None:
    """Each test calls what it needs: of what an earlier one has left in a cache, it would call nothing."""
    for name, module in list(sys.modules.items()):
        if name.startswith("fluxbase_jobs."):
            for each in list(vars(module).values()):
                if type(each) is CACHED:
                    each.cache_clear()
