"""The order of the folders: an import goes down, never up and never in a circle; folders, modules and functions stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.sources import MODULES, OVERLAY, PACKAGES, Module, arrows

CLIENT: Final = (
    ("fluxbase_jobs",),  # __init__.py, which exports the public names
    ("client_async",),
    ("client",),
    ("_verbs",),
    ("otel",),
    ("_drivers",),
    ("_plans",),
    ("_realtime",),
    ("_operations",),
    ("_context",),
    ("policies",),
    ("_validation",),
    ("_transports", "result"),
    ("errors",),
    ("models",),
    ("_docstrings", "_lazy"),
)
"""The client from top to bottom. A folder imports what is below it; those of one line do not import each other."""

EMULATOR: Final = (
    ("__main__",),
    ("cli",),
    ("server",),
    ("dashboard",),
    ("app",),
    ("realtime",),
    ("http",),
    ("jobs",),
    ("services",),
    ("runtime",),
    ("functions", "auth", "faults"),
    ("emulator",),  # __init__.py, which exports what a file of job functions needs
    ("handlers", "store"),
    ("formats",),
    ("settings",),
    ("profiles", "clock"),
)
"""The emulator, in the same way."""

CLI: Final = (
    ("app",),
    ("cli",),  # __init__.py, which only has a docstring
    ("admin", "development", "doctor", "login"),
    ("jobs", "stubs"),
    ("waiting",),
    ("settings", "inputs", "messages"),
    ("accounts", "tables"),
    ("output",),
    ("exits",),
)
"""The program `fluxbase-jobs`, in the same way."""

ABOVE_BOTH: Final = {"testing", "pytest_plugin", "progress", "cli", "__main__"}
"""What may use the client and the emulator, and is used by neither."""

OPEN_TO_THE_PROGRAM: Final = {
    "fluxbase_jobs",
    "fluxbase_jobs.emulator",
    "fluxbase_jobs.testing",
    "fluxbase_jobs.progress",
    "fluxbase_jobs._lazy",
}
"""What the program imports of the wheel: its own commands are made of what users have, and of an httpx that is imported late."""

MOST_ENTRIES_IN_ROOT: Final = 24
MOST_ENTRIES: Final = 20
LONGEST_FUNCTION: Final = 40
LONGEST_MODULE: Final = 400


def part(name: str) -> str:
    """The part of the wheel that a module belongs to: one of `ABOVE_BOTH`, emulator, low level or client."""
    package, _, rest = name.partition(".")
    first = rest.split(".")[0]
    if package != "fluxbase_jobs":
        return "low level"
    return first if first in {*ABOVE_BOTH, "emulator"} else "client"


def folder(name: str) -> str:
    """A module's folder, or file, in its part; the name of the part for its own `__init__.py`."""
    names = name.split(".")
    depth = 2 if part(name) in {"emulator", "cli"} else 1
    return names[depth] if len(names) > depth else names[-1]


def upward(order: tuple[tuple[str, ...], ...], name: str) -> list[str]:
    """The imports within a part that do not go down its order."""
    level = {each: number for number, line in enumerate(order) for each in line}
    within = {module: source for module, source in OVERLAY.items() if part(module) == name}
    unplaced = {folder(module) for module in within} - set(level)
    assert not unplaced, f"not in the order of tests/architecture/test_layers.py: {sorted(unplaced)}"
    return [
        f"{module} imports {target}"
        for module, target in arrows(within)
        if folder(module) != folder(target) and level[folder(module)] >= level[folder(target)]
    ]


@pytest.mark.parametrize(("order", "name"), [(CLIENT, "client"), (EMULATOR, "emulator"), (CLI, "cli")], ids=["client", "emulator", "cli"])
def test_imports_go_down_the_order(order: tuple[tuple[str, ...], ...], name: str) -> None:
    """Also those inside functions and under TYPE_CHECKING."""
    assert upward(order, name) == []


def test_nothing_is_placed_that_is_not_there() -> None:
    """An order that names a folder which was moved away would allow nothing and forbid nothing."""
    for order, name in ((CLIENT, "client"), (EMULATOR, "emulator"), (CLI, "cli")):
        assert {each for line in order for each in line} <= {folder(module) for module in OVERLAY if part(module) == name}


def test_client_and_emulator_do_not_know_each_other() -> None:
    """Nor does either know the test server, nor the low level any of them; both may use the generated models."""
    allowed = {"client": {"low level"}, "emulator": {"low level"}, "low level": set[str]()}

    assert [
        f"{module} imports {target}"
        for module, target in arrows(MODULES)
        if part(module) not in ABOVE_BOTH and part(target) != part(module) and part(target) not in allowed[part(module)]
    ] == []


def test_the_program_uses_the_public_package_only() -> None:
    """And nothing but `python -m` and the entry point uses the program; `progress` uses the public names too."""
    found = [(module, target) for module, target in arrows(MODULES) if part(module) in {"cli", "progress"} and part(target) != part(module)]

    assert [f"{module} imports {target}" for module, target in found if target not in OPEN_TO_THE_PROGRAM] == []
    assert {module for module, target in arrows(MODULES) if part(target) == "cli" and part(module) != "cli"} == {"fluxbase_jobs.__main__"}


def test_no_import_circle() -> None:
    """Anywhere in the wheel, module by module."""
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for module, target in arrows(MODULES):
        graph[module].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' <- '.join(error.args[1])}")


def entries(path: Path) -> list[str]:
    """What a reader sees in a folder."""
    return sorted(entry.name for entry in path.iterdir() if entry.name not in {"__pycache__", "py.typed"})


def test_folders_are_small() -> None:
    """A folder has few enough entries to read at a glance, in the wheel and in the tests."""
    root, tests = PACKAGES[0], Path(__file__).parents[1]
    folders = [path for top in (root, tests) for path in (top, *top.rglob("*")) if path.is_dir() and path.name != "__pycache__"]
    counts = {path.as_posix(): len(entries(path)) for path in folders if path != root}

    assert len(entries(root)) <= MOST_ENTRIES_IN_ROOT
    assert {name: count for name, count in counts.items() if count > MOST_ENTRIES} == {}


def code_lines(node: ast.AST) -> set[int]:
    """The lines of the statements below a node, without docstrings, comments and blank lines."""
    lines: set[int] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.stmt) and not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)):
            end = each.body[0].lineno - 1 if isinstance(each, BLOCKS) else (each.end_lineno or each.lineno)
            lines.update(range(each.lineno, max(end, each.lineno) + 1))
    return lines


BLOCKS: Final = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
)


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_functions_and_modules_are_short() -> None:
    """Docstrings, comments and blank lines do not count."""
    long_functions = {
        f"{module.place}:{node.lineno} {node.name}": length
        for module in OVERLAY.values()
        for node in functions(module)
        if (length := len(code_lines(node))) > LONGEST_FUNCTION
    }
    long_modules = {module.place: length for module in OVERLAY.values() if (length := len(code_lines(module.tree))) > LONGEST_MODULE}

    assert long_functions == {}
    assert long_modules == {}
