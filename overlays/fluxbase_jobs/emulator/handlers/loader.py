"""Load a handlers file, a Python file whose functions are marked with `@function`, and load it again after a change."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from asyncio import CancelledError
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeGuard
from uuid import uuid4

from .decorator import DuplicateFunctionError, FunctionSet, marked


class UnusableHandlersError(Exception):
    """The handlers file cannot be used; the one-line message says why and what to do."""


def load_functions(path: Path) -> FunctionSet:
    """Run a handlers file and collect the job functions in it, including those it imports from other modules.

    Raises:
        UnusableHandlersError: the file does not exist, raises an error, or has no functions or two of the same name.
    """
    if path.is_dir():
        raise UnusableHandlersError(f"handlers file {path} is a folder: give the path of a Python file")
    if not path.is_file():
        raise UnusableHandlersError(f"handlers file {path} does not exist: give the path of a Python file")
    found = marked(vars(_run(path)).values())
    if not found:
        raise UnusableHandlersError(f'handlers file {path} has no job functions: mark a handler with @function("name")')
    try:
        return FunctionSet(found)
    except DuplicateFunctionError as error:
        raise UnusableHandlersError(f"handlers file {path}: {error}: rename one of them") from error


class HandlersFile:
    """A handlers file that can be reloaded, together with the modules beside it that it imports.

    As with a script, its folder becomes the first entry of `sys.path`: handlers may import their neighbours at any time.

    Args:
        path: the Python file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = path.resolve().parent
        self._loaded_before = frozenset(sys.modules)
        sys.path.insert(0, str(self._folder))

    def load(self) -> FunctionSet:
        """Run the file and collect its job functions. Modules beside it are imported again.

        Raises:
            UnusableHandlersError: the file cannot be used; the previously imported modules are restored.
        """
        before = self._forget_modules()
        importlib.invalidate_caches()
        try:
            with _no_bytecode_written():
                return load_functions(self.path)
        except UnusableHandlersError:
            self._forget_modules()
            sys.modules.update(before)
            raise

    def folders(self) -> frozenset[Path]:
        """The folders to watch for changes: the file's own, and those of the modules imported from below it."""
        files = (getattr(module, "__file__", None) for module in self._modules().values())
        return frozenset([self._folder, *(Path(file).parent for file in files if file)])

    def _modules(self) -> dict[str, ModuleType]:
        modules = list(sys.modules.items())
        return {name: module for name, module in modules if name not in self._loaded_before and self._is_beside(name, module)}

    def _is_beside(self, name: str, module: ModuleType) -> bool:
        """Whether a module's file is where its name says, seen from our folder; installed packages below the folder are not."""
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
def _no_bytecode_written() -> Generator[None]:
    """Write no .pyc files: they would hide a change made within the same second, because Python compares whole seconds."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _run(path: Path) -> ModuleType:
    # A unique name for every load, so that two emulators in one process do not share the module.
    name = f"fluxbase_jobs_handlers_{uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnusableHandlersError(f"handlers file {path} is not a Python file: give the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit, CancelledError) as error:
        del sys.modules[name]
        raise UnusableHandlersError(
            f"handlers file {path} cannot be loaded{_line_of(error, spec.origin)}: {_summary(error, spec.origin)}"
        ) from error
    return module


def _line_of(error: BaseException, file: str | None) -> str:
    if _is_syntax_error_in(error, file):
        return f" (line {error.lineno})"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" (line {lines[-1]})" if lines else ""


def _summary(error: BaseException, file: str | None) -> str:
    try:
        # str() of a SyntaxError repeats file and line, which only errors in other modules need.
        text = error.msg if _is_syntax_error_in(error, file) else str(error)
    except Exception:  # noqa: BLE001  # __str__ of the file's own exception may raise anything
        text = "(its text cannot be had)"
    return " ".join(f"{type(error).__name__}: {text}".split())


def _is_syntax_error_in(error: BaseException, file: str | None) -> TypeGuard[SyntaxError]:
    return isinstance(error, SyntaxError) and error.filename == file
