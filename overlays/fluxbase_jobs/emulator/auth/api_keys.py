"""Making keys that are shown once."""

from __future__ import annotations

import base64
import secrets

_RANDOM_BYTES = 32


def new_key(prefix: str, *, padded: bool = True) -> str:
    """Return a new secret key, with or without base64's padding."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()
    return prefix + (text if padded else text.rstrip("="))
