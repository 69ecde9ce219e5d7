"""A handlers file that is read again after a change, together with the modules beside it that it imports."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .loader import UnusableHandlersError, load_functions

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

    from .decorator import FunctionSet


class HandlersFile:
    """A handlers file of the program. Its folder becomes the first one that modules are imported from.

    Args:
        path: the Python file.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = path.resolve().parent
        self._not_ours = frozenset(sys.modules)
        # As for a script: a handlers file may import its neighbours, at once or when a job runs.
        sys.path.insert(0, str(self._folder))

    def load(self) -> FunctionSet:
        """Run the file and return the job functions in it. Modules beside it are read anew.

        Raises:
            UnusableHandlersError: it cannot be used as it is; modules then are what they were before.

        """
        before = self._forget_modules()
        importlib.invalidate_caches()
        try:
            with _nothing_compiled_kept():
                return load_functions(self.path)
        except UnusableHandlersError:
            self._forget_modules()
            sys.modules.update(before)
            raise

    def folders(self) -> frozenset[Path]:
        """Return the folders whose Python files matter: the handlers file's own, and those of the modules imported from there."""
        files = (getattr(module, "__file__", None) for module in self._modules().values())
        return frozenset([self._folder, *(Path(file).parent for file in files if file)])

    def _modules(self) -> dict[str, ModuleType]:
        return {name: module for name, module in list(sys.modules.items()) if name not in self._not_ours and self._is_beside(name, module)}

    def _is_beside(self, name: str, module: ModuleType) -> bool:
        """Tell whether a module is where its name says, seen from our folder: installed ones below it are not."""
        place = self._folder.joinpath(*name.split("."))
        file = getattr(module, "__file__", None)
        if file is None:  # a folder without an __init__.py
            return str(place) in getattr(module, "__path__", ())
        return Path(file) in {place.with_suffix(".py"), place / "__init__.py"}

    def _forget_modules(self) -> dict[str, ModuleType]:
        modules = self._modules()
        for name in modules:
            del sys.modules[name]
        return modules


@contextmanager
def _nothing_compiled_kept() -> Generator[None]:
    """Leave no compiled files: Python would take them for those of a source that changed within the second that it was read."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
