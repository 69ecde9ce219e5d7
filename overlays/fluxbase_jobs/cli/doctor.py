"""`doctor`: whether a server can be used from here, and how to mend what is missing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, TypeAlias, cast

from attrs import frozen
from rich.text import Text

from .. import AuthenticationFailed, Err, FluxbaseClient, FluxbaseError, NotFound, PermissionDenied, RateLimited, ServerFailed
from .._lazy import httpx
from .accounts import Account, jwt_claims
from .exits import UNREACHABLE, USAGE, CommandError
from .messages import NEEDS_ADMIN
from .output import Output, safe
from .settings import KEY_VARIABLE, URL_VARIABLE, Common, variable
from .tables import span_text

State: TypeAlias = Literal["ok", "note", "miss"]

_COMMON: Final = Common()
_CLOCK_SECONDS: Final = 30.0
"""A difference of the clocks beyond which tokens seem to have expired, or not to be valid yet."""
_PROBE_SECONDS: Final = 10.0
_STYLES: Final[dict[State, str]] = {"ok": "green", "note": "yellow", "miss": "red"}
_KEY_FORMS: Final = {"sk": "a service key", "pk": "a service key", "fb": "a service key", "fbk": "a client key"}
_NO_KEY: Final = "export FLUXBASE_KEY with a key of this server, or sign in with `fluxbase-jobs login`"


@frozen
class Check:
    """What was looked at, what was found, and how to mend it where it is missing."""

    name: str
    state: State
    found: str
    cure: str | None = None

    @property
    def is_vital(self) -> bool:
        """Whether the server is unusable if this is missing."""
        return self.state == "miss" and self.name in {"settings", "server", "key", "jobs"}


def doctor(*, common: Common = _COMMON) -> int:
    """Check whether the server can be used from here; exit with 0 where it can."""
    output = Output(common.json)
    code = 0
    for check in _checks(common):
        _show(output, check)
        if check.is_vital:
            code = USAGE if check.name == "settings" else UNREACHABLE
    return code


def _show(output: Output, check: Check) -> None:
    if output.is_json:
        output.record({"check": check.name, "state": check.state, "found": check.found, "cure": check.cure})
        return
    output.show(Text.assemble((f"{check.state:<5}", _STYLES[check.state]), f"{check.name:<10}", safe(check.found)))
    if check.cure:
        output.show(Text(f"               {safe(check.cure)}", "dim"))


def _checks(common: Common) -> Iterator[Check]:
    try:
        account = common.kept_account()
        client = common.client()
    except (CommandError, FluxbaseError) as error:
        yield Check("settings", "miss", error.message, error.hint or f"export {URL_VARIABLE}, like https://example.com")
        return
    url = account.url if account else str(variable(URL_VARIABLE))
    with client:
        try:
            started = time.time()
            answer = httpx.get(f"{url.rstrip('/')}/health", timeout=min(common.timeout or _PROBE_SECONDS, _PROBE_SECONDS))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            yield Check(
                "server",
                "miss",
                f"{url} does not answer: {error}",
                f"start it, or correct {URL_VARIABLE}; `fluxbase-jobs dev` starts one to try",
            )
            return
        found = [*_server(url, answer, (started + time.time()) / 2)]
        yield from found
        if found[0].is_vital:
            return
        key = _key(account)
        yield key
        if key.cure != _NO_KEY:
            yield from _access(client)
        yield _realtime(url)


def _server(url: str, answer: httpx.Response, now: float) -> Iterator[Check]:
    body = _body(answer)
    if answer.status_code in {401, 403, 404}:
        yield Check("server", "note", f"{url} hides its /health (status {answer.status_code}), so that its version is unknown")
        return
    if body.get("status") is None:
        yield Check(
            "server",
            "miss",
            f"{url} answers with status {answer.status_code}, but not as Fluxbase does",
            f"correct {URL_VARIABLE}: without a path",
        )
        return
    server_version = "2026-03" if "services" in body else "2026-04 or later"
    yield Check("server", "ok", f"{url} answers as Fluxbase {server_version} does")
    difference = _difference(body, answer, now)
    if difference is None:
        yield Check("clock", "note", "the server does not tell its time")
    elif abs(difference) > _CLOCK_SECONDS:
        side = "behind" if difference > 0 else "ahead of"
        yield Check(
            "clock",
            "miss",
            f"this machine's clock is {abs(difference):.0f} s {side} the server's",
            "set it, for example with NTP: tokens seem to have expired",
        )
    else:
        yield Check("clock", "ok", "agrees with the server's")


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _difference(body: dict[str, Any], answer: httpx.Response, now: float) -> float | None:
    """How many seconds the server's clock is ahead."""
    try:
        told = datetime.fromisoformat(str(body["timestamp"])[:19]).replace(tzinfo=UTC)
    except (KeyError, ValueError):
        try:
            told = parsedate_to_datetime(answer.headers["date"])
        except (KeyError, ValueError):
            return None
    return told.timestamp() - now


