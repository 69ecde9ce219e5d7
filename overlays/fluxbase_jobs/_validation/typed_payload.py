"""A payload of a declared type: checked against it, and turned into JSON values."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from ..errors import InvalidInput
from ..models.typed import is_pydantic


def typed_payload(payload: object, payload_type: Any) -> object:
    """A payload in JSON's terms: what its type declares, moments and UUIDs for instance, becomes text.

    Raises:
        InvalidInput: it is not of the type; the message names the place.
    """
    try:
        if is_pydantic(payload_type):
            return payload_type.model_validate(payload).model_dump(mode="json", by_alias=True)
        plain: object = msgspec.to_builtins(payload)
        msgspec.convert(plain, payload_type)
    except (ValueError, TypeError) as fault:
        kind = getattr(payload_type, "__name__", payload_type)
        raise InvalidInput(f"payload must be a {kind}: {_reason(fault)}") from None
    return plain


def _reason(fault: Exception) -> str:
    """What is wrong and where, without the value: the first line of pydantic's message has only a count."""
    listed: Any = getattr(fault, "errors", None)
    if callable(listed):
        first: Any = cast("list[Any]", listed())[0]
        return f"{first['msg']} - at `{'.'.join(map(str, first['loc']))}`"
    return str(fault).partition("\n")[0]
