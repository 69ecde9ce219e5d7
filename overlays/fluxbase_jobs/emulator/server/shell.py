"""Lines to paste into the shell of the user's other terminal."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping


def variable_line(name: str, value: str, platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> str:
    """The line that sets an environment variable: for a POSIX shell, which Git's and Cygwin's on Windows are, for PowerShell or cmd.exe.

    Args:
        name: of the variable.
        value: without control characters.
        platform: as `sys.platform`.
        environment: of the shell that started this program. Of the two of Windows only cmd.exe sets PROMPT.
    """
    if platform != "win32" or "SHELL" in environment or "MSYSTEM" in environment:
        return f"export {name}={shlex.quote(value)}"
    if "PROMPT" in environment:
        return f'set "{name}={value}"'
    quoted = value.replace("'", "''")
    return f"$env:{name} = '{quoted}'"
