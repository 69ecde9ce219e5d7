"""The program: its commands, and how each of its errors ends it, in one line and with an exit code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from cyclopts import App, CoercionError, CycloptsError, Group, MissingArgumentError, UnknownCommandError, UnusedCliTokensError
from rich.console import Console

from .. import FluxbaseError, __version__
from . import admin, doctor, jobs, login
from .development import dev
from .exits import (
    INTERRUPTED,
    NOBODY_READS,
    USAGE,
    CommandError,
    Interrupted,
    NothingToDo,
    code_of_error,
    discard_output,
    flush_output,
    prepare_streams,
    report,
    say,
)
from .inputs import STDIN
from .messages import for_terminal
from .output import is_terminal, stdout, unwritable

HELP: Final = """Jobs of a Fluxbase server: submit, wait, watch, follow their logs, administer.

The server and the key come from FLUXBASE_URL and FLUXBASE_KEY, or from `fluxbase-jobs login`.

Exit codes: 0 completed, 1 failed, 2 wrong usage, 3 cancelled, 4 timed out, 5 an error of the connection or the server, 130 Ctrl-C.
"""

_HELP_WIDTH: Final = 100
_TAKES: Final = {"submit": "one NAME", "logs": "one ID", "sync": "one DIR", "login": "one EMAIL"}
"""The arguments of the commands that do not take several; those that are not named take none."""
_NUMBERS: Final[dict[object, str]] = {int: "a whole number", float: "a number"}

app: Final = App(name="fluxbase-jobs", help=HELP, version=lambda: __version__, help_format="markdown", suppress_keyboard_interrupt=False)
_COMMANDS: Final[dict[str, tuple[Callable[..., object], ...]]] = {
    "Jobs": (jobs.submit, jobs.wait, jobs.watch, jobs.logs, jobs.list_, jobs.get, jobs.cancel, jobs.retry, jobs.resubmit),
    "For admins": (admin.functions, admin.stats, admin.workers, admin.terminate, admin.sync, admin.stubs),
    "Set-up": (doctor.doctor, login.login),
}
_GROUPS: Final = {title: Group(title, sort_key=number) for number, title in enumerate(_COMMANDS)}
for _title, _commands in _COMMANDS.items():
    for _command in _commands:
        app.command(_command, name=_command.__name__.strip("_"), group=_GROUPS[_title])
app.command(dev, group=_GROUPS["Set-up"], help_flags=[], version_flags=[])  # the emulator has its own
app.register_install_completion_command(name="--install-completion")  # pyright: ignore[reportUnknownMemberType]  # it passes keyword arguments on


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. Nothing is raised, and nothing is printed but what the command says."""
    prepare_streams()
    # The errors that the library logs are those that a command reports.
    logging.getLogger("fluxbase_jobs").addHandler(logging.NullHandler())
    try:
        code = _run(arguments)
        flush_output()
    except BrokenPipeError:
        code = NOBODY_READS
    except KeyboardInterrupt as interruption:
        say("\n".join(interruption.lines if isinstance(interruption, Interrupted) else ("interrupted",)))
        return INTERRUPTED
    except NothingToDo as nothing:
        say(f"fluxbase-jobs: {nothing}")
        return 0
    except (CommandError, FluxbaseError, OSError) as error:
        known = unwritable(error) if isinstance(error, OSError) else error  # commands handle those of their own files
        report(for_terminal(known) if isinstance(known, FluxbaseError) else known, as_json="--json" in arguments)
        code = known.code if isinstance(known, CommandError) else code_of_error(known)
    else:
        return code
    discard_output()
    return code


def _run(arguments: Sequence[str]) -> int:
    is_for_emulator = arguments[:1] == ["dev"]
    tokens = [*arguments] if is_for_emulator else [STDIN if each == "-" else each for each in arguments]
    try:
        done = app(tokens, exit_on_error=False, print_error=False, result_action="return_value", console=_HelpConsole())
    except CycloptsError as error:
        raise _usage_error(error, arguments) from None
    except SystemExit as end:  # of the emulator, or of the completion; 1 would mean a failed job
        return USAGE if end.code == 1 else end.code if isinstance(end.code, int) else 0
    return done if isinstance(done, int) else 0


class _HelpConsole(Console):
    """Prints the help; where nobody reads it, that is an error as with every other output."""

    def __init__(self) -> None:
        super().__init__(file=stdout(), width=None if is_terminal() else _HELP_WIDTH)

    def on_broken_pipe(self) -> None:
        """Let `run` end the program."""
        raise BrokenPipeError


def _usage_error(error: CycloptsError, arguments: Sequence[str]) -> CommandError:
    """What is wrong with the command line, in one line, and how to mend it."""
    sentence = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, UnknownCommandError):
        return CommandError(sentence.partition(" Available commands:")[0].rstrip("."), "--help lists the commands")
    if isinstance(error, CoercionError) and error.token is not None and error.target_type in _NUMBERS:
        kind, given = _NUMBERS[error.target_type], error.token
        return CommandError(f"{given.keyword} must be {kind}; got {given.value!r}", "--help lists the options")
    if isinstance(error, MissingArgumentError) and (wanted := _TAKES.get(arguments[0])) and "--" not in sentence:
        return CommandError(f"{arguments[0]} takes {wanted}, and none is given", f"`fluxbase-jobs {arguments[0]} --help` shows how")
    if not isinstance(error, UnusedCliTokensError) or not error.unused_tokens:
        return CommandError(sentence, "--help lists the options")
    command, token = arguments[0], error.unused_tokens[0]
    if command == "submit" and token.partition("=")[1]:
        return CommandError(f"{token!r} is no option", f"did you mean --set {token}?")
    return CommandError(f"{command} takes {_TAKES.get(command, 'no argument')}, and {token!r} is one too many", "--help lists the options")
