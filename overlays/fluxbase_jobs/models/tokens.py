"""A signed-in user's tokens."""

from __future__ import annotations

from attrs import field, frozen


@frozen(kw_only=True)
class Tokens:
    """A signed-in user's tokens.

    Attributes:
        access_token: what requests carry; lasts `expires_in` seconds.
        refresh_token: buys the next pair, once.
        expires_in: seconds.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: int | None = None
