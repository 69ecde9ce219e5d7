"""HTTP/1.1 in bytes, without I/O: how a request is written, and how its one response is read.

httpcore and h11 take 200 µs of CPU for a request over asyncio, as much as all the rest of a call. Of HTTP/1.1 this knows what a client of one
server needs, and it is as strict as h11: what does not match is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import httpcore

from .bounds import MAX_HEAD_BYTES, Body, ResponseTooLong
from .messages import Headers, RawResponse, Request, address, target

NO_RESPONSE: Final = "Server disconnected without sending a response."
"""httpcore's text for it."""
_MAX_LINES_BYTES: Final = 100 * 2**10
"""Bytes of one head, or of a chunk's first line, at most; as in h11."""
_HEAD_END: Final = re.compile(rb"\n\r?\n")
_STATUS_LINE: Final = re.compile(rb"HTTP/(1\.[01]) ([1-5][0-9]{2})(?: [^\x00\r\n\f\v]*)?\r?\n")
_TOKEN: Final = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(rb"[\x00\r\f\v]")
_FOLD: Final = re.compile(rb"\r?\n[ \t]+")
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*|[ \t]*)\r?\n")
_LINE_END: Final = re.compile(rb"\r?\n")
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
INCOMPLETE: Final = -1
_Read: TypeAlias = Callable[[bytes, int], int]
"""Reads what has come from a position on. Returns the position after it, or INCOMPLETE where more has to come first."""


@lru_cache(maxsize=64)
def _first_headers(server: str, user_agent: bytes) -> bytes:
    """The header lines that all requests to a server begin with."""
    host = server.partition("://")[2].encode("ascii")
    return b"host: %s\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\nuser-agent: %s\r\n" % (host, user_agent)


def request_bytes(request: Request, user_agent: bytes) -> bytes:
    """A request as it goes over the wire. Raises httpcore.LocalProtocolError where a header holds a line break."""
    server, _ = address(request)
    method, given = str(request["method"]).upper(), request["headers"]
    content: bytes = request.get("content") or b""
    agent = given.get("user-agent")
    lines = [f"{method} {target(request)} HTTP/1.1"]
    first = _first_headers(server, user_agent if agent is None else str(agent).encode("latin-1"))
    lines += [f"{name}: {value}" for name, value in given.items() if name != "user-agent"]
    if content or method in {"POST", "PUT", "PATCH"}:
        lines.append(f"content-length: {len(content)}")
    own = "\r\n".join(lines)
    if own.count("\n") != len(lines) - 1 or own.count("\r") != len(lines) - 1 or "\0" in own:
        raise httpcore.LocalProtocolError("a line break in a header")
    line, _, rest = own.encode("latin-1").partition(b"\r\n")
    return b"%s\r\n%s%s%s\r\n%s" % (line, first, rest, b"\r\n" if rest else b"", content)


