"""What every command takes, and the client that it uses: of the environment, or of a kept sign-in."""

from __future__ import annotations

import math
import os
from typing import Annotated, Any, Final

from attrs import frozen
from cyclopts import Parameter

from .. import FluxbaseClient
from .accounts import DEFAULT_ACCOUNT, Account, find_account, read_account
from .exits import CommandError

URL_VARIABLE: Final = "FLUXBASE_URL"
KEY_VARIABLE: Final = "FLUXBASE_KEY"
WAIT_SECONDS: Final = 900.0
"""How long a command waits for a job where `--timeout` is not given."""


@Parameter(name="*")
@frozen
class Common:
    """The options of every command."""

    json: Annotated[bool, Parameter(negative="", show_default=False)] = False
    """Print JSON, one object a line."""

    timeout: Annotated[float | None, Parameter(show_default=False)] = None
    """Seconds: of the whole wait where the command waits (900 if not given), of each request elsewhere (30)."""

    account: Annotated[str | None, Parameter(show_default=False)] = None
    """The name of a kept sign-in: `login` keeps it under this name, `default` if not given; commands use it in place of FLUXBASE_KEY."""

    @property
    def wait_seconds(self) -> float:
        """How long to wait for a job."""
        return WAIT_SECONDS if self.timeout is None else self.timeout

    def client(self, *, waits: bool = False) -> FluxbaseClient:
        """The client for these options. Raises CommandError where the server or the key is not known.

        Args:
            waits: the command waits for a job, so that `--timeout` is not that of a request.
        """
        self.check()
        options: dict[str, Any] = {} if waits or self.timeout is None else {"timeout": self.timeout}
        account = self.kept_account()
        if account is not None:
            return FluxbaseClient(account.url, account.token, **options)
        # A refresh token works once: one from the environment could not be kept for the next command.
        return FluxbaseClient.from_env(refresh_token=None, **options)

    def check(self) -> None:
        """Raise CommandError for a time limit that is none."""
        if self.timeout is not None and not 0 < self.timeout < math.inf:
            raise CommandError(f"--timeout {self.timeout:g} is no time limit", "give seconds above zero")

    def kept_account(self) -> Account | None:
        """The kept sign-in to use: the named one, or the default one where the environment has no key."""
        url, key = variable(URL_VARIABLE), variable(KEY_VARIABLE)
        if self.account is not None:
            return read_account(self.account)
        if key is not None:
            return None
        account = find_account(DEFAULT_ACCOUNT)
        if account is not None and url in {None, account.url}:
            return account
        if url is None:
            raise CommandError(
                f"{URL_VARIABLE} is not set",
                "export FLUXBASE_URL and FLUXBASE_KEY, or sign in with `fluxbase-jobs login`; `fluxbase-jobs dev` starts a server to try",
            )
        return None


def variable(name: str) -> str | None:
    """A variable of the environment; None where it is empty or not set."""
    return os.environ.get(name, "").strip() or None
