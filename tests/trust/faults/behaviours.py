"""What a misbehaving server does: everything by name, grouped as in the table."""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from typing import Any, Final, cast

from attrs import evolve, frozen

from tests.support.sample_responses import job
from tests.trust.faults import described
from tests.trust.faults.certificates import EXPIRED, OF_ANOTHER_AUTHORITY, OF_ANOTHER_HOST
from tests.trust.faults.server import OTHER_ID, SECRET, Behaviour, Reply, reset_connection

PAUSE: Final = 0.05
STALL: Final = 0.5
"""Seconds; longer than a request's timeout in the matrix."""
TLS: Final = "TLS"
UNVERIFIED: Final = 299
"""The status of an answer that nobody should get: its server has no valid certificate."""


@frozen
class Case:
    """One behaviour."""

    group: str
    name: str
    act: Behaviour
    before_reading: bool = False
    """Whether it is about a request that was not read; over TLS, about a handshake that was not."""
    schema: str | None = None
    """The kind of object that it spoils, where it has no effect on answers without one."""


def sends(change: Callable[[Reply], bytes], *, keep: bool = False, stall: float = 0.0) -> Behaviour:
    """Send bytes made of the honest answer; then close, or keep the connection open."""

    def act(connection: socket.socket, reply: Reply) -> bool:
        connection.sendall(change(reply))
        time.sleep(stall)
        return keep

    return act


def body(content: bytes | str | Any, **headers: str) -> Behaviour:
    """The honest status with another body."""
    made = content if isinstance(content, bytes) else content.encode(errors="surrogatepass") if isinstance(content, str) else content
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return sends(lambda reply: evolve(reply, body=made, headers=named).wire(), keep=True)


