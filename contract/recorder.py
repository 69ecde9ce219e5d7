"""Sends requests to one Fluxbase server and keeps what it answers, in the format of the recordings.

Tokens are signed here with the server's JWT secret, so that expired ones and other roles' can be sent too. Neither the secret nor any
token is kept: `masked` cuts tokens out of the text that is written.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit
from uuid import uuid4

import jwt

KEPT_HEADERS: Final = frozenset(
    {
        *("content-type", "retry-after", "idempotency-replayed", "x-request-id", "set-cookie", "www-authenticate", "location"),
        *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    }
)
"""The response headers that a client may read."""

TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
KEY: Final = re.compile(r"(?:fbk|fb_[a-z]+|[sp]k_(?:live|test))_[\w-]{8,}")
REQUEST_TIMEOUT: Final = 30.0

Raw = dict[str, Any]
"""An exchange as it stands in a recording."""


class RecordingFailed(Exception):
    """The server could not be recorded; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: Any
    """Decoded where it is JSON, else its text."""

    @property
    def fields(self) -> dict[str, Any]:
        """The body if it is a JSON object; an empty one if not."""
        body: object = self.body
        return cast("dict[str, Any]", body) if isinstance(body, dict) else {}

    @property
    def items(self) -> list[dict[str, Any]]:
        """The body if it is an array of JSON objects; an empty one if not."""
        body: object = self.body
        return cast("list[dict[str, Any]]", body) if isinstance(body, list) else []


@dataclass(kw_only=True)
class Recorder:
    """Sends requests and appends each exchange to `exchanges`."""

    url: str
    secret: str = field(repr=False)
    exchanges: list[Raw] = field(default_factory=list[Raw])

    def send(
        self,
        label: str,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        auth: str | None = None,
    ) -> Answer:
        """Send one request and keep the exchange. `body` is sent as JSON, `raw` unchanged; `auth` names the credential, if not `bearer`."""
        sent = dict(headers or {})
        content = raw if raw is not None or body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        credentials = {"Authorization": f"Bearer {token}"} if token else {}
        status, received, text = self._exchange(method, path, content, sent | credentials)
        request = {
            "method": method,
            "path": path,
            "headers": {name: value for name, value in sent.items() if name != "Authorization"},
            "auth": auth or ("bearer" if token else "none"),
            "body": None if content is None else content.decode("utf-8", "replace"),
        }
        self.exchanges.append({"label": label, "request": request, "response": {"status": status, "headers": received, "body": text}})
        return Answer(status, _decoded(text))

    def token(self, *, lifetime: int = 86_400, **claims: str) -> str:
        """Sign a token with the server's secret; a negative lifetime makes one that has expired."""
        now = int(time.time())
        standard = {"iss": "fluxbase", "aud": ["fluxbase"], "iat": now, "nbf": now - 5, "exp": now + lifetime, "jti": str(uuid4())}
        return jwt.encode({**standard, "token_type": "access", **claims}, self.secret, "HS256")

    def _exchange(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
        try:
            with self._connection() as connection:
                connection.request(method, path, content, dict(headers))
                response = connection.getresponse()
                text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise RecordingFailed(f"{self.url} does not answer {method} {path.partition('?')[0]}: {reason}") from error
        kept = {name.lower(): value for name, value in response.getheaders() if name.lower() in KEPT_HEADERS}
        return response.status, kept, text

    @contextmanager
    def _connection(self) -> Generator[http.client.HTTPConnection]:
        """A new connection for each request, so that one response cannot affect the next."""
        address = urlsplit(self.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=REQUEST_TIMEOUT)
        try:
            yield connection
        finally:
            connection.close()


def masked(text: str) -> str:
    """Cut tokens and keys out of a text; equal ones become equal placeholders."""
    names: dict[str, str] = {}
    text = TOKEN.sub(lambda found: names.setdefault(found[0], f"<jwt-{len(names) + 1}>"), text)
    return KEY.sub(lambda found: names.setdefault(found[0], f"<client-key-{len(names) + 1}>"), text)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
