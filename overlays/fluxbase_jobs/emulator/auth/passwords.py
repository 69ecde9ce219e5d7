"""Password hashes. They are cheap to compute, because these accounts are only for development and tests."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

_COST: Final = 2**10


def hash_password(password: str) -> str:
    """Hash a password; the result contains the salt."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt)}"


def is_password(password: str, password_hash: str) -> bool:
    """Whether a hash was made from this password."""
    salt, _, expected = password_hash.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), expected)


def _scrypt(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=_COST, r=8, p=1).hex()
