"""The library's errors in the words of the command line: ids in messages, commands for methods, options for arguments, and hints."""

from __future__ import annotations

import re
from typing import Final

from .. import (
    AuthenticationFailed,
    ConnectionFailed,
    FluxbaseError,
    InvalidInput,
    Job,
    NotAllowedInState,
    NotFound,
    PermissionDenied,
    ServerFailed,
)

NEEDS_ADMIN: Final = "need a token of a service role or an admin"
HIDDEN_LOG: Final = (
    "the server shows no line of this log (servers of April 2026 show logs after their next start; an emulator shows it in its terminal, "
    "and with --profile 2026-03 hides nothing)"
)
_BARE_FAILURE: Final = "exit status 1"
"""What servers say of every job that threw an error."""
_HINTS: Final[tuple[tuple[type[FluxbaseError], str], ...]] = (
    (AuthenticationFailed, "`fluxbase-jobs doctor` tells which key is used"),
    (PermissionDenied, f"commands for admins {NEEDS_ADMIN}; `fluxbase-jobs doctor` tells which key is used"),
    (ConnectionFailed, "is the server running? `fluxbase-jobs doctor` looks"),
)
_OPTIONS: Final = {
    "after_line": "--after",
    "created_by": "--created-by",
    "idempotency_key": "--key",
    "job_id": "ID",
    "limit": "--limit",
    "namespace": "--namespace",
    "offset": "--offset",
    "priority": "--priority",
    "scheduled": "--schedule",
    "worker_id": "--worker",
}
"""What the program calls the library's arguments."""
_ARGUMENT: Final = re.compile(rf"({'|'.join(_OPTIONS)})\b(?=[ =])")


def for_terminal(error: FluxbaseError) -> FluxbaseError:
    """The error with a message and a hint for this program."""
    hint = error.hint or next((text for kind, text in _HINTS if isinstance(error, kind)), None)
    return error.with_(message=_message(error), hint=None if hint is None else _with_commands(hint))


def named(error: FluxbaseError, job_id: str) -> FluxbaseError:
    """The error with the job's id in its message, for a line among others."""
    return for_terminal(error).with_(message=_with_id(_message(error), job_id), job_id=job_id)


def why_it_failed(job: Job) -> str | None:
    """How to learn why a job failed; None where it did not, or its status tells that."""
    if job.status != "failed" or job.error_message != _BARE_FAILURE:
        return None
    return f"why job {job.id} failed: run `fluxbase-jobs logs {job.id}` or `fluxbase-jobs wait {job.id}`"


def _message(error: FluxbaseError) -> str:
    """The message, with what this program knows and its line should tell: an option's name, the job's id, its status."""
    if isinstance(error, InvalidInput) and (argument := _ARGUMENT.match(error.message)):
        return _OPTIONS[argument[1]] + error.message[argument.end() :]
    if isinstance(error, NotFound | ServerFailed) and error.job_id:
        return _with_id(error.message, error.job_id)
    if isinstance(error, NotAllowedInState) and error.job_status and f"is {error.job_status}" not in error.message:
        return f"{error.message}: it is {error.job_status}"
    return error.message


def _with_id(message: str, job_id: str) -> str:
    return message if job_id in message else f"{job_id}: {message}"


def _with_commands(hint: str) -> str:
    """The hint with commands in place of methods."""
    hint = hint.replace("use from_server_folder", "run `fluxbase-jobs sync --from-server-folder`")
    hint = re.sub(r"(?<!call )jobs\.(\w+)\('([^']*)'\)", r"`fluxbase-jobs \1 \2`", hint)
    hint = re.sub(r"call jobs\.(\w+)\('([^']*)'\)", r"run `fluxbase-jobs \1 \2`", hint)
    return re.sub(r"call jobs\.(\w+)", r"run `fluxbase-jobs \1`", hint)
