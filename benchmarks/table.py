"""The rows of the table: what is compared with what, and the bound of each ratio."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from attrs import frozen

from .rounds import Cost

TransportName: TypeAlias = Literal["httpcore", "pyreqwest"]
TRANSPORTS: Final[tuple[TransportName, ...]] = ("httpcore", "pyreqwest")


@frozen
class Row:
    """What was measured of one thing: the cost of each contender, ours under the names of its transports."""

    name: str
    peer: str
    costs: dict[str, Cost]
    calls: int = 1

    def ratio(self, transport: str, peer: str | None = None) -> Cost:
        """Our cost as a part of the peer's."""
        return self.costs[transport].ratio(self.costs[peer or self.peer])


BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "get": (0.65, 0.48),
    "submit": (0.65, 0.48),
    "list(limit=50)": (0.55, 0.42),
    "list(limit=1000)": (0.36, 0.32),
    "list(limit=1000), Node": (0.65, 0.60),
    "1,000 async submits, 50 in flight": (0.12, 0.06),
    "300 sync submits by submit_many": (1.0, 0.48),
    "the same, a server that takes 20 ms": (0.15, 0.13),
    "import fluxbase_jobs": (0.60, 0.60),
    "10,000 listed jobs, memory": (0.60, 0.60),
}
"""The ratios that issue 13 asks for: over httpcore, and over pyreqwest."""
