"""Secrets in a text, in each form in which servers, gateways and proxies write them: escaped for JSON, URLs or HTML, in base64, in hexadecimal."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Final

from .shortening import HIDDEN

MIN_SECRET: Final = 8
"""Characters; what is shorter is no secret, and could be a part of any word."""
_ESCAPED: Final = re.compile(
    r"[\\\0]+(?:(?:u00|x)([0-9a-f]{2})|(.)?)"  # of JSON and Python, however often escaped; NULs are every other byte of UTF-16
    r"|%(?:25)*([0-9a-f]{2})"
    r"|&(?:amp;)*(?:#x0*([0-9a-f]{2})|#0*([0-9]{2,3})|(amp|lt|gt|quot|apos));",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPING: Final = re.compile(r"[\\\0%&]")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def without(text: str, secrets: tuple[str, ...]) -> str:
    """The text with each form of the secrets replaced. A text without any is returned itself."""
    plain = _unescaped(text)
    forms = [form for secret in secrets for form in _forms(secret) if form in plain]
    if not forms:
        return text
    found = re.compile("|".join(map(re.escape, forms)))
    if plain == text:
        return found.sub(HIDDEN, text)
    parts, end, starts = list[str](), 0, _starts(text)
    for match in found.finditer(plain):
        parts += [text[end : starts[match.start()]], HIDDEN]
        end = starts[match.end()]
    return "".join([*parts, text[end:]])


@lru_cache(maxsize=64)
def _forms(secret: str) -> tuple[str, ...]:
    """What to look for in an unescaped text, the longest first."""
    plain = secret.encode(errors="surrogatepass")
    forms = {_unescaped(secret), secret.replace("\\", ""), plain.hex(), plain.hex().upper()}
    for before in range(3):  # bytes that are encoded in front of it; the characters that they change are left out
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * before + plain).decode().rstrip("=")
            forms.add(encoded[before + (before > 0) : len(encoded) - ((before + len(plain)) % 3 > 0)])
    return tuple(sorted((form for form in forms if len(form) >= MIN_SECRET), key=len, reverse=True))


def _unescaped(text: str) -> str:
    """The text without escapes, each of which becomes one character, and without backslashes."""
    return _ESCAPED.sub(_character, text) if _ESCAPING.search(text) else text


def _character(escape: re.Match[str]) -> str:
    slashed, after_slash, quoted, hexadecimal, decimal, named = escape.groups()
    if digits := slashed or quoted or hexadecimal:
        found = chr(int(digits, 16))
    elif decimal:
        found = chr(int(decimal))
    else:
        found = _NAMED[named.lower()] if named else after_slash or ""
    return found.strip("\\\0")


def _starts(text: str) -> list[int]:
    """Where each character of the unescaped text begins in the text, and its end."""
    starts, end = list[int](), 0
    for escape in _ESCAPED.finditer(text):
        starts.extend(range(end, escape.start()))
        starts += [escape.start()] * len(_character(escape))
        end = escape.end()
    return [*starts, *range(end, len(text) + 1)]