def _key(account: Account | None) -> Check:
    """Which key is used, without showing it."""
    if account is not None:
        return Check("key", "ok", f"the sign-in of {account.email}, kept as {account.name}")
    key = variable(KEY_VARIABLE)
    if key is None:
        return Check("key", "miss", "there is none", _NO_KEY)
    form = _KEY_FORMS.get(key.partition("_")[0])
    if form:
        return Check("key", "ok", f"{form} ({KEY_VARIABLE}); commands for admins need a token")
    claims = jwt_claims(key)
    if claims is None:
        return Check("key", "note", f"{KEY_VARIABLE} has no form that is known; it is sent as a token")
    return _token(claims)


def _token(claims: dict[str, Any]) -> Check:
    role = safe(str(claims.get("role") or claims.get("user_role") or "unknown"))[:40]
    expiry = claims.get("exp")
    if not isinstance(expiry, int | float):
        return Check("key", "ok", f"a token of the role {role} ({KEY_VARIABLE})")
    left = expiry - time.time()
    if left <= 0:
        return Check(
            "key",
            "miss",
            f"the token in {KEY_VARIABLE} (role {role}) expired {_span(-left)} ago",
            "get a new one, or sign in with `fluxbase-jobs login`",
        )
    return Check("key", "ok", f"a token of the role {role}, good for {_span(left)} ({KEY_VARIABLE})")


def _span(seconds: float) -> str:
    return span_text(timedelta(seconds=min(seconds, 1e9)))


def _access(client: FluxbaseClient) -> Iterator[Check]:
    """Whether the key opens the jobs, their logs and what is for admins."""
    listed = client.jobs.list(status="completed", limit=1, retry=None)
    if isinstance(listed, Err):
        yield Check("jobs", "miss", listed.error.message, _cure(listed.error))
        return
    yield Check("jobs", "ok", "can be listed")
    admin = client.admin.jobs.list_namespaces(retry=None)
    if isinstance(admin, Err):
        yield Check(
            "admin",
            "note",
            f"not open to this key: {admin.error.message}",
            f"functions, stats, workers, sync, stubs and terminate {NEEDS_ADMIN}",
        )
    else:
        yield Check("admin", "ok", "open to this key")
    yield _logs(client, listed.data[0].id if listed.data else None)


def _logs(client: FluxbaseClient, job_id: str | None) -> Check:
    if job_id is None:
        return Check("logs", "note", "no job has completed yet, so that there is no log to read", "run one, and look again")
    lines = client.jobs.logs(job_id, retry=None)
    if isinstance(lines, Err):
        return Check(
            "logs",
            "note",
            f"the newest completed job's log cannot be read: {lines.error.message}",
            "logs are open to the job's own user and to service roles",
        )
    if not lines.data:
        return Check(
            "logs",
            "miss",
            "the server hides the newest completed job's log",
            "servers of April 2026 show logs after their next start, with the causes of failures; an emulator shows both in its terminal, "
            "and with --profile 2026-03 hides nothing",
        )
    return Check("logs", "ok", "can be read")


def _cure(error: FluxbaseError) -> str:
    if error.hint:
        return error.hint
    if isinstance(error, AuthenticationFailed):
        return f"the key is not one of this server, or has expired: {_NO_KEY}"
    if isinstance(error, PermissionDenied):
        return "give the key the scope of jobs, or use one of a user"
    if isinstance(error, RateLimited):
        return "wait a minute, then look again"
    if isinstance(error, NotFound | ServerFailed):
        return "switch jobs on in the server's configuration: FLUXBASE_JOBS_ENABLED=true"
    return "look into the server's log"


def _realtime(url: str) -> Check:
    """Whether the WebSocket is there, by what the server answers to a request that opens none."""
    try:
        status = httpx.get(f"{url.rstrip('/')}/realtime", timeout=_PROBE_SECONDS).status_code
    except httpx.HTTPError as error:
        return Check("realtime", "note", f"no answer: {error}", "waits poll instead")
    if status in {401, 426}:
        return Check("realtime", "ok", "is there")
    return Check(
        "realtime",
        "note",
        f"is not there (status {status}); waits poll instead",
        "switch it on in the server's configuration: FLUXBASE_REALTIME_ENABLED=true",
    )
