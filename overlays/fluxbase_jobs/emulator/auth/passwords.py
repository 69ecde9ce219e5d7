"""Password hashes. The cost is low on purpose: these accounts exist for development and tests only."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_COST = 2**10


def hash_password(password: str) -> str:
    """Return salt and hash as text."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt)}"


def is_password(password: str, password_hash: str) -> bool:
    """Tell whether this is the password that was hashed."""
    salt, _, expected = password_hash.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), expected)


def _scrypt(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=_COST, r=8, p=1).hex()
