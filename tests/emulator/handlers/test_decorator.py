"""Argument validation of `@function`: types, and values that a server could not store."""

from __future__ import annotations

from typing import Any

import pytest
from fluxbase_jobs.emulator import function
from fluxbase_jobs.emulator.handlers.decorator import FunctionSet, marked

from tests.support.servers.emulator_in_process import serving


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"namespace": 5}, "namespace must be a str, not int"),
        ({"description": b"x"}, "description must be a str, not bytes"),
        ({"schedule": 5}, "schedule must be a str, not int"),
        ({"timeout": 2.5}, "timeout must be an int, not float"),
        ({"timeout": "5"}, "timeout must be an int, not str"),
        ({"max_retries": True}, "max_retries must be an int, not bool"),
        ({"enabled": "no"}, "enabled must be a bool, not str"),
        ({"execution_logs": None}, "execution_logs must be a bool, not NoneType"),
        ({"require_roles": "admin"}, "require_roles must be a list of str, not str"),
        ({"require_roles": [1]}, "each of require_roles must be a str, not int"),
    ],
)
def test_wrong_type(arguments: dict[str, Any], message: str) -> None:
    """A value of the wrong type raises TypeError that names the argument."""
    with pytest.raises(TypeError, match=f"^{message}$"):
        function("f", **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a\0"}, "name must not contain"),
        ({"name": "a\ud800"}, "name must not contain"),
        ({"namespace": ""}, "a namespace"),
        ({"require_roles": ["\udfff"]}, "each of require_roles must not contain"),
        ({"timeout": 2**31}, "timeout must be at most 2147483647"),
        ({"max_retries": 10**20}, "max_retries must be at most 2147483647"),
    ],
)
def test_value_that_cannot_be_stored(arguments: dict[str, Any], message: str) -> None:
    """A value that no server could store raises ValueError."""
    values: dict[str, Any] = {"name": "f", **arguments}
    with pytest.raises(ValueError, match=message):
        function(**values)


def test_extreme_values() -> None:
    """The largest numbers, and text in any script, are accepted, and the job runs."""

    @function("größe 🚀", namespace="ü", max_retries=2**31 - 1, timeout=2**31 - 1, require_roles=("authenticated",), description="")
    def handler(_payload: dict[str, Any], _context: object) -> dict[str, Any]:
        return {"ok": True}

    assert [definition.name for definition in FunctionSet(marked([handler]))] == ["größe 🚀"]
    with serving(handler) as running, running.client() as client:
        assert client.run("größe 🚀", namespace="ü")["status"] == "completed"
