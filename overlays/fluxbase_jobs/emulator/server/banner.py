"""The lines that the program writes when it is ready."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..app import DEVELOPER
from ..handlers.decorator import described

if TYPE_CHECKING:
    from ..app import Emulator
    from ..handlers.decorator import FunctionSet


def start_up_lines(emulator: Emulator, functions: FunctionSet, url: str, address: str) -> list[str]:
    """Return the lines.

    Args:
        emulator: gives the keys.
        functions: what it can run.
        url: where clients on this machine find it.
        address: the IP address that it listens on.

    """
    settings = emulator.settings
    lines = [
        f"fluxbase-jobs emulator ({settings.profile.name}) on {url}",
        f"  service key: {emulator.service_key()}",
        f"  user key:    {emulator.user_key()}  ({DEVELOPER})",
        f"  functions:   {described(functions) or 'none: name a handlers file with --functions FILE.py'}",
        f"  database:    {settings.database or 'in memory, gone at the end: keep it with --database FILE'}",
    ]
    if not ip_address(address.partition("%")[0]).is_loopback:
        lines.append(f"  network:     open to all who reach {address}, and they can sign up: leave --host out if that is not wanted")
    return [*lines, "  keys are good for 24 hours; stop with Ctrl-C"]
