"""What `@function` refuses: values that a server could not store, or that mean something else than they seem to."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs.emulator import function
from fluxbase_jobs.emulator.handlers.decorator import FunctionSet, marked

from tests.support.emulator_in_process import serving


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"namespace": 5}, "namespace is a text, not int"),
        ({"description": b"x"}, "description is a text, not bytes"),
        ({"schedule": 5}, "schedule is a text, not int"),
        ({"timeout": 2.5}, "timeout is a whole number, not float"),
        ({"timeout": "5"}, "timeout is a whole number, not str"),
        ({"max_retries": True}, "max_retries is a whole number, not bool"),
        ({"enabled": "no"}, "enabled is True or False, not str"),
        ({"execution_logs": None}, "execution_logs is True or False, not NoneType"),
        ({"require_roles": "admin"}, "require_roles is a list of texts, not str"),
        ({"require_roles": [1]}, "each of require_roles is a text, not int"),
    ],
)
def test_wrong_kind(arguments: dict[str, Any], words: str) -> None:
    """A value of a wrong kind is refused where it is written, by the argument's name."""
    with pytest.raises(TypeError, match=f"^{words}$"):
        function("f", **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "a\0"}, "name may hold neither"),
        ({"name": "a\ud800"}, "name may hold neither"),
        ({"namespace": ""}, "a namespace"),
        ({"require_roles": ["\udfff"]}, "each of require_roles may hold neither"),
        ({"timeout": 2**31}, "timeout is at most 2147483647"),
        ({"max_retries": 10**20}, "max_retries is at most 2147483647"),
    ],
)
def test_what_cannot_be_stored(arguments: dict[str, Any], words: str) -> None:
    """A value that no server could store is refused where it is written."""
    wanted: dict[str, Any] = {"name": "f", **arguments}
    with pytest.raises(ValueError, match=words):
        function(**wanted)


def test_what_can() -> None:
    """The largest numbers, and texts of any script, are taken and run."""

    @function("größe 🚀", namespace="ü", max_retries=2**31 - 1, timeout=2**31 - 1, require_roles=("authenticated",), description="")
    def handler(_payload: dict[str, Any], _context: object) -> dict[str, Any]:
        return {"ok": True}

    assert [definition.name for definition in FunctionSet(marked([handler]))] == ["größe 🚀"]
    with serving(handler) as running, running.client() as client:
        assert client.run("größe 🚀", namespace="ü")["status"] == "completed"
