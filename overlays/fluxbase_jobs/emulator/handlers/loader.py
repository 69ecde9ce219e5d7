"""Load a handlers file, a Python file whose functions are marked with `@function`, and load it again after a change."""

from __future__ import annotations

import importlib.util
import sys
import time
import traceback
from asyncio import CancelledError
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final, TypeGuard
from uuid import uuid4
from weakref import WeakSet

from .decorator import DuplicateFunctionError, FunctionSet, UncallableHandlerError, check_callable, marked

_LOADED: Final = WeakSet[ModuleType]()
"""The handlers files that were loaded, as modules."""
_SETTLED_SECONDS: Final = 1.0
"""A file that is younger when it is loaded may have been changed meanwhile: its next change counts, whatever is in it."""


class UnusableHandlersError(Exception):
    """The handlers file cannot be used; the one-line message says why and what to do."""


def load_functions(path: Path) -> FunctionSet:
    """Run a handlers file and collect the job functions in it, including those it imports from other modules.

    Raises:
        UnusableHandlersError: the file does not exist, raises an error, has no functions or two of the same name, or has a
            handler that cannot be called.
    """
    if path.is_dir():
        raise UnusableHandlersError(f"handlers file {path} is a folder: give the path of a Python file")
    if not path.is_file():
        raise UnusableHandlersError(f"handlers file {path} does not exist: give the path of a Python file")
    found = marked(vars(_run(path)).values())
    if not found:
        raise UnusableHandlersError(f'handlers file {path} has no job functions: mark a handler with @function("name")')
    try:
        check_callable(found)
        return FunctionSet(found)
    except UncallableHandlerError as error:
        raise UnusableHandlersError(f"handlers file {path}: {error}") from error
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
        self._is_loaded = False
        self._contents: dict[Path, bytes] = {}
        sys.path.insert(0, str(self._folder))

    def load(self) -> FunctionSet:
        """Run the file and collect its job functions. Modules beside it are imported again.

        Raises:
            UnusableHandlersError: the file cannot be used; the previously imported modules are restored.
        """
        before = self._forget_modules()
        importlib.invalidate_caches()
        self._is_loaded = False
        begun = time.time()
        try:
            with _no_bytecode_written():
                functions = load_functions(self.path)
            self._is_loaded = True
            self._contents = {file: _contents(file) for file in self._files() if _is_older(file, begun - _SETTLED_SECONDS)}
            return functions  # noqa: TRY300  # the state changes only with the functions
        except UnusableHandlersError:
            self._forget_modules()
            sys.modules.update(before)
            raise

    def folders(self) -> frozenset[Path]:
        """The folders to watch for changes: the file's own, and those of the modules imported from below it."""
        files = (getattr(module, "__file__", None) for module in self._modules().values())
        return frozenset([self._folder, *(Path(file).parent for file in files if file)])

    def is_affected_by(self, changed: Iterable[Path]) -> bool:
        """Whether these files may change the functions: one that is loaded has other contents, or the last load failed for want of one."""
        return not self._is_loaded or any(self._contents.get(file) != _contents(file) for file in self._files().intersection(changed))

    def _files(self) -> set[Path]:
        return {self.path.resolve(), *(Path(file) for module in self._modules().values() if (file := getattr(module, "__file__", None)))}

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


def _is_older(file: Path, moment: float) -> bool:
    try:
        return file.stat().st_mtime < moment
    except OSError:
        return False


def _contents(file: Path) -> bytes:
    """What is in the file; nothing where it cannot be read, as while an editor replaces it."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


@contextmanager
def _no_bytecode_written() -> Generator[None]:
    """Write no .pyc files: they would hide a change made within the same second, because Python compares whole seconds."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _run(path: Path) -> ModuleType:
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnusableHandlersError(f"handlers file {path} is not a Python file: give the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit, CancelledError) as error:
        _put_back(name, before)
        raise UnusableHandlersError(
            f"handlers file {path} cannot be loaded{_line_of(error, spec.origin)}: {_summary(error, spec.origin)}"
        ) from error
    _LOADED.add(module)
    return module


def _module_name(path: Path) -> str:
    """The name under which a handlers file is loaded.

    Its own one, if it can be imported by that: the processes of a pool that a handler starts import it by its name. Otherwise a unique
    one, which takes no other module's place.
    """
    unique = f"fluxbase_jobs_handlers_{uuid4().hex}"
    name, known = path.stem, sys.modules.get(path.stem)
    if "." in name or name in sys.stdlib_module_names or not (known is None or known in _LOADED):
        return unique
    spec = PathFinder.find_spec(name)
    return name if spec and spec.origin and Path(spec.origin).resolve() == path.resolve() else unique


def _put_back(name: str, module: ModuleType | None) -> None:
    if module is None:
        del sys.modules[name]
    else:
        sys.modules[name] = module


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
