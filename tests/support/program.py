"""The command line, run in the test's own process against a test server."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from attrs import frozen
from fluxbase_jobs.cli.app import run
from fluxbase_jobs.testing import Server


@frozen
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[Any]:
        """The objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The only line on stderr, which must be one."""
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("fluxbase-jobs: "), self.err
        assert "Traceback" not in self.err
        return self.err.removeprefix("fluxbase-jobs: ").strip()


class Program:
    """`program("list", "--json")` runs `fluxbase-jobs list --json`."""

    def __init__(self, server: Server, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.server = server
        self._capsys = capsys
        self._patch = patch

    def __call__(self, *arguments: object, stdin: str | bytes | None = None) -> Ended:
        """Run a command line; nothing may be raised."""
        with self._patch.context() as patch:
            if stdin is not None:
                content = stdin if isinstance(stdin, bytes) else stdin.encode()
                patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
            code = run([str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    def submitted(self, name: str, *options: object) -> str:
        """The id of a new job."""
        return self.submitted_by("submit", name, *options)

    def submitted_by(self, *arguments: object) -> str:
        """The id of the job that a command prints."""
        ended = self(*arguments)
        assert (ended.code, ended.err) == (0, "")
        return ended.out.strip()

    def job_of(self, name: str, status: str, *options: object) -> str:
        """The id of a new job that has ended with this status."""
        ended = self("submit", name, "--wait", "--json", *options)
        assert ended.json[-1]["status"] == status
        return str(ended.json[-1]["id"])
