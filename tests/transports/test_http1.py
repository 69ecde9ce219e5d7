"""The reader of responses, held against h11: whatever pieces a response comes in, and whatever it is."""

from __future__ import annotations

from typing import Any, Final, cast

import h11
import httpcore
import pytest
from fluxbase_jobs._transports.bounds import ResponseTooLong
from fluxbase_jobs._transports.http1 import ResponseReader, request_bytes
from hypothesis import given
from hypothesis import strategies as st

Outcome = tuple[int, bytes] | None

STATUS_LINES: Final = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.0 404 Not found", b"HTTP/1.1 204 X", b"HTTP/1.1 2x0 X", b"junk"]
)
HEADER_LINES: Final = st.sampled_from(
    [
        *(b"x: y", b"X:", b"x:  a b\t", b"x : y", b"x", b": y", b"x: \x00", b"x: gr\xfc\xdfe", b"content-length: 5", b"Content-Length: 05"),
        *(
            b"content-length: 4",
            b"content-length: -1",
            b"content-length: 5, 5",
            b"transfer-encoding: chunked",
            b"Transfer-Encoding: CHUNKED",
        ),
        *(b"transfer-encoding: gzip", b"connection: close", b"connection: keep-alive"),
    ]
)
BODIES: Final = st.sampled_from(
    [
        *(
            b"",
            b"hello",
            b"hello and more",
            b"5\r\nhello\r\n0\r\n\r\n",
            b"5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200",
        ),
        *(b"zz\r\nhello", b"5\r\nhelloX\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5\r\nhel", b"-5\r\nhello\r\n0\r\n\r\n"),
    ]
)


def by_h11(data: bytes) -> Outcome:
    """What h11 reads until the end of the connection; None where it refuses that, or it is not complete."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        for piece in (data, b""):
            connection.receive_data(piece)
            while type(event := connection.next_event()) is not type(h11.NEED_DATA) and type(event) is not type(h11.PAUSED):
                if isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return status, body
    except h11.RemoteProtocolError:
        return None
    return None


def by_reader(data: bytes, size: int) -> Outcome:
    """What the reader reads from pieces of this size."""
    reader = ResponseReader()
    try:
        for start in range(0, len(data), size):
            if reader.feed(data[start : start + size]):
                break
        else:
            reader.end()
    except httpcore.RemoteProtocolError:
        return None
    response = reader.response()
    return response.status, response.content


@given(STATUS_LINES, st.lists(HEADER_LINES, max_size=3), BODIES, st.integers(1, 40))
def test_the_reader_agrees_with_h11(status_line: bytes, headers: list[bytes], body: bytes, size: int) -> None:
    """Of both, what is no HTTP is refused, and the rest is read alike."""
    data = b"\r\n".join([status_line, *headers, b"", body])

    assert by_reader(data, size) == by_h11(data)


@given(st.integers(1, 3000))
def test_small_chunks_are_joined(size: int) -> None:
    """Of a byte each, and thousands of them."""
    content = bytes(range(256)) * 12
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    data = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"

    assert [reader.feed(data[start : start + size]) for start in range(0, len(data), size)][-1]
    assert reader.response().content == content


def test_trailers_have_a_limit() -> None:
    """With the heads, 256 KiB."""
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n")

    with pytest.raises(ResponseTooLong):
        reader.feed(b"x: y\r\n" * 50_000)


def test_a_line_that_is_folded() -> None:
    """As old servers do; the value goes on."""
    reader = ResponseReader()

    assert reader.feed(b"HTTP/1.1 200 OK\r\nx: a\r\n  b\r\ncontent-length: 0\r\n\r\n")
    assert reader.response().headers["x"] == "a b"


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\0b"])
def test_no_header_can_begin_another_line(value: str) -> None:
    """Arguments are checked before; this is the last place to hold."""
    request = {"method": "get", "url": "http://127.0.0.1/x", "headers": {"x": value}}

    with pytest.raises(httpcore.LocalProtocolError):
        request_bytes(request, b"agent")


def test_a_request_as_it_is_written() -> None:
    """The user's agent takes the place of ours, and a POST without a body has a length."""
    request = cast(
        "Any", {"method": "post", "url": "http://h:1/a b", "headers": {"user-agent": "mine", "x": "y"}, "params": {"n": 1, "b": True}}
    )

    assert request_bytes(request, b"ours") == (
        b"POST /a%20b?n=1&b=true HTTP/1.1\r\nhost: h:1\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\nuser-agent: mine\r\n"
        b"x: y\r\ncontent-length: 0\r\n\r\n"
    )