def status(number: int, content: Any = None, **headers: str) -> Behaviour:
    """Another status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"error": "no"} if content is None and number not in {204, 304} else content
    return sends(lambda _: Reply(number, given, named).wire(), keep=True)


def field(name: str, value: Any) -> Behaviour:
    """The honest body with another value of a field, wherever that stands."""
    return sends(
        lambda reply: evolve(reply, body=described.with_value(reply.body, name, value, lambda held: name in held)).wire(), keep=True
    )


def of_type(spoiled: described.Field) -> Behaviour:
    """The honest body with a described field of another type."""
    return sends(lambda reply: evolve(reply, body=described.spoiled(reply.body, spoiled)).wire(), keep=True)


def trickle(connection: socket.socket, reply: Reply) -> bool:
    """A byte each few milliseconds."""
    for position in range(len(whole := reply.wire())):
        connection.sendall(whole[position : position + 1])
        time.sleep(PAUSE)
    return False


def silence(_: socket.socket, __: Reply) -> bool:
    """Nothing for a while, then the end."""
    time.sleep(STALL)
    return False


def reset(connection: socket.socket, _: Reply) -> bool:
    """A reset connection."""
    reset_connection(connection)
    return False


def _half_body(reply: Reply) -> bytes:
    whole = reply.wire()
    return whole[: len(whole) - max(1, len(reply.content()) // 2)]


def _chunked(reply: Reply, size: str, end: bytes = b"0\r\n\r\n") -> bytes:
    head = f"HTTP/1.1 {reply.status} X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\n"
    return head.encode() + reply.content() + b"\r\n" + end


CONNECTIONS: Final[dict[str, tuple[Behaviour, bool]]] = {
    "reset before the request was read": (reset, True),
    "reset after the request was read": (reset, False),
    "closed before the request was read": (lambda _, __: False, True),
    "closed after the request was read": (lambda _, __: False, False),
    "silence": (silence, False),
    "a byte at a time": (trickle, False),
    "half a head": (sends(lambda reply: reply.wire()[:20]), False),
    "half a head, then silence": (sends(lambda reply: reply.wire()[:20], stall=STALL), False),
    "half a body": (sends(_half_body), False),
    "half a body, then silence": (sends(_half_body, stall=STALL), False),
}
FRAMES: Final = {
    "HTTP/1.0": sends(lambda reply: reply.wire("1.0")),
    "two answers": sends(lambda reply: reply.wire() + Reply(200, job(id=OTHER_ID)).wire(), keep=True),
    "103 before the answer": sends(lambda reply: b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + reply.wire(), keep=True),
    "103 and nothing else": sends(lambda _: b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n"),
    "chunks": sends(lambda reply: _chunked(reply, f"{len(reply.content()):x}"), keep=True),
    "a chunk of a bad size": sends(lambda reply: _chunked(reply, "zz")),
    "a chunk of a negative size": sends(lambda reply: _chunked(reply, "-5")),
    "chunks without an end": sends(lambda reply: _chunked(reply, f"{len(reply.content()):x}", b"")),
    "a length too long": sends(lambda reply: reply.wire(length=len(reply.content()) + 10)),
    "a length too short": sends(lambda reply: reply.wire(length=max(0, len(reply.content()) - 10))),
    "a negative length": sends(lambda reply: reply.wire(length=-1)),
    "two lengths": sends(lambda reply: evolve(reply, headers={"Content-Length": "5"}).wire()),
    "a status line of garbage": sends(lambda _: f"HTTP/1.1 {SECRET} X\r\n\r\n".encode()),
    "no HTTP": sends(lambda _: b"SSH-2.0-" + SECRET.encode() + b"\r\n"),
    "a header without a colon": sends(lambda reply: reply.wire().replace(b"\r\n", f"\r\n{SECRET}\r\n".encode(), 1)),
    "10,000 headers": sends(lambda reply: evolve(reply, headers={f"x-{n}": "a" for n in range(10_000)}).wire()),
    "a header of 1 MB": sends(lambda reply: evolve(reply, headers={"x-long": "a" * 1_000_000}).wire()),
    "a header outside ASCII": sends(lambda reply: evolve(reply, headers={"x-request-id": "gr\u00f6\u00dfe"}).wire(), keep=True),
}
BODIES: Final = {
    "no body": body(b""),
    "HTML": body("<html><title>Welcome</title></html>", content_type="text/html"),
    "null": body(b"null"),
    "a list": body(b"[]"),
    "a text": body(b'"ok"'),
    "a number": body(b"7"),
    "an empty object": body(b"{}"),
    "no JSON": body(b"{'id': 1}"),
    "two values": body(b"{} {}"),
    "deep": body(b'{"jobs":' * 100_000),
    "5 MB": body({"id": "x" * 5_000_000}),
    "lone surrogates": body(b'{"id": "\\ud800", "job_name": "\\udfff"}'),
    "no UTF-8": body(b'{"id": "\xff\xfe"}'),
    "duplicate keys": sends(lambda reply: evolve(reply, body=reply.content().replace(b"{", b'{"id": 7, ', 1)).wire(), keep=True),
    "NaN": body(b'{"id": NaN}'),
    "1e999": body(b'{"id": 1e999}'),
    "another job": body(job(id=OTHER_ID)),
    "a job of another name": field("job_name", "other"),
    "cut gzip": sends(lambda reply: evolve(reply, body=gzip.compress(reply.content())[:-9], headers={"content-encoding": "gzip"}).wire()),
    "gzip that is none": body(b"{}", content_encoding="gzip"),
    "gzip": sends(lambda reply: evolve(reply, body=gzip.compress(reply.content()), headers={"content-encoding": "gzip"}).wire(), keep=True),
    "deflate": sends(
        lambda reply: evolve(reply, body=zlib.compress(reply.content()), headers={"content-encoding": "deflate"}).wire(), keep=True
    ),
    "a gzip bomb": body(gzip.compress(b"0" * (70 * 2**20), 1), content_encoding="gzip"),
    "an unknown encoding": body(b"{}", content_encoding="zz"),
}
FIELDS: Final = {
    f"{name}: {json.dumps(value)[:20]}": field(name, value)
    for name, values in cast(
        "dict[str, list[Any]]",
        {
            "id": ["", "../../x", "a\r\nX: 1", None, 7, OTHER_ID],
            "status": ["", None, 7, "vanished"],
            "job_name": ["", None, 7],
            "created_at": ["", None, 7, "2026-01-01T00:00:00", "9999-99-99T00:00:00Z"],
            "payload": [7, {"a": 1}, "{", "[" * 5000],
            "result": [7, {"a": 1}, "{"],
            "priority": [None, "x", 1.5, 10**30],
            "progress_percent": ["x", 10**30],
            "message": [None, 7],
            "line_number": ["x", 10**30],
            "execution_id": [OTHER_ID, 7],
            "jobs": [7, [7], [None], {}],
            "logs": [7, [None]],
            "access_token": ["", None, 7, "a b", "a\r\nb"],
        },
    ).items()
    for value in values
}
STATUSES: Final = {
    **{
        str(number): status(number)
        for number in (400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 425, 429, 431, 451, 499)
    },
    **{str(number): status(number) for number in (500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 521, 522, 524, 530, 599)},
    **{str(number): status(number) for number in (202, 203, 204, 205, 206, 304)},
    "301 to elsewhere": status(301, location="http://127.0.0.1:9/"),
    "302 to a page": status(302, location="/login"),
    "307 without a location": status(307),
    "502 of a proxy": status(502, b"<html><title>Bad gateway</title></html>", content_type="text/html"),
    "500 with a deep body": status(500, b"[" * 100_000),
    "500 with tags": status(500, b"<title" * 150_000, content_type="text/html"),
    "409 in progress": status(409, {"error": "Request In Progress", "code": "IDEMPOTENCY_REQUEST_IN_PROGRESS"}),
    "401 with a secret": status(401, {"error": f"Invalid token {SECRET}"}),
    "500 with a secret": status(500, {"error": SECRET, "code": SECRET, "hint": SECRET, "details": [SECRET]}),
    "999": status(999),
    "099": sends(lambda _: b"HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n"),
}
RETRY_AFTERS: Final = {
    f"429, Retry-After: {value}": status(429, retry_after=value)
    for value in ("0", "0.01", "1", "60", "1e9", "-1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2099 07:28:00 GMT", "nan", "")
}


def handshake(context: ssl.SSLContext) -> Behaviour:
    """A handshake with another certificate; whoever accepts it gets an answer that shows it."""

    def act(connection: socket.socket, _: Reply) -> bool:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65_536)
            secured.sendall(Reply(UNVERIFIED, {}).wire())
        return False

    return act


def beneath_tls(content: bytes) -> Behaviour:
    """Bytes that are sent past the encryption of a connection that has begun."""

    def act(connection: socket.socket, _: Reply) -> bool:
        with socket.socket(fileno=os.dup(connection.fileno())) as beneath:
            beneath.sendall(content)
        return False

    return act


PLAIN: Final = Reply(400, {"error": f"plain HTTP {SECRET}"}).wire()
HANDSHAKES: Final[dict[str, Behaviour]] = {
    "a certificate of an unknown authority": handshake(OF_ANOTHER_AUTHORITY),
    "a certificate of another host": handshake(OF_ANOTHER_HOST),
    "a certificate that has expired": handshake(EXPIRED),
    "plain HTTP": sends(lambda _: PLAIN),
    "garbage as a handshake": sends(lambda _: SECRET.encode() * 100),
    "an alert: no common version": sends(lambda _: b"\x15\x03\x01\x00\x02\x02\x46"),
    "an alert: handshake failed": sends(lambda _: b"\x15\x03\x03\x00\x02\x02\x28"),
    "half a record": sends(lambda _: b"\x16\x03\x03\x10\x00\x02", stall=STALL),
    "silence": silence,
    "a reset handshake": reset,
    "a closed handshake": lambda _, __: False,
}
SECURED: Final[dict[str, Behaviour]] = {
    "an honest server": sends(lambda reply: reply.wire(), keep=True),
    "plain HTTP after the handshake": beneath_tls(PLAIN),
    "garbage after the handshake": beneath_tls(SECRET.encode() * 100),
    "half a body, and no goodbye": sends(_half_body),
    "a reset after the request was read": reset,
}

OF_THE_SAME_NAME: Final = frozenset({"another job", f"id: {json.dumps(OTHER_ID)[:20]}"})
"""Answers about another job of the name that was asked for. A submit cannot tell them from its own, as the server chooses the ids."""
CASES: Final = [
    *(Case("connection", name, act, early) for name, (act, early) in CONNECTIONS.items()),
    *(Case("framing", name, act) for name, act in FRAMES.items()),
    *(Case("body", name, act) for name, act in BODIES.items()),
    *(Case("field", name, act) for name, act in FIELDS.items()),
    *(
        Case("type", f"{each.schema}.{each.name}: {json.dumps(each.value)}", of_type(each), schema=each.schema)
        for each in described.fields()
    ),
    *(Case("status", name, act) for name, act in STATUSES.items()),
    *(Case("Retry-After", name, act) for name, act in RETRY_AFTERS.items()),
    *(Case(TLS, name, act, before_reading=True) for name, act in HANDSHAKES.items()),
    *(Case(TLS, name, act) for name, act in SECURED.items()),
]
