"""What PostgreSQL would not store of a function, in its own and its driver's words: a sync reports them to the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..formats.postgres_errors import NUL, beyond_int4
from ..store.functions import NUMBERS

if TYPE_CHECKING:
    from ..store import StoredFunction

_FIRST_NUMBER = {"create": 10, "update": 7}
"""The place of the first of the numbers among the arguments of the server's statements; the message names it."""

DUPLICATE = 'ERROR: duplicate key value violates unique constraint "functions_name_namespace_key" (SQLSTATE 23505)'
UNKNOWN_USER = 'ERROR: insert or update on table "functions" violates foreign key constraint "functions_created_by_fkey" (SQLSTATE 23503)'


def unstorable(wanted: StoredFunction, action: str) -> str | None:
    """Return why a function cannot be stored, if so; `action` is `create` or `update`."""
    return _too_large(wanted, _FIRST_NUMBER[action]) or (NUL if _has_nul(wanted) else None)


def _too_large(wanted: StoredFunction, place: int) -> str | None:
    for number, name in enumerate(NUMBERS, place):
        value: int = getattr(wanted, name)
        why = beyond_int4(value)
        if why:
            return f"failed to encode args[{number}]: unable to encode {value} into binary format for int4 (OID 23): {why}"
    return None


def _has_nul(wanted: StoredFunction) -> bool:
    texts = (wanted.namespace, wanted.name, wanted.description, wanted.code, wanted.original_code, wanted.schedule, *wanted.require_roles)
    return any("\0" in text for text in texts if text)
