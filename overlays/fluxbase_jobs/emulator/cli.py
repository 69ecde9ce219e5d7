"""The command line, `python -m fluxbase_jobs.emulator`: read its options and run the server, or exit with a one-line error."""

from __future__ import annotations

import argparse
import io
import ipaddress
import logging
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, get_args

from attrs import frozen

from .handlers.decorator import FunctionSet
from .handlers.loader import HandlersFile, UnusableHandlersError
from .profiles import NEWEST, PROFILES
from .server.optional_dependencies import HOW_TO_INSTALL, missing_package
from .settings import DEFAULT_PORT, SHORTEST_SECRET, JobsSwitch, RealtimeSwitch, Settings
from .store import UnusableDatabaseError

_DEFAULTS: Final = Settings()
OWN_NAME: Final = "python -m fluxbase_jobs.emulator"
"""What the program is called where no other program runs it under a name of its own."""
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")


@frozen
class Options:
    """The options of the command line."""

    settings: Settings
    functions: Path | None
    host: str
    port: int
    access_log: bool
    reload: bool
    allowed_hosts: list[str]
    opens_browser: bool


def main(arguments: list[str] | None = None, program: str = OWN_NAME) -> None:
    """Run the emulator until it is stopped; exit with status 1 and one line on stderr if it cannot run."""
    _escape_unencodable_characters()
    options = read_options(arguments, program)
    _configure_logging(options)
    try:
        _serve(options)
    except ModuleNotFoundError as error:
        package = missing_package(error)
        if package is None:
            raise
        _exit(f"{package} is not installed: {HOW_TO_INSTALL}")


def read_options(arguments: list[str] | None, program: str = OWN_NAME) -> Options:
    """Parse the command line; exit with status 2 and one line on stderr if it is wrong."""
    found = _parser(program).parse_args(arguments)
    settings = Settings(
        profile=PROFILES[found.profile],
        jwt_secret=found.jwt_secret,
        database=found.database,
        poll_interval=found.poll_interval,
        worker_timeout=found.worker_timeout,
        rate_limit=found.rate_limit,
        jobs=found.jobs,
        realtime=found.realtime,
    )
    access_log = sys.stderr.isatty() if found.access_log is None else found.access_log
    return Options(settings, found.functions, found.host, found.port, access_log, found.reload, found.allow_host, found.open)


def _escape_unencodable_characters() -> None:
    """Print names with characters that the console's encoding lacks as escapes in place of ending with an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _configure_logging(options: Options) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("fluxbase_jobs.emulator.server.reloader").setLevel(logging.INFO)
    if options.access_log:
        logging.getLogger("fluxbase_jobs.emulator.access").setLevel(logging.INFO)


def _serve(options: Options) -> None:
    from .server.serve import serve  # noqa: PLC0415  # needs the extra, which may be missing
    from .server.sockets import UnusableAddressError  # noqa: PLC0415  # the same

    handlers = HandlersFile(options.functions) if options.functions else None
    try:
        functions = handlers.load() if handlers else FunctionSet()
        watched = handlers if options.reload else None
        hosts, opens_browser = options.allowed_hosts, options.opens_browser
        serve(options.settings, functions, options.host, options.port, watched, allowed_hosts=hosts, opens_browser=opens_browser)
    except (UnusableHandlersError, UnusableAddressError, UnusableDatabaseError) as error:
        _exit(str(error))


def _exit(message: str) -> NoReturn:
    sys.stderr.write(f"fluxbase-jobs emulator: {message}\n")
    sys.exit(1)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Report a wrong option in one line instead of argparse's whole usage."""
        self.exit(2, f"fluxbase-jobs emulator: {message} (--help lists the options)\n")


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program,
        description="A development server that speaks the Fluxbase jobs API and runs Python handlers.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_program_options(parser.add_argument_group("program").add_argument)
    _add_behaviour_options(parser.add_argument_group("server behaviour").add_argument)
    _add_timing_options(parser.add_argument_group("timing (seconds) and limits").add_argument)
    return parser


def _add_program_options(add: Callable[..., object]) -> None:
    add("--host", default="127.0.0.1", help="address to listen on")
    add(
        "--allow-host",
        action="append",
        default=[],
        type=_host_name,
        metavar="NAME",
        help="answer requests to this host name too, for port forwards; on loopback only loopback names are answered"
        "%(default).0s (can be repeated)",
    )
    add("--port", default=DEFAULT_PORT, type=_port, help="port to listen on; 0 picks a free one and prints it")
    add("--open", action="store_true", help="open the dashboard in a browser; it is served at /_emulator, on loopback only%(default).0s")
    add("--functions", type=Path, metavar="FILE.py", help="Python file with the handlers (default: no functions)%(default).0s")
    add("--reload", action=argparse.BooleanOptionalAction, default=True, help="reload the handlers when their files change")
    add(
        "--database",
        type=Path,
        metavar="FILE",
        help="SQLite file to store the state and the token secret in (default: in memory)%(default).0s",
    )
    add(
        "--access-log",
        action=argparse.BooleanOptionalAction,
        help="log each request, and the start and end of each job, to stderr (default: on when stderr is a terminal)%(default).0s",
    )


def _add_behaviour_options(add: Callable[..., object]) -> None:
    add("--profile", default=NEWEST.name, choices=sorted(PROFILES), help="version of the real server to behave like")
    add(
        "--jwt-secret",
        default=_DEFAULTS.jwt_secret,
        type=_secret,
        metavar="TEXT",
        help=f"secret that signs tokens, at least {SHORTEST_SECRET} characters; random if not given %(default).0s",
    )
    add(
        "--jobs",
        default=_DEFAULTS.jobs,
        choices=get_args(JobsSwitch),
        help="off: the server has no jobs routes, as if jobs were not configured; flag-off: they answer that the feature is off",
    )
    add(
        "--realtime",
        default=_DEFAULTS.realtime,
        choices=get_args(RealtimeSwitch),
        help="off: there is no WebSocket; all: it sends changes of jobs where a fresh real server sends log lines only",
    )


def _add_timing_options(add: Callable[..., object]) -> None:
    add(
        "--poll-interval",
        default=_DEFAULTS.poll_interval,
        type=_seconds,
        metavar="SECONDS",
        help="how often each worker polls the queue; the real server's interval is 1.0",
    )
    add(
        "--worker-timeout",
        default=_DEFAULTS.worker_timeout,
        type=_seconds,
        metavar="SECONDS",
        help="how long after a start the jobs that an earlier run left running go back to pending",
    )
    add(
        "--rate-limit",
        type=_limit,
        metavar="REQUESTS",
        help="requests a minute for each client address (default: no limit; the real server's is 100)%(default).0s",
    )


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return port


def _host_name(text: str) -> str:
    """A name or an address, IPv6 with or without brackets: an empty one would stand for every `Host` of no valid form."""
    try:
        if not _HOST_NAME.fullmatch(text):
            ipaddress.ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a host name: give one like dev.example, without scheme, port and path") from None
    return text


def _limit(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a limit: give a whole number from 1")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: give seconds above zero")
    return seconds


def _secret(text: str) -> str:
    if len(text.encode()) < SHORTEST_SECRET:
        raise argparse.ArgumentTypeError(f"too short: give at least {SHORTEST_SECRET} characters, as the real server asks for")
    return text
