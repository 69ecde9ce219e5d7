"""The lines at the end of the start, which set the URL and the key in another terminal."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fluxbase_jobs.emulator.server.shell import variable_line


@pytest.mark.parametrize(
    ("platform", "environment", "line"),
    [
        ("linux", {"SHELL": "/bin/bash"}, "export NAME=a.b-c"),
        ("darwin", {}, "export NAME=a.b-c"),
        ("win32", {"PSModulePath": "..."}, "$env:NAME = 'a.b-c'"),
        ("win32", {"PSModulePath": "...", "PROMPT": "$P$G"}, 'set "NAME=a.b-c"'),
        ("win32", {"MSYSTEM": "MINGW64", "PROMPT": "$P$G"}, "export NAME=a.b-c"),
    ],
)
def test_each_shell_has_its_line(platform: str, environment: Mapping[str, str], line: str) -> None:
    """By what it leaves in the environment of the programs that it starts."""
    assert variable_line("NAME", "a.b-c", platform, environment) == line


def test_what_shells_would_read_is_quoted() -> None:
    """A host name with a space is nothing that works, but it must not be a command either."""
    assert variable_line("NAME", "a; rm 'b'", "linux", {}) == "export NAME='a; rm '\"'\"'b'\"'\"''"
    assert variable_line("NAME", "a; rm 'b'", "win32", {}) == "$env:NAME = 'a; rm ''b'''"
