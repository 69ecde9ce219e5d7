"""Serve an emulator with Uvicorn: start, start-up lines, signals, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from ipaddress import ip_address
from types import FrameType
from typing import Any, Final, NoReturn

import uvicorn
from starlette.types import ASGIApp

from ..app import DEVELOPER, Emulator
from ..dashboard.application import PATH, Dashboard
from ..faults.faults import Faults
from ..faults.injection import FaultInjection
from ..handlers.decorator import FunctionSet, describe
from ..handlers.loader import HandlersFile
from ..runtime.run import THREAD_NAME
from ..settings import Settings
from .hosts import HostCheck
from .origins import OriginCheck
from .reloader import reload_on_change
from .shell import variable_line
from .sockets import http_config, listen, url_of

_DAY_SECONDS: Final = 24 * 60 * 60
_KEPT_DAYS: Final = 30
"""How long the printed keys are good where a database file lets them outlive the emulator; otherwise a day."""

_HIDDEN_LOGS: Final = (
    "clients see a job's log only after the next start, as on this server: with --profile 2026-03 at once; what handlers log and raise "
    "is shown here"
)
_LISTED_JOBS: Final = 10
"""How many of the unfinished jobs are named when the program stops."""


def serve(
    settings: Settings,
    functions: FunctionSet,
    host: str,
    port: int,
    watched: HandlersFile | None = None,
    *,
    allowed_hosts: Iterable[str] = (),
    opens_browser: bool = False,
) -> None:
    """Serve an emulator until SIGINT or SIGTERM.

    Args:
        settings: its behaviour.
        functions: the job functions it can run at first.
        host: the address to listen on.
        port: the port to listen on; 0 picks a free one.
        watched: a handlers file to reload when it changes.
        allowed_hosts: names that requests may have in `Host` besides those of loopback, when listening on loopback.
        opens_browser: whether the page is opened in the user's browser, when listening on loopback.

    Raises:
        UnusableAddressError: the port is in use, the host is not an address of this machine, ...
        UnusableDatabaseError: the settings' database cannot be opened.
    """
    with listen(host, port) as listener:
        emulator = Emulator(settings, functions)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _exit_after_shutdown)
        address = listener.getsockname()[0]
        dashboard = dashboard_of(emulator) if _is_loopback(address) else None
        config = http_config(protected(dashboard, host, [*allowed_hosts]) if dashboard else emulator.app)
        logging.getLogger("uvicorn.error").addFilter(_is_not_cancellation)
        lines = _start_up_lines(emulator, functions, url_of(listener), address)
        background = partial(reload_on_change, watched, emulator.replace_functions) if watched else None
        last_lines = partial(_unfinished_lines, emulator)
        page = url_of(listener) + PATH if opens_browser and dashboard else None
        _Server(config, lines, background, last_lines, dashboard=dashboard, page=page).run(sockets=[listener])


def dashboard_of(emulator: Emulator) -> Dashboard:
    """The emulator with its page and with faults, which do not reach the page."""
    faults = Faults(emulator.app.routes, emulator.services.defects, emulator.settings.profile)
    return Dashboard(emulator, faults, FaultInjection(emulator.app, faults))


def protected(dashboard: Dashboard, host: str, allowed_hosts: list[str]) -> ASGIApp:
    """The page needs no key, so that neither other sites nor other names of this machine may reach it."""
    return HostCheck(OriginCheck(dashboard, PATH, allowed_hosts), [host, *allowed_hosts])


class _Server(uvicorn.Server):
    """A Uvicorn server that prints lines when it is ready and when it stops, and runs a background task.

    Args:
        config: what it serves.
        lines: printed when it is ready.
        background: runs until the server stops.
        last_lines: gives what is printed when it stops.
        dashboard: the page, whose streams end when the server stops.
        page: its address, if a browser shall open it.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        lines: list[str],
        background: Callable[[], Coroutine[Any, Any, None]] | None,
        last_lines: Callable[[], list[str]],
        *,
        dashboard: Dashboard | None,
        page: str | None,
    ) -> None:
        super().__init__(config)
        self._lines = lines
        self._background = background
        self._last_lines = last_lines
        self._dashboard = dashboard
        self._page = page
        self._task: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the lines: whoever has read them can connect."""
        await super().startup(sockets)
        if self._background:
            self._task = asyncio.create_task(self._background())
        if self.started:
            _print(self._lines)
        if self.started and self._page:
            # In a thread: some browsers run in the foreground until they are closed.
            threading.Thread(target=webbrowser.open, args=[self._page], daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shut down gracefully at the first signal, and exit at once at the second: acknowledged data is on disk already."""
        if self.should_exit:
            _exit_at_once()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the background task, print what is left unfinished, then stop the server."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._dashboard:
            self._dashboard.close()
        _print(self._last_lines())
        await super().shutdown(sockets)


