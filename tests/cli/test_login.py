"""`login`, and the commands that use the kept sign-in."""

from __future__ import annotations

import base64
import json
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fluxbase_jobs.cli.accounts import Account, file_of, read_account

from tests.support.program import Program

EMAIL = "ada@example.com"
PASSWORD = "correct-horse-9"
LIFETIMES: tuple[object, ...] = (0, -900, 1e300, "soon", [])
ODD: tuple[object, ...] = (None, [], {}, True)
MOMENTS: tuple[object, ...] = ("", "soon", float("nan"), float("inf"))


@pytest.fixture
def user(program: Program, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The command line without a key, and a user who can sign in."""
    account = {"email": EMAIL, "password": PASSWORD}
    httpx.post(f"{program.server.url}/api/v1/auth/signup", json=account).raise_for_status()
    monkeypatch.delenv("FLUXBASE_KEY")
    return program


def jwt(claims: str) -> str:
    """A token with these claims, which nobody has signed."""
    return f"eyJ.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.x"


def kept(name: str = "default") -> dict[str, Any]:
    """What the file of a sign-in holds."""
    fields: dict[str, Any] = json.loads(file_of(name).read_text("utf-8"))
    return fields


def change(name: str = "default", **changes: object) -> None:
    """Change the file of a sign-in."""
    file_of(name).write_text(json.dumps({**kept(name), **changes}), "utf-8")


def test_login(user: Program) -> None:
    """The tokens are kept in a file that only its owner reads; nothing shows them or the password."""
    ended = user("login", EMAIL, stdin=f"{PASSWORD}\n")
    path = file_of("default")

    assert (ended.code, ended.out, ended.err) == (0, f"signed in as {EMAIL}; kept in {path}\n", "")
    assert sys.platform == "win32" or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD not in path.read_text("utf-8")
    assert user("list").code == 0
    assert "the sign-in of ada@example.com, kept as default" in user("doctor").out


def test_the_sign_in_goes_with_its_server(user: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLUXBASE_URL is not needed, and another server does not get the tokens."""
    user("login", EMAIL, "--account", "work", stdin=PASSWORD)
    user("login", EMAIL, stdin=PASSWORD)
    monkeypatch.delenv("FLUXBASE_URL")
    without = user("list"), user("list", "--account", "work")
    monkeypatch.setenv("FLUXBASE_URL", "http://127.0.0.1:9")

    assert [ended.code for ended in without] == [0, 0]
    assert "Connection refused" in user("list").error
    assert user("list", "--account", "work").code == 0


def test_tokens_are_refreshed_when_they_are_due(user: Program) -> None:
    """And kept before they are used, as a refresh token works once."""
    user("login", EMAIL, stdin=PASSWORD)
    change(expires_at=time.time() + 5)
    before = kept()
    first, second = user("list"), user("list")

    assert (first.code, second.code) == (0, 0)
    assert kept()["refresh_token"] != before["refresh_token"]
    assert kept()["expires_at"] > time.time() + 60
    assert not file_of("default").with_suffix(".lock").exists()


@pytest.mark.parametrize(
    "told",
    [
        *({"expires_in": seconds} for seconds in LIFETIMES),
        *(
            {"access_token": jwt(claims)}
            for claims in ('{"exp":1e999,"iat":1}', f'{{"exp":{10**400},"iat":1.5}}', '{"exp":1,"iat":9}', "[" * 9000)
        ),
    ],
    ids=str,
)
def test_tokens_are_kept_whatever_is_said_of_their_lifetime(user: Program, told: dict[str, Any]) -> None:
    """A refresh token works once; they are refreshed again some minutes later, and not at each request."""
    user("login", EMAIL, stdin=PASSWORD)
    tokens = {"access_token": kept()["access_token"], "refresh_token": "the-next-one", **told}
    change(expires_at=0)
    user.server.faults.add("/api/v1/auth/refresh", status=200, body=tokens)

    ended = user("list"), user("list")

    assert kept()["refresh_token"] == "the-next-one"
    assert "Traceback" not in "".join(each.err for each in ended)
    assert 60 < kept()["expires_at"] - time.time() < 3600


def test_one_of_many_programs_refreshes(user: Program) -> None:
    """The others wait for its tokens: a refresh token that is sent twice is refused."""
    user("login", EMAIL, stdin=PASSWORD)
    change(expires_at=0)
    with ThreadPoolExecutor(4) as pool:
        tokens = [*pool.map(Account.token, [read_account("default")] * 8)]

    assert set(tokens) == {kept()["access_token"]}


def test_sign_in_that_has_ended(user: Program) -> None:
    """It says what to run."""
    user("login", EMAIL, "--account", "work", stdin=PASSWORD)
    change("work", expires_at=0, refresh_token="none")
    ended = user("list", "--account", "work")

    assert ended.error == f"the sign-in of {EMAIL} has ended (run `fluxbase-jobs login --account work` again)"


COMPLETE = {"url": "http://127.0.0.1:9", "email": EMAIL, "refresh_token": "r", "access_token": "a", "expires_at": 9e9}
SPOILED = (
    *(json.dumps({**COMPLETE, field: value}) for field in COMPLETE for value in ODD),
    *(json.dumps({**COMPLETE, "expires_at": value}) for value in MOMENTS),
)


@pytest.mark.parametrize("content", ["", "{}", "[]", "\x00", '{"url": 1}', "[" * 100_000, *SPOILED])
def test_spoiled_file(user: Program, content: str) -> None:
    """One line, and no traceback."""
    file_of("work").parent.mkdir(parents=True)
    file_of("work").write_text(content, "utf-8")

    assert user("list", "--account", "work").error.endswith("is no kept sign-in any more (run `fluxbase-jobs login --account work` again)")


@pytest.mark.parametrize(
    ("arguments", "password", "code", "message"),
    [
        ([EMAIL], "wrong-password-1", 5, "(are email and password right, and is http"),
        ([EMAIL], "", 2, "no password is given (type it when asked, or pipe it into the program)"),
        ([], PASSWORD, 2, "no email is given (give it as an argument: fluxbase-jobs login ada@example.com)"),
        ([EMAIL, "--url", "nonsense"], PASSWORD, 2, "url must be the server's address"),
        ([EMAIL, "--url", "http://127.0.0.1:9"], PASSWORD, 5, "Connection refused"),
        ([EMAIL, "--account", "a/b"], PASSWORD, 2, "--account 'a/b' is no name for a sign-in"),
        ([EMAIL, "--password", PASSWORD], PASSWORD, 2, "Unknown option"),
    ],
)
def test_wrong_arguments(user: Program, arguments: list[str], password: str, code: int, message: str) -> None:
    """One line, and nothing is kept."""
    ended = user("login", *arguments, stdin=password)

    assert (ended.code, ended.out) == (code, "")
    assert message in ended.error
    assert not file_of("default").exists()


def test_no_server_is_named(user: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """How to name one."""
    monkeypatch.delenv("FLUXBASE_URL")

    assert user("login", EMAIL, stdin=PASSWORD).error == "the server is not known (give --url https://example.com, or export FLUXBASE_URL)"


def test_folder_that_cannot_be_written(user: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The path, and why."""
    (tmp_path / "file").touch()
    for name in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "file"))

    assert "the sign-in cannot be kept in" in user("login", EMAIL, stdin=PASSWORD).error
