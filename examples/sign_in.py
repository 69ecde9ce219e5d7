"""Sign in once, and stay signed in: the refresh token is kept in a file that only its owner can read.

    python examples/sign_in.py https://example.com ada@example.com

The first run asks for the password; those after it do not, until the server ends the session. For programs that people run;
a server of yours uses a service key.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from fluxbase_jobs import AuthenticationFailed, FluxbaseClient, Tokens
from fluxbase_jobs_client import Client
from fluxbase_jobs_client.api.auth import sign_in
from fluxbase_jobs_client.models import Session, SignInRequest

KEPT = Path(os.environ.get("SIGN_IN_FILE", "~/.config/my-program/refresh-token")).expanduser()


def keep(tokens: Tokens) -> None:
    """Keep the new refresh token before it is used: each works once. The file is replaced whole, and is never readable by others."""
    if tokens.refresh_token is None:
        return
    KEPT.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = KEPT.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # Windows has no modes
        file.write(tokens.refresh_token)
    new.replace(KEPT)


def client_of(url: str, email: str) -> FluxbaseClient:
    """A client that goes on with the kept sign-in, or one that has just signed in."""
    if KEPT.exists():
        client = FluxbaseClient(url, refresh_token=KEPT.read_text("utf-8"), on_tokens=keep)
        _, error = client.jobs.list(limit=1)  # without a key the tokens are refreshed first
        if not isinstance(error, AuthenticationFailed):
            return client
        client.close()
    # `FluxbaseClient.sign_in` is simpler, where nothing is to be kept: the client has the first pair of tokens, and does not show it.
    with Client(base_url=url) as low_level:
        session = sign_in.sync(client=low_level, body=SignInRequest(email=email, password=getpass.getpass()))
    if not isinstance(session, Session) or session.access_token is None:
        sys.exit(f"not signed in: {getattr(session, 'error', None) or 'the server did not give a session'}")
    keep(Tokens(access_token=session.access_token, refresh_token=session.refresh_token, expires_in=session.expires_in))
    return FluxbaseClient(url, session.access_token, refresh_token=session.refresh_token, on_tokens=keep)


def main(url: str, email: str) -> None:
    """Show the last jobs of whoever is signed in."""
    with client_of(url, email) as client:
        jobs, error = client.jobs.list(limit=10)
        if error:
            sys.exit(f"no list: {error}")
        print(f"{len(jobs)} jobs")
        for job in jobs:
            print(job.created_at, job.job_name, job.status)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: sign_in.py URL EMAIL")
    main(*sys.argv[1:])
