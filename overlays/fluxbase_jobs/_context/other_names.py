"""Names that the TypeScript client has, or that are guessed: the AttributeError says what is ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

_REALTIME: Final = "watch, tail and on_progress of client.jobs receive changes by themselves; see client.realtime_state"
_SYNC: Final = "functions are created and updated with sync"
OTHER_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "Client": {
        **dict.fromkeys(("realtime", "channel"), _REALTIME),
        **dict.fromkeys(("submit", "run", "get", "list", "wait"), "the verbs are in client.jobs"),
        "auth": "sign in with FluxbaseClient.sign_in",
    },
    "Jobs": {
        **dict.fromkeys(("get_logs", "log"), "it is called logs"),
        **dict.fromkeys(("wait_for", "wait_for_completion", "poll"), "it is called wait"),
        **dict.fromkeys(("create", "enqueue", "add"), "it is called submit"),
        **dict.fromkeys(("get_job", "status", "get_status"), "it is called get"),
        **dict.fromkeys(("on", "subscribe"), "it is called watch"),
        **dict.fromkeys(("execution_logs", "stream_logs"), "it is called tail"),
        "list_jobs": "it is called list",
    },
    "AdminJobs": {
        **dict.fromkeys(("create", "update"), _SYNC),
        "sync_with_bundling": "there is no bundling here: pass bundled code to sync",
        "list": "it is called list_functions for functions, list_jobs for jobs",
        "get": "it is called get_function for functions, get_job for jobs",
        "delete": "it is called delete_function",
        "stats": "it is called get_stats",
        "workers": "it is called list_workers",
    },
}
"""What to use in place of each name, by the class without `Fluxbase` and `Async`."""


def attribute_hints(kind: type) -> Callable[[object, str], NoReturn]:
    """A `__getattr__` for the class: it raises AttributeError for a missing attribute, with a hint where there is one."""
    others = OTHER_NAMES.get(kind.__name__.removeprefix("Async").removeprefix("Fluxbase"), {})

    def missing(owner: object, name: str) -> NoReturn:
        snake = snake_case(name)
        hint = f"it is called {snake}" if snake != name and hasattr(type(owner), snake) else others.get(snake)
        text = f"{type(owner).__name__!r} object has no attribute {name!r}"
        raise AttributeError(f"{text}: {hint}" if hint else text, name=name, obj=owner)

    return missing


def snake_case(name: object) -> str:
    """A name of TypeScript as Python writes it."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: f"_{found.group()}", str(name)).lower()
