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
    client, error = FluxbaseClient.sign_in(url, email, getpass.getpass(), on_tokens=keep)
    if error:
        sys.exit(f"not signed in: {error}")
    if client.tokens is not None:  # the first pair; on_tokens is called with those after it
        keep(client.tokens)
    return client


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
