"""A sample of the matrix of faults; `nox -s faults` runs all of it, and writes docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.every_transport import every_transport
from tests.support.styles import Connect
from tests.trust.faults.behaviours import CASES, TLS, Case
from tests.trust.faults.certificates import write_authority
from tests.trust.faults.matrix import NAMES, run_cell
from tests.trust.faults.server import MisbehavingServer

transport = every_transport
SLOW = {"a gzip bomb", "5 MB", "silence", "half a record"}
STEPS = {"connection": 1000, "type": 23, TLS: 4}
"""Each which behaviour of a group is tried here: the 7th, if the group is not named."""
GROUPS = {case.group: [each for each in CASES if each.group == case.group and each.name not in SLOW] for case in CASES}
SAMPLE = [case for name, cases in GROUPS.items() for case in cases[3 :: STEPS.get(name, 7)]]


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MisbehavingServer]:
    """The server of all cells, whose authority is trusted."""
    roots = tmp_path_factory.mktemp("authority") / "roots.pem"
    write_authority(roots)
    with MisbehavingServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(roots))
        yield server


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_every_verb_keeps_the_rules(connect: Connect, misbehaving: MisbehavingServer, case: Case) -> None:
    """A documented value or error in time, no job lost or doubled, no other job's answer, no secret; and the next call works."""
    for verb in NAMES[::5]:
        cell = run_cell(connect, misbehaving, verb, case, persistent=False)
        assert (cell.verb, cell.broken) == (verb, ())
