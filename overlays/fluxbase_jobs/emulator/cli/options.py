"""The command line's options."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, get_args

from attrs import frozen

from ..profiles import NEWEST, PROFILES
from ..settings import SHORTEST_SECRET, JobsSwitch, Settings

_DEFAULTS = Settings()


@frozen
class Options:
    """What was asked for."""

    settings: Settings
    functions: Path | None
    host: str
    port: int
    access_log: bool
    reload: bool


def read_options(arguments: list[str] | None) -> Options:
    """Read the command line; leave with a line on stderr and exit status 2 if it is wrong."""
    found = _parser().parse_args(arguments)
    settings = Settings(
        profile=PROFILES[found.profile],
        jwt_secret=found.jwt_secret,
        database=found.database,
        poll_interval=found.poll_interval,
        worker_timeout=found.worker_timeout,
        rate_limit=found.rate_limit,
        jobs=found.jobs,
    )
    access_log = sys.stderr.isatty() if found.access_log is None else found.access_log
    return Options(settings, found.functions, found.host, found.port, access_log, found.reload)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line; argparse's own way is the whole usage."""
        self.exit(2, f"fluxbase-jobs emulator: {message} (--help lists the options)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m fluxbase_jobs.emulator",
        description="A development server that speaks the Fluxbase jobs API and runs Python handlers.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_program(parser.add_argument_group("the program").add_argument)
    _add_server(parser.add_argument_group("the server that it is").add_argument)
    _add_pace(parser.add_argument_group("its pace, in seconds, and its limits").add_argument)
    return parser


def _add_program(add: Callable[..., object]) -> None:
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", default=8080, type=_port, help="port to listen on; 0 picks a free one and prints it")
    add("--functions", type=Path, metavar="FILE.py", help="the file with the handlers; no functions if not given%(default).0s")
    add("--reload", action=argparse.BooleanOptionalAction, default=True, help="load the handlers again when their files change")
    add("--database", type=Path, metavar="FILE", help="where to keep the state; in memory if not given%(default).0s")
    add(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        help="write a line for each request, and for each start and end of a job, to stderr; on if that is a terminal %(default).0s",
    )


def _add_server(add: Callable[..., object]) -> None:
    add("--profile", default=NEWEST.name, choices=sorted(PROFILES), help="which era of the real server to act as")
    add(
        "--jwt-secret",
        default=_DEFAULTS.jwt_secret,
        type=_secret,
        metavar="TEXT",
        help=f"what tokens are signed with, at least {SHORTEST_SECRET} characters; random if not given %(default).0s",
    )
    add(
        "--jobs",
        default=_DEFAULTS.jobs,
        choices=get_args(JobsSwitch),
        help="off: there are no jobs routes, as if left out of the configuration; flag-off: they say that the feature is off",
    )


def _add_pace(add: Callable[..., object]) -> None:
    add(
        "--poll-interval",
        default=_DEFAULTS.poll_interval,
        type=_seconds,
        metavar="SECONDS",
        help="how often each worker looks for a job; 1.0 is the real server's pace",
    )
    add(
        "--worker-timeout",
        default=_DEFAULTS.worker_timeout,
        type=_seconds,
        metavar="SECONDS",
        help="how long after a start the jobs left running by an earlier one go back to pending",
    )
    add(
        "--rate-limit",
        type=_whole,
        metavar="REQUESTS",
        help="how many requests each client address may send a minute; any number if not given, the real server's is 100%(default).0s",
    )


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port <= 65535:
        message = f"{text!r} is no port: give a number from 0 to 65535"
        raise argparse.ArgumentTypeError(message)
    return port


def _whole(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        message = f"{text!r} is no limit: give a whole number from 1"
        raise argparse.ArgumentTypeError(message)
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        message = f"{text!r} is no time: give seconds above zero"
        raise argparse.ArgumentTypeError(message)
    return seconds


def _secret(text: str) -> str:
    if len(text.encode()) < SHORTEST_SECRET:
        message = f"too short: give at least {SHORTEST_SECRET} characters, as the real server asks for"
        raise argparse.ArgumentTypeError(message)
    return text
