"""`login`: sign in once, and keep the tokens for the commands that follow."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any, Final

from cyclopts import Parameter

from .. import AuthenticationFailed, FluxbaseClient
from .accounts import DEFAULT_ACCOUNT, Account, expiry_of, file_of
from .exits import CommandError
from .output import Output
from .settings import URL_VARIABLE, Common, variable

_COMMON: Final = Common()


def login(
    email: Annotated[str | None, Parameter(show_default=False)] = None,
    /,
    *,
    url: str | None = None,
    common: Common = _COMMON,
) -> int:
    """Sign in, and keep the tokens in a file that only you can read.

    The password is asked for, or read from stdin where that is no terminal. Commands use the sign-in where FLUXBASE_KEY is not set, or
    with `--account NAME`.

    Args:
        email: the account's email; asked for if not given.
        url: the server's address; FLUXBASE_URL if not given.
    """
    common.check()
    name = common.account or DEFAULT_ACCOUNT
    path = file_of(name)
    address = url or variable(URL_VARIABLE)
    if address is None:
        raise CommandError("the server is not known", "give --url https://example.com, or export FLUXBASE_URL")
    known_email = email or _ask("email: ")
    password = _password()
    try:
        with FluxbaseClient.sign_in(address, known_email, password, **_options(common)).unwrap() as client:
            tokens = client.tokens
    except AuthenticationFailed as error:
        raise error.with_(hint=error.hint or f"are email and password right, and is {address} the server?") from None
    if tokens is None or tokens.refresh_token is None:
        raise CommandError("the server gave no refresh token, so that there is nothing to keep", "use a token as FLUXBASE_KEY")
    Account(
        name=name,
        url=address.rstrip("/"),
        email=known_email,
        refresh_token=tokens.refresh_token,
        access_token=tokens.access_token,
        expires_at=expiry_of(tokens.access_token, tokens.expires_in),
    ).save()
    if common.json:
        Output(is_json=True).record({"account": name, "url": address, "email": known_email, "file": str(path)})
    else:
        Output(is_json=False).show(f"signed in as {known_email}; kept in {path}")
    return 0


def _options(common: Common) -> dict[str, Any]:
    return {} if common.timeout is None else {"timeout": common.timeout}


def _ask(prompt: str) -> str:
    if not _is_asked():
        raise CommandError("no email is given", "give it as an argument: fluxbase-jobs login ada@example.com")
    try:
        return input(prompt).strip()
    except EOFError:
        raise CommandError("no email is given") from None


def _password() -> str:
    """The password: asked for without echo, or the first line of stdin."""
    try:
        password = getpass.getpass("password: ") if _is_asked() else _first_line()
    except EOFError:
        password = ""
    if not password:
        raise CommandError("no password is given", "type it when asked, or pipe it into the program")
    return password


def _first_line() -> str:
    stdin: Any = sys.stdin  # None where it was closed
    return "" if stdin is None else str(stdin.readline()).rstrip("\r\n")


def _is_asked() -> bool:
    stdin: Any = sys.stdin
    return stdin is not None and bool(stdin.isatty())
