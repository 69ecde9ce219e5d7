"""Reading a handlers file: a Python file whose functions are marked with `@function`."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from asyncio import CancelledError
from typing import TYPE_CHECKING, TypeGuard
from uuid import uuid4

from .decorator import DuplicateFunctionError, FunctionSet, marked

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


class UnusableHandlersError(Exception):
    """The handlers file cannot be used; the text, one line, says why and what to do."""


def load_functions(path: Path) -> FunctionSet:
    """Run a handlers file and return the job functions in it, those that it imports from elsewhere included.

    Raises:
        UnusableHandlersError: no such file, an error in it, no function or two of one name in it.

    """
    if path.is_dir():
        message = f"handlers file {path} is a folder: give the path of a Python file"
        raise UnusableHandlersError(message)
    if not path.is_file():
        message = f"handlers file {path} does not exist: give the path of a Python file"
        raise UnusableHandlersError(message)
    found = marked(vars(_run(path)).values())
    if not found:
        message = f'handlers file {path} has no job functions: mark a handler with @function("name")'
        raise UnusableHandlersError(message)
    try:
        return FunctionSet(found)
    except DuplicateFunctionError as error:
        message = f"handlers file {path}: {error}: rename one of them"
        raise UnusableHandlersError(message) from error


def _run(path: Path) -> ModuleType:
    # A name of its own for every load: two emulators in one process must not share the module.
    name = f"fluxbase_jobs_handlers_{uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        message = f"handlers file {path} is no Python file: give the path of a .py file"
        raise UnusableHandlersError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit, CancelledError) as error:
        del sys.modules[name]
        message = f"handlers file {path} cannot be loaded{_place(error, spec.origin)}: {_summary(error, spec.origin)}"
        raise UnusableHandlersError(message) from error
    return module


def _place(error: BaseException, file: str | None) -> str:
    if _is_syntax_of(error, file):
        return f" (line {error.lineno})"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" (line {lines[-1]})" if lines else ""


def _summary(error: BaseException, file: str | None) -> str:
    try:
        # The text of a SyntaxError names its file and line, which a module beside this file needs.
        text = error.msg if _is_syntax_of(error, file) else str(error)
    except Exception:  # noqa: BLE001 - from the file's own code, which may raise anything
        text = "(its text cannot be had)"
    return " ".join(f"{type(error).__name__}: {text}".split())


def _is_syntax_of(error: BaseException, file: str | None) -> TypeGuard[SyntaxError]:
    return isinstance(error, SyntaxError) and error.filename == file
