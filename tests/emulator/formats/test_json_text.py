"""The three texts of a JSON value, and how the server treats numbers and invalid text."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from fluxbase_jobs.emulator.formats.json_text import (
    InvalidJSONError,
    JSONValue,
    NulInTextError,
    TooDeepError,
    body_text,
    go_text,
    javascript_text,
    jsonb_text,
    normalise,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

REPEATABLE = settings(derandomize=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@REPEATABLE
@given(VALUES)
def test_every_text_has_the_same_value(value: Any) -> None:
    """Each text parses to the value with numbers as 64-bit floats."""
    value = normalise(value)

    for text in (go_text(value), jsonb_text(value), javascript_text(value), body_text(value)):
        assert as_floats(json.loads(text)) == as_floats(value)


@REPEATABLE
@given(VALUES)
def test_normalising_twice_changes_nothing(value: Any) -> None:
    """A normalised value does not change when it is normalised again."""
    once = normalise(value)

    assert normalise(once) == once
    assert go_text(normalise(parse(go_text(once).encode()))) == go_text(once)


@REPEATABLE
@given(VALUES)
def test_go_text_is_safe_in_html(value: Any) -> None:
    """Go escapes the characters that could end a script."""
    assert not set("<>&\u2028\u2029") & set(go_text(normalise(value)))


@REPEATABLE
@given(st.dictionaries(TEXT, st.none()))
def test_order_of_keys(value: dict[str, None]) -> None:
    """Go sorts keys by bytes, jsonb by length in bytes and then by bytes, JavaScript not at all."""
    keys = list(value)

    assert list(json.loads(go_text(normalise(value)))) == sorted(keys, key=str.encode)
    assert list(json.loads(jsonb_text(normalise(value)))) == sorted(keys, key=lambda key: (len(key.encode()), key.encode()))
    assert list(json.loads(javascript_text(normalise(value)))) == keys


@REPEATABLE
@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    """All bytes either parse or raise the one error."""
    try:
        value = parse(body)
    except InvalidJSONError:
        return
    go_text(normalise(value)).encode()


@pytest.mark.parametrize(
    ("number", "go", "jsonb"),
    [
        (1.0, "1", "1"),
        (0.1, "0.1", "0.1"),
        (9007199254740993, "9007199254740992", "9007199254740992"),
        (2**60, "1152921504606847000", "1152921504606847000"),
        (1e20, "100000000000000000000", "100000000000000000000"),
        (1e21, "1e+21", "1000000000000000000000"),
        (1.5e300, "1.5e+300", "15" + "0" * 299),
        (0.00001, "0.00001", "0.00001"),
        (0.000001, "0.000001", "0.000001"),
        (1e-7, "1e-7", "0.0000001"),
        (-0.0, "-0", "0"),
        (10**400, "null", "null"),
        (math.nan, "null", "null"),
        (math.inf, "null", "null"),
    ],
)
def test_numbers(number: float, go: str, jsonb: str) -> None:
    """Numbers are 64-bit floats with their shortest digits; PostgreSQL writes no exponents."""
    assert (go_text(normalise(number)), jsonb_text(normalise(number))) == (go, jsonb)


def test_forms() -> None:
    """The three texts of one value."""
    value = normalise({"b": ("<ü>", True), "a": "\n\u2028\x7f\x01", "cc": {}})

    assert go_text(value) == r'{"a":"\n\u2028' + "\x7f" + r'\u0001","b":["\u003cü\u003e",true],"cc":{}}'
    assert jsonb_text(value) == r'{"a": "\n' + "\u2028\x7f" + r'\u0001", "b": ["<ü>", true], "cc": {}}'
    assert javascript_text(value) == r'{"b":["<ü>",true],"a":"\n' + "\u2028\x7f" + r'\u0001","cc":{}}'


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'"\xe9\xff"', "\ufffd\ufffd"),
        (b'"\xe2\x82"', "\ufffd\ufffd"),
        (rb'"\ud800x"', "\ufffdx"),
        (rb'"\ud83d\ude80"', "🚀"),
        (rb'{"\udc00": 1}', {"\ufffd": 1}),
    ],
)
def test_strange_text(body: bytes, value: JSONValue) -> None:
    """The last of equal keys wins; each invalid byte and each lone surrogate becomes one U+FFFD."""
    assert normalise(parse(body)) == value


@pytest.mark.parametrize("body", [b"", b"NaN", b"-Infinity", b"1e999", b"1" * 400, b"1" * 5000, b"01", b"[1,]", b"{} {}", b'"\n"'])
def test_no_json(body: bytes) -> None:
    """Text that Go does not parse is refused."""
    with pytest.raises(InvalidJSONError):
        parse(body)


@pytest.mark.parametrize("value", ["\0", {"a\0": 1}, [{"a": "\\\0"}]])
def test_nul(value: Any) -> None:
    """U+0000 cannot be stored, in keys or strings."""
    with pytest.raises(NulInTextError):
        jsonb_text(normalise(value))


@pytest.mark.parametrize("value", [r"\u0000", r"\\u0000"])
def test_text_that_looks_like_nul(value: str) -> None:
    """A backslash followed by the text u0000 is not a NUL."""
    assert json.loads(jsonb_text(value)) == value


@pytest.mark.parametrize("value", [{1, 2}, {1: "a"}, b"x", [object()]])
def test_no_json_form(value: object) -> None:
    """A Python value without a JSON form is a TypeError."""
    with pytest.raises(TypeError):
        normalise(value)


def as_floats(value: JSONValue) -> object:
    """The value with every number as a float."""
    match value:
        case bool():
            return value
        case int() | float():
            return float(value)
        case list():
            return [as_floats(item) for item in value]
        case dict():
            return {key: as_floats(item) for key, item in value.items()}
        case _:
            return value


@pytest.mark.parametrize("kind", ["object", "list"])
def test_values_may_be_deep(kind: str) -> None:
    """The real servers store 2,000 levels; a value that contains itself is refused."""
    opening, closing = ('{"a":', "}") if kind == "object" else ("[", "]")
    value: Any = None
    for _ in range(2_000):
        value = {"a": value} if kind == "object" else [value]
    around: Any = [value]
    around.append(around)

    text = opening * 2_000 + "null" + closing * 2_000
    assert go_text(normalise(value)) == body_text(normalise(value)) == text
    assert jsonb_text(normalise(value)) == text.replace(":", ": ")
    with pytest.raises(TooDeepError):
        normalise(around)