class ResponseReader:
    """Reads one response from bytes as they come."""

    def __init__(self) -> None:
        self.complete = False
        self.reusable = False
        """Whether the connection may be used again: the server keeps it open, and nothing came after the response."""
        self._unread = b""
        self._read: _Read = self._read_head
        self._started = False
        self._head_bytes = self._left = 0

    def feed(self, data: bytes) -> bool:
        """Read what came; True once the response is complete. Raises httpcore.RemoteProtocolError and ResponseTooLong."""
        self._started = True
        if self._unread:
            data = self._unread + data
        position, after = 0, 0
        while not self.complete and position < len(data) and (after := self._read(data, position)) != INCOMPLETE:
            position = after
        self._unread = data[position:]
        if self.complete and self._unread:
            self.reusable = False
        return self.complete

    def end(self) -> None:
        """Note that the server has closed the connection. Raises httpcore.RemoteProtocolError where the response is not complete."""
        if self._read != self._read_until_end:
            raise httpcore.RemoteProtocolError("the response is not complete" if self._started else NO_RESPONSE)
        self.complete = True

    def response(self) -> RawResponse:
        """The complete response."""
        return RawResponse(self._status, self._headers, self._body.content())

    def _read_head(self, data: bytes, position: int) -> int:
        """Read a head; heads of 1xx responses are passed over."""
        end = _HEAD_END.search(data, position)
        length = (len(data) if end is None else end.end()) - position
        if length > _MAX_LINES_BYTES or not b"HTTP/1.".startswith(data[position : position + 7]):
            raise httpcore.RemoteProtocolError("no HTTP, or a head that is too long")
        if end is None:
            return INCOMPLETE
        self._count_head(length)
        line = _STATUS_LINE.match(data, position)
        if line is None or line[2] == b"101":
            raise httpcore.RemoteProtocolError("malformed status line, or another protocol")
        headers = Headers(_header_pairs(data[line.end() : end.start() + 1]))
        if line[2] >= b"200":
            self._begin_body(int(line[2]), headers, line[1])
        return end.end()

    def _begin_body(self, status: int, headers: Headers, version: bytes) -> None:
        self._status, self._headers, self._body = status, headers, Body(status, headers)
        self.reusable = version == b"1.1" and "close" not in headers.get("connection", "").lower()
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise httpcore.RemoteProtocolError("unknown transfer encoding")
        length = _length(headers["content-length"]) if "content-length" in headers else None
        if status in {204, 304}:
            self.complete = True
        elif coding is not None:
            self._read = self._read_chunk_line
        elif length is not None:
            self._read, self._left, self.complete = self._read_body, length, not length
        else:
            self._read, self.reusable = self._read_until_end, False

    def _read_body(self, data: bytes, position: int) -> int:
        end = self._read_piece(data, position)
        self.complete = not self._left
        return end

    def _read_piece(self, data: bytes, position: int) -> int:
        end = min(position + self._left, len(data))
        self._left -= end - position
        self._body.add(data[position:end])
        return end

    def _read_until_end(self, data: bytes, position: int) -> int:
        self._body.add(data[position:])
        return len(data)

    def _read_chunk_line(self, data: bytes, position: int) -> int:
        line = _CHUNK_LINE.match(data, position)
        if line is None:
            return _incomplete_line(data, position)
        self._left = int(line[1], 16)
        self._read = self._read_chunk if self._left else self._read_trailer
        return line.end()

    def _read_chunk(self, data: bytes, position: int) -> int:
        end = self._read_piece(data, position)
        if not self._left:
            self._read = self._read_chunk_end
        return end

    def _read_chunk_end(self, data: bytes, position: int) -> int:
        line = _LINE_END.match(data, position)
        if line is None:
            return _incomplete_line(data, position, longest=1)
        self._read = self._read_chunk_line
        return line.end()

    def _read_trailer(self, data: bytes, position: int) -> int:
        """Read up to the empty line that ends a chunked body. What a trailer says is not used."""
        end = data.find(b"\n", position) + 1
        if not end:
            return _incomplete_line(data, position)
        self._count_head(end - position)
        if data[position:end] in {b"\n", b"\r\n"}:
            self.complete = True
        else:
            _header_pairs(data[position:end])
        return end

    def _count_head(self, length: int) -> None:
        self._head_bytes += length
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ResponseTooLong


def _incomplete_line(data: bytes, position: int, longest: int = _MAX_LINES_BYTES) -> int:
    """Raises httpcore.RemoteProtocolError unless a line that was not understood may still become one."""
    if data.find(b"\n", position) >= 0 or len(data) - position > longest:
        raise httpcore.RemoteProtocolError("malformed chunk, or a line without end")
    return INCOMPLETE


def _header_pairs(lines: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of header lines."""
    pairs: list[tuple[bytes, bytes]] = []
    if b"\n " in lines or b"\n\t" in lines:
        lines = _FOLD.sub(b" ", lines)
    for line in lines.split(b"\n")[:-1]:
        name, colon, value = line.removesuffix(b"\r").partition(b":")
        if not colon or _TOKEN.fullmatch(name) is None or _CONTROL.search(value) is not None:
            raise httpcore.RemoteProtocolError("malformed header")
        pairs.append((name, value.strip(b" \t")))
    return pairs


def _length(value: str) -> int:
    """The length in a Content-Length header; one that came several times has to be the same each time."""
    lengths = {each.strip() for each in value.split(",")}
    if len(lengths) != 1 or not _LENGTH.fullmatch(length := lengths.pop()):
        raise httpcore.RemoteProtocolError("malformed length")
    return int(length)
