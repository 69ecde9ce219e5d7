"""Refusing a request whose body is still on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive


async def drain(receive: Receive) -> None:
    """Read what is being sent: a client that is still sending would see a broken connection, not the answer."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
