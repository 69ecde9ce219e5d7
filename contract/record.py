"""Records a server that runs `job-functions/`: what it answers to the requests of `scenarios.py`, as a file in `recordings/`.

Usage: `nox -s record -- URL JWT_SECRET [FILE]`. It takes about two minutes and leaves two users and some 60 jobs on the server.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from contract.compare import race_of
from contract.recorder import Raw, Recorder, RecordingFailed, masked
from contract.recordings import FOLDER, Exchange, parsed
from contract.scenarios import ADMIN, SCENARIOS, Scenario
from contract.world import JOBS, World

SECRET: Final = "FLUXBASE_JWT_SECRET"  # noqa: S105  # the name of a variable
"""The environment variable that hands the secret over: a command line can be read by every process."""

SHORTEST_SECRET: Final = 32
FUNCTIONS: Final = frozenset(path.stem for path in Path(__file__).with_name("job-functions").glob("*.ts"))


class BadArgument(Exception):
    """An argument that cannot be used; the text says why and how to mend it, in one line."""


def recorded(url: str, secret: str, *, name: str, scenarios: Iterable[Scenario] = SCENARIOS, **pace: float) -> dict[str, Any]:
    """The document of a recording: the server's answers, without tokens."""
    recorder = Recorder(url=url, secret=secret)
    check_server(recorder)
    world = World(recorder, **pace)
    document: dict[str, list[Raw]] = {}
    for scenario in scenarios:
        scenario(world)
        document[scenario.__name__] = [_marked(scenario.__name__, exchange) for exchange in recorder.exchanges]
        recorder.exchanges.clear()
    content = {"server": name, "recorded": time.strftime("%Y-%m-%d"), "scenarios": document}
    text = masked(json.dumps(content, ensure_ascii=False))
    if secret in text:
        raise RecordingFailed("the server sent its JWT secret: nothing is kept")
    found: dict[str, Any] = json.loads(text)
    return found


def exchanges(url: str, secret: str, **options: Any) -> tuple[Exchange, ...]:
    """What a server answers now, as values."""
    return parsed("answered", recorded(url, secret, name="answered", **options))


def check_server(recorder: Recorder) -> None:
    """Refuse a server that would only answer errors, and say what it lacks."""
    token, url = recorder.token(role="service_role", sub="service_role"), recorder.url
    status = recorder.send("", "GET", f"{JOBS}?limit=1", token=token).status
    if status == 401:
        raise BadArgument(f"{url} does not accept a token signed with this JWT secret: pass the one that the server was started with")
    if status != 200:
        raise BadArgument(f"{url} answers {status} to {JOBS}: pass the address of a Fluxbase server that has its jobs switched on")
    names = {function["name"] for function in recorder.send("", "GET", f"{ADMIN}/functions", token=token).items}
    if missing := sorted(FUNCTIONS - names):
        raise BadArgument(f"{url} lacks the functions {', '.join(missing)}: start it with those of contract/job-functions")
    recorder.exchanges.clear()


def arguments(given: Sequence[str]) -> tuple[str, str]:
    """The server's address from the arguments, and the JWT secret from the environment."""
    if not given:
        raise BadArgument("the server's address is missing: pass URL JWT_SECRET")
    url, secret = given[0].rstrip("/"), os.environ.get(SECRET, "")
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname or address.path:
        raise BadArgument("the first argument is no server's address: pass one like http://127.0.0.1:8080")
    if not secret:
        raise BadArgument("the server's JWT secret is missing: pass URL JWT_SECRET")
    if len(secret) < SHORTEST_SECRET:
        raise BadArgument(f"the JWT secret is too short: servers take {SHORTEST_SECRET} characters or more")
    return url, secret


def run(session: str, main: Callable[[Sequence[str]], int]) -> None:
    """Run a session's program; what goes wrong in a way that the user can mend is one line, not a traceback."""
    try:
        sys.exit(main(sys.argv[1:]))
    except (BadArgument, RecordingFailed) as error:
        sys.exit(f"{session}: {error}")


def main(given: Sequence[str]) -> int:
    """Record the server and write the file, which must be new."""
    url, secret = arguments(given)
    file = Path(given[1]) if len(given) > 1 else FOLDER / f"recorded-{time.strftime('%Y-%m')}.json"
    if file.exists():
        raise BadArgument(f"{file} exists and recordings are not overwritten: name another file after the secret")
    if not file.parent.is_dir():
        raise BadArgument(f"{file.parent} is no folder: name a file in one that exists")
    document = recorded(url, secret, name=f"fluxbase, {file.stem.removeprefix('recorded-')}")
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1), "utf-8")
    print(f"{sum(map(len, document['scenarios'].values()))} exchanges in {file}")
    return 0


def _marked(scenario: str, exchange: Raw) -> Raw:
    """An exchange with what of it depends on the moment."""
    race = race_of(scenario, exchange["label"])
    return exchange if race is None else {**exchange, "race": race.value}


if __name__ == "__main__":
    run("record", main)
