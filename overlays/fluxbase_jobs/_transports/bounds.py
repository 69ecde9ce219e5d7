"""The bounds of one response (its deadline, its size, that nothing comes after it) and of idle connections."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from .clock import monotonic

LONGEST_TIMEOUT: Final = 1_000_000.0
"""Seconds; sockets count milliseconds in 32 bits."""
MAX_RESPONSE_BYTES: Final = 64 * 2**20
"""Bytes of a decoded body; a longer one is an InvalidResponse."""
MAX_ERROR_BYTES: Final = 2**20
"""The same for the body of an error."""
MAX_HEAD_BYTES: Final = 2**18
"""Bytes of all heads of one response, those of 1xx responses included."""
IDLE_SECONDS: Final = 4.0
"""Seconds after which an idle connection is not used again: Uvicorn, for one, closes them after 5."""
MAX_IDLE: Final = 100
"""Idle connections that are kept at most."""
MAX_PIECES: Final = 1024
"""Pieces of a body that are kept apart: 64 MiB in chunks of a byte would take 0.5 GB as pieces."""
_WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's number for each content encoding."""


class _Decompressor(Protocol):
    """What `zlib.decompressobj` returns."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next decompressed bytes, at most so many."""
        ...


class ResponseTooLong(Exception):  # becomes an InvalidResponse
    """More bytes came than a response may have."""


class Progress:
    """How much of a response has come on a connection, and until when it may take.

    HTTP libraries read ahead: a second response to one request would be taken for the next request's. So the bytes are counted here and
    compared with the length of the one response that was requested.
    """

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, deadline: float) -> None:
        """Start to count for a new request."""
        self.deadline = deadline
        self._head, self._received, self._tail = b"", 0, b""
        self._head_length = 0

    def left(self, late: type[Exception]) -> float:
        """The seconds left; raises `late` where there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise late
        return left

    def note(self, data: bytes) -> None:
        """Count bytes that came."""
        self._received += len(data)
        self._tail = data[-4:] if len(data) > 3 else (self._tail + data)[-4:]
        if not self._head_length:
            self._head += data
            self._head_length = _head_length(self._head)
            if not self._head_length and len(self._head) > MAX_HEAD_BYTES:
                raise ResponseTooLong

    def has_surplus(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether more has come than the one response. Of a chunked body only its end is known."""
        if headers.get("transfer-encoding"):
            return self._tail != b"\r\n\r\n"
        length = headers.get("content-length", "0")
        body = 0 if status in {204, 304} or not length.isdigit() else int(length)
        return self._received > self._head_length + body


def _head_length(data: bytes) -> int:
    """The bytes of the heads, those of 1xx responses included; 0 where the last one is not complete."""
    start = 0
    while (end := data.find(b"\r\n\r\n", start)) >= 0:
        if data[start + 9 : start + 10] != b"1":
            return end + 4
        start = end + 4
    return 0


class Body:
    """A body as its pieces come: decompressed, and never longer than its limit."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self._limit = MAX_RESPONSE_BYTES if status < 400 else MAX_ERROR_BYTES
        self._pieces: list[bytes] = []
        self._joined = bytearray()
        self._received = self._length = 0
        window = _WINDOW.get(headers.get("content-encoding", "").strip().lower())
        self._decoder = None if window is None else zlib.decompressobj(wbits=window)
        self._readable = True

    def add(self, piece: bytes) -> None:
        """Add a piece as it came over the wire. Raises ResponseTooLong."""
        self._received += len(piece)
        if self._decoder is not None and self._readable:
            piece = self._decompressed(self._decoder, piece)
        self._length += len(piece)
        if self._length > self._limit or self._received > self._limit:
            raise ResponseTooLong
        self._pieces.append(piece)
        if len(self._pieces) > MAX_PIECES:
            self._joined += b"".join(self._pieces)
            self._pieces.clear()

    def add_all(self, pieces: Iterable[bytes]) -> None:
        """Add all pieces."""
        for piece in pieces:
            self.add(piece)

    def content(self) -> bytes:
        """The whole body; nothing where it could not be decompressed."""
        pieces = [bytes(self._joined), *self._pieces] if self._joined else self._pieces
        return b"".join(pieces) if self._readable else b""

    def _decompressed(self, decoder: _Decompressor, piece: bytes) -> bytes:
        try:
            return decoder.decompress(piece, self._limit - self._length + 1)
        except zlib.error:
            self._readable = False
            return b""
