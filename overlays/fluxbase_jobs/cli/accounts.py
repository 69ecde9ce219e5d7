"""Kept sign-ins: a file for each, which only its owner can read, with tokens that are refreshed when they are due."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, cast

import msgspec.structs
from attrs import evolve, field, frozen

from .. import AuthenticationFailed, FluxbaseClient, Tokens
from .exits import CommandError

DEFAULT_ACCOUNT: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LEEWAY_SECONDS: Final = 60
"""Tokens are refreshed this long before they expire."""
_UNKNOWN_LIFETIME: Final = 600.0
"""Seconds after which a token is refreshed that does not tell its lifetime."""
_LONGEST_LIFETIME: Final = 1e9
"""Seconds; a token that claims more, nothing, or less does not tell its lifetime."""
_LOCK_SECONDS: Final = 30.0
"""A lock that is older was left behind by a program that was killed."""


class _Kept(msgspec.Struct):
    """What the file of a sign-in holds."""

    url: str
    email: str
    refresh_token: str
    access_token: str
    expires_at: float


_read_kept = msgspec.json.Decoder(_Kept).decode


@frozen(kw_only=True)
class Account:
    """A kept sign-in.

    Attributes:
        name: what the user calls it.
        url: the server.
        email: whose it is.
        refresh_token: buys new tokens, once.
        access_token: what requests carry.
        expires_at: when that expires, in seconds since 1970.
    """

    name: str
    url: str
    email: str
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_at: float

    def token(self) -> str:
        """An access token that is good for a while: the kept one, or a new one. Clients call this before each request."""
        account = read_account(self.name)
        if account.is_fresh():
            return account.access_token
        with _locked(self.name):  # another program may refresh at this moment, and a refresh token works once
            account = read_account(self.name)
            return (account if account.is_fresh() else _refreshed(account)).access_token

    def is_fresh(self) -> bool:
        """Whether the access token is good for a while."""
        return self.expires_at - _LEEWAY_SECONDS > time.time()

    def with_tokens(self, tokens: Tokens) -> Account:
        """The account with a new pair of tokens."""
        return evolve(
            self,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or self.refresh_token,
            expires_at=expiry_of(tokens.access_token, tokens.expires_in),
        )

    def save(self) -> None:
        """Write the file, whole or not at all, readable by its owner only. Raises CommandError where that is impossible."""
        path = file_of(self.name)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        fields = {name: getattr(self, name) for name in ("url", "email", "refresh_token", "access_token", "expires_at")}
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump(fields, file)
            temporary.replace(path)
        except OSError as error:
            raise CommandError(f"the sign-in cannot be kept in {path}: {error.strerror}", "make that folder writable for you") from None


def read_account(name: str) -> Account:
    """Read a kept sign-in. Raises CommandError where there is none, or its file is spoiled."""
    account = find_account(name)
    if account is None:
        raise CommandError(f"no sign-in is kept as {name}", f"run `{login_command(name)}`")
    return account


def find_account(name: str) -> Account | None:
    """Read a kept sign-in; None where there is none. Raises CommandError where its file is spoiled."""
    path = file_of(name)
    try:
        kept = _read_kept(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", "make it readable for you") from None
    except (ValueError, RecursionError):
        raise CommandError(f"{path} is no kept sign-in any more", f"run `{login_command(name)}` again") from None
    return Account(name=name, **msgspec.structs.asdict(kept))


def expiry_of(token: str, expires_in: float | None = None) -> float:
    """When a token expires, in seconds since 1970: counted from now, as this machine's clock may be wrong."""
    seconds = _lifetime(token) if expires_in is None else expires_in
    return time.time() + (seconds if seconds is not None and 0 < seconds < _LONGEST_LIFETIME else _UNKNOWN_LIFETIME)


def _lifetime(token: str) -> float | None:
    """The seconds from a JWT's issue to its expiry; None where it does not say them."""
    claims = jwt_claims(token) or {}
    begin, end = claims.get("iat"), claims.get("exp")
    with contextlib.suppress(OverflowError):  # an integer that no float holds
        if isinstance(begin, int | float) and isinstance(end, int | float):
            return float(end) - float(begin)
    return None


def jwt_claims(token: str) -> dict[str, Any] | None:
    """What a JWT says of itself, which is not checked here; None for what is no JWT."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", claims) if isinstance(claims, dict) else None


def login_command(name: str) -> str:
    """How to sign in under this name."""
    return "fluxbase-jobs login" + (f" --account {name}" if name != DEFAULT_ACCOUNT else "")


def file_of(name: str) -> Path:
    """Where a sign-in is kept. Raises CommandError for a name that is no file's."""
    if not _NAME.fullmatch(name):
        letters = "letters, digits, dots, hyphens and underscores"
        raise CommandError(
            f"--account {name!r} is no name for a sign-in", f"a name has {letters}; `login` without --account calls it default"
        )
    variable, fallback = ("APPDATA", "~/AppData/Roaming") if sys.platform == "win32" else ("XDG_CONFIG_HOME", "~/.config")
    return Path(os.environ.get(variable) or fallback).expanduser() / "fluxbase-jobs" / "accounts" / f"{name}.json"


def _refreshed(account: Account) -> Account:
    """The account with new tokens, which are kept before they are used."""
    received: list[Account] = []

    def keep(tokens: Tokens) -> None:
        received.append(account.with_tokens(tokens))
        received[-1].save()

    with FluxbaseClient(account.url, refresh_token=account.refresh_token, on_tokens=keep) as client:
        error = client.jobs.list(limit=1).error  # any request: without a key, the tokens are refreshed first
    if received:
        return received[-1]
    if error is None or isinstance(error, AuthenticationFailed):
        raise CommandError(f"the sign-in of {account.email} has ended", f"run `{login_command(account.name)}` again")
    raise error


@contextlib.contextmanager
def _locked(name: str) -> Generator[None]:
    """Hold a sign-in's lock: a file that only one program can create."""
    path = file_of(name).with_suffix(".lock")
    end = time.monotonic() + _LOCK_SECONDS
    while not _create(path):
        if time.monotonic() > end:
            path.unlink(missing_ok=True)
        time.sleep(0.05)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _create(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    except OSError as error:
        raise CommandError(
            f"the tokens cannot be refreshed: {path} cannot be written ({error.strerror})", "make that folder writable for you"
        ) from None
    return True
