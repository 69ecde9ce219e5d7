"""The modules of the wheel as syntax trees, read without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from attrs import frozen

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = (ROOT / "overlays" / "fluxbase_jobs", ROOT / "generated" / "fluxbase_jobs_client")


@frozen(slots=False)
class Module:
    """One module of the wheel."""

    name: str
    """Dotted; a package's is that of its `__init__.py`."""
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """What the file says."""
        return ast.parse(self.path.read_text("utf-8"))

    @property
    def place(self) -> str:
        """The file's path in the repository, to be shown."""
        return self.path.relative_to(ROOT).as_posix()

    def imported(self) -> Iterator[str]:
        """Every module or name that is imported anywhere in the file, inside functions and under TYPE_CHECKING too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{self._origin(node)}.{alias.name}" for alias in node.names)

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return str(node.module)
        package = self.name.split(".")[: None if self.path.name == "__init__.py" else -1]
        return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])


def read(package: Path) -> dict[str, Module]:
    """The modules below a package's folder by name."""
    found: dict[str, Module] = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


OVERLAY: Final = read(PACKAGES[0])
MODULES: Final = OVERLAY | read(PACKAGES[1])


def arrows(modules: dict[str, Module]) -> Iterator[tuple[str, str]]:
    """Importing and imported module, where both are among the given ones."""
    for module in modules.values():
        for target in module.imported():
            owner = target if target in modules else target.rpartition(".")[0]
            if owner in modules and owner != module.name:
                yield module.name, owner
