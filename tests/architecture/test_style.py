"""One style of Python through the wheel, in what ruff has no rule for."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import pytest

from tests.architecture.sources import OVERLAY, Module

CONSTANT: Final = re.compile(r"_?[A-Z][A-Z0-9_]+")
EXPLAINED_NOQA: Final = re.compile(r"# noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*( # \w+: ignore\[\w+\])?  # \S")


def absolute_imports(module: Module) -> Iterator[int]:
    """Imports of the package by its full name: its own modules are imported relatively."""
    for node in ast.walk(module.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) and not node.level else []
        if any(name.split(".")[0] == "fluxbase_jobs" for name in names):
            yield node.lineno  # type: ignore[attr-defined]  # only imports have names


def unresolvable_annotations(module: Module) -> Iterator[int]:
    """TYPE_CHECKING blocks without a comment that gives the reason: annotations are resolvable at run time."""
    lines = module.path.read_text("utf-8").splitlines()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and "#" not in lines[node.lineno - 1]:
            yield node.lineno


def changeable_constants(module: Module) -> Iterator[int]:
    """Module constants that are not Final."""
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        final = isinstance(node, ast.AnnAssign) and "Final" in ast.unparse(node.annotation)
        if not final and any(isinstance(target, ast.Name) and CONSTANT.fullmatch(target.id) for target in targets):
            yield node.lineno


def docstrings(module: Module) -> Iterator[ast.Constant]:
    """The docstrings of a module, of its classes and functions, and of its attributes."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value


def padded_docstrings(module: Module) -> Iterator[int]:
    """Docstrings that begin with Return in place of what is returned, or end with an empty line."""
    for node in docstrings(module):
        text = str(node.value)
        if re.match(r"\s*Returns?\b", text) or re.search(r"\n[ \t]*\n[ \t]*$", text):
            yield node.lineno


def unexplained_noqa(module: Module) -> Iterator[int]:
    """A rule switched off without its reason: `# noqa: X  # why`."""
    for number, line in enumerate(module.path.read_text("utf-8").splitlines(), start=1):
        if "# noqa" in line and not EXPLAINED_NOQA.search(line):
            yield number


def texts_before_the_raise(module: Module) -> Iterator[int]:
    """A text that gets a name only to be raised in the next statement."""
    for block in blocks(module.tree):
        for before, node in pairwise(block):
            if isinstance(before, ast.Assign) and isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                first = node.exc.args[0]
                if isinstance(first, ast.Name) and ast.unparse(before.targets[0]) == first.id:
                    yield before.lineno


def blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """Every list of statements of a module."""
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield value


RULES: Final[list[Callable[[Module], Iterator[int]]]] = [
    absolute_imports,
    unresolvable_annotations,
    changeable_constants,
    padded_docstrings,
    unexplained_noqa,
    texts_before_the_raise,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_one_style(rule: Callable[[Module], Iterator[int]]) -> None:
    """In client, emulator and test server alike."""
    found = [f"{module.place}:{line}" for module in OVERLAY.values() for line in sorted(rule(module))]

    assert not found, f"{rule.__name__}: {rule.__doc__}\n" + "\n".join(found)
