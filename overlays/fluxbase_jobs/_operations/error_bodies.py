"""Messages, codes and details from the bodies of error responses: of the server, and of gateways and proxies before it."""

from __future__ import annotations

import re
from typing import Any, Final, cast

import msgspec
from attrs import evolve

from .._transports.messages import RawResponse
from ..models.decoding import BOM
from ..models.shortening import MAX_DETAILS, presentable, shortened, with_texts, without_secrets

MAX_NESTED: Final = 200
"""Lists and objects in an error's body; pickle, for example, fails on a few hundred levels."""
MAX_MESSAGE: Final = 200
_MAX_LEVELS: Final = 6
_MESSAGE_KEYS: Final = (
    "message",
    "error",
    "errors",
    "faultstring",
    "detail",
    "details",
    "description",
    "error_description",
    "reason",
    "title",
    "msg",
)
"""The keys under which servers send an error message, the most specific first."""
_READ: Final = ("error", "message", "code", "hint", "request_id")
_CHARSET: Final = re.compile(
    r"""charset\s*=\s*["']?((?:iso|windows|cp|latin|utf-?16|koi8|shift|gb|big5|euc)[\w-]*)""", re.ASCII | re.IGNORECASE
)
_BREAKS: Final = str.maketrans("", "", "\n\r\t")
_MARKUP: Final = re.compile(rb"\s*([<\[{]|null\s*$)")


def in_utf8(response: RawResponse) -> RawResponse:
    """The response with its body in UTF-8, where it is in the other character set that its type names: old gateways' pages are."""
    found = _CHARSET.search(response.headers.get("content-type", ""))
    if found is None or _is_utf8(response.content):
        return response
    try:
        return evolve(response, content=response.content.decode(found[1], errors="replace").encode())
    except (LookupError, ValueError):
        return response


def _is_utf8(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()  # which is every other byte of UTF-16
    except ValueError:
        return False


def read_body(content: bytes) -> Any:
    """The body as a JSON value; None where it is none. Of an object that is nested too deep, its texts and numbers."""
    try:
        body = msgspec.json.decode(without_bom(content))
    except (ValueError, RecursionError):
        return None
    return _texts_and_numbers(body) if _is_deep(content) else body


def _is_deep(content: bytes) -> bool:
    return content.count(b"[") + content.count(b"{") > MAX_NESTED


def _texts_and_numbers(body: Any) -> dict[str, str | float] | None:
    if not isinstance(body, dict):
        return None
    return {key: value for key, value in cast("dict[str, Any]", body).items() if isinstance(value, str | int | float)}


def without_bom(content: bytes) -> bytes:
    """The body without the byte order mark that some programs write before JSON."""
    return content.removeprefix(BOM.encode())


def message_in(body: Any) -> str | None:
    """The message in a body of unknown shape: the text under the first of `_MESSAGE_KEYS` that has one, else any text."""
    found = _first_text(body, _MAX_LEVELS)
    return presentable(" ".join(found.split()), MAX_MESSAGE) if found else None


def _first_text(value: Any, levels: int) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if levels == 0 or not isinstance(value, dict | list):
        return None
    if isinstance(value, list):
        parts = [text for each in cast("list[object]", value)[:3] if (text := _first_text(each, levels - 1))]
        return "; ".join(parts) or None
    fields = cast("dict[str, Any]", value)
    text = next((text for key in _MESSAGE_KEYS if (text := _first_text(fields.get(key), levels - 1))), None)
    return text or _first_text([each for each in fields.values() if isinstance(each, dict | list | str)], levels - 1)


def message_in_text(content: bytes, kind: str) -> str | None:
    """The message in a body that is not JSON: a page's title, or plain text, also where its type says that it is something else."""
    title = _between(content, b"title") or _between(content, b"message")
    if title is not None:
        return message_in(title.decode(errors="replace"))
    if kind == "text/plain" or (_is_text(content) and not _MARKUP.match(content)):
        return message_in(content[: 4 * MAX_MESSAGE].decode(errors="replace"))
    return None


def _is_text(content: bytes) -> bool:
    try:
        return content.decode().translate(_BREAKS).isprintable()
    except ValueError:
        return False


def _between(content: bytes, tag: bytes) -> bytes | None:
    """What stands between a page's tags. Each search goes on where the last one ended, so that no page takes long."""
    _, _, opened = content.lower().partition(b"<" + tag)
    _, _, rest = opened.partition(b">")
    text, end, _ = rest.partition(b"</" + tag + b">")
    begin = len(content) - len(rest)
    return content[begin : begin + len(text)] if end else None


def code_of(body: Any) -> str | int | None:
    """The error code: of the body, or of the object under `error`."""
    if not isinstance(body, dict):
        return None
    fields = cast("dict[str, Any]", body)
    inner = fields.get("error")
    for each in (fields, cast("dict[str, Any]", inner) if isinstance(inner, dict) else {}):
        for key in ("code", "error_code"):
            if isinstance(each.get(key), str | int):
                return cast("str | int", each[key])
    return None


def details(content: bytes, body: Any, kind: str) -> Any:
    """The server's `details`, else all of the body that no attribute holds; as text where it is no JSON, or is nested too deep."""
    if _is_deep(content):
        return details_text(content)
    if body is None and content.strip() not in {b"", b"null"} and (kind.startswith("text/") or _is_text(content)):
        return details_text(content)
    if not isinstance(body, dict):
        return _bounded(body)
    fields = cast("dict[str, Any]", body)
    rest: dict[str, Any] = {key: value for key, value in fields.items() if not _is_read(key, value)}
    return _bounded(rest.get("details", rest or None) if rest.keys() & set(_READ) == set() else rest)


def _is_read(key: str, value: object) -> bool:
    """Whether an attribute of the error holds this value, or it says nothing."""
    return key in _READ and (value is None or isinstance(value, str) or (key == "code" and isinstance(value, int)))


def details_text(content: bytes) -> str:
    """A body as text, for the details of an error: without keys and tokens, and of a long one its beginning and its end."""
    return presentable(content.decode(errors="replace"), MAX_DETAILS)


def _bounded(value: Any) -> Any:
    """A value of JSON without keys and tokens; as text where it is long."""
    public = with_texts(value, without_secrets)  # text by text: as JSON, a line break before a key is a letter
    encoded: str = msgspec.json.encode(public).decode()
    return public if len(encoded) <= MAX_DETAILS else shortened(encoded, MAX_DETAILS)
