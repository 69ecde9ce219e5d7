"""A plugin of pytest for mutmut's copy: each function there is three calls, so that Python must allow three times as many."""

from __future__ import annotations

import sys

sys.setrecursionlimit(3 * sys.getrecursionlimit())