def _start_up_lines(emulator: Emulator, functions: FunctionSet, url: str, address: str) -> list[str]:
    """The lines printed when the server is ready: its URL, keys, functions and database.

    Args:
        emulator: issues the keys.
        functions: the job functions it can run.
        url: its URL for clients on this machine.
        address: the IP address it listens on.
    """
    settings = emulator.settings
    days = _KEPT_DAYS if settings.database else 1
    service_key = emulator.service_key(days * _DAY_SECONDS)
    lines = [
        f"fluxbase-jobs emulator ({settings.profile.name}) on {url}",
        f"  service key: {service_key}",
        f"  user key:    {emulator.user_key(DEVELOPER, days * _DAY_SECONDS)}  ({DEVELOPER})",
        f"  functions:   {describe(functions) or 'none: name a handlers file with --functions FILE.py'}",
        f"  database:    {settings.database or 'in memory, gone at the end: keep it with --database FILE'}",
    ]
    if settings.profile.hides_logs_until_restart:
        lines.append(f"  logs:        {_HIDDEN_LOGS}")
    if _is_loopback(address):
        lines.append(f"  dashboard:   {url}{PATH}")
    else:
        lines.append(f"  network:     open to all who reach {address}, and they can sign up: omit --host to prevent that")
        lines.append("  dashboard:   none, as it needs no key: omit --host to have it")
    return [
        *lines,
        f"  keys are good for {f'{days} days, also after a restart' if settings.database else '24 hours'}; stop with Ctrl-C",
        variable_line("FLUXBASE_URL", url),
        variable_line("FLUXBASE_KEY", service_key),
    ]


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


def _unfinished_lines(emulator: Emulator) -> list[str]:
    """The lines printed when the program stops: which jobs it leaves, and what becomes of them."""
    database = emulator.settings.database
    count, jobs = emulator.services.jobs.unfinished(_LISTED_JOBS)
    if not count:
        return []
    fate = (
        f"the next start with --database {database} goes on with them"
        if database
        else "gone with the memory: keep them with --database FILE"
    )
    lines = [f"  {job.status} {job.id} of {job.namespace}/{job.job_name}" for job in jobs]
    more = [f"  and {count - len(jobs)} more"] if count > len(jobs) else []
    return [f"{count} unfinished {'job is' if count == 1 else 'jobs are'} left ({fate}):", *lines, *more]


def _print(lines: list[str]) -> None:
    """Print lines; whoever read the program's output may have gone."""
    if lines:
        with contextlib.suppress(BrokenPipeError):
            print("\n".join(lines), flush=True)  # noqa: T201  # the program's output


def _is_not_cancellation(record: logging.LogRecord) -> bool:
    """Filter out the errors that Uvicorn logs for requests cut off by its own shutdown."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _exit_after_shutdown(_number: int, _frame: FrameType | None) -> None:
    """Exit when everything is shut down: Uvicorn then raises the signal that stopped it again, which calls this."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        # A handler that does not end, for example in a long call into C, cannot be waited for, and the interpreter's own
        # shutdown may crash in that handler's print().
        _exit_at_once()
    sys.exit(0)


def _exit_at_once() -> NoReturn:
    sys.stdout.flush()
    os._exit(0)
