"""The fenced blocks of the README and of the pages in docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from attrs import frozen

ROOT: Final = Path(__file__).parents[2]
LANGUAGES: Final = ("python", "sh", "text", "toml", "typescript")
_BLOCK: Final = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<source>.*?)^```$", re.DOTALL | re.MULTILINE)
_INFO: Final = re.compile(r"(?P<language>\w*)(?: title=\"?(?P<title>[^\"\n]+)\"?)?")
OUTPUT: Final = "output"
"""The title of a block that has exactly what the program before it prints."""


@frozen
class Block:
    """One fenced block."""

    language: str
    title: str | None
    source: str
    line: int
    """The line of the page before the first one of the source."""

    @property
    def is_program(self) -> bool:
        """Whether it is part of the page's program; handlers and test files are not."""
        return self.language == "python" and not (self.title or "").startswith(("handlers.py", "test_"))


@frozen(slots=False)
class Page:
    """One page. Its programs run one after the other, each with the names of those before it."""

    path: Path

    @property
    def name(self) -> str:
        """The path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """What is in the file."""
        return self.path.read_text("utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All fenced blocks in order."""
        return tuple(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        for found in _BLOCK.finditer(self.text):
            info = _INFO.fullmatch(found["info"])
            assert info is not None, f"{self.name}: ```{found['info']}"
            yield Block(info["language"], info["title"], found["source"], self.text.count("\n", 0, found.start()) + 1)

    def files(self, pattern: str) -> dict[str, str]:
        """The Python files that the page shows, by their names."""
        return {str(block.title): block.source for block in self.blocks if block.title and re.fullmatch(pattern, block.title)}


README: Final = Page(ROOT / "README.md")
PAGES: Final = (README, *(Page(path) for path in sorted((ROOT / "docs").rglob("*.md"))))
HANDLERS: Final = Page(ROOT / "docs" / "quick-start.md").files(r"handlers\.py").get("handlers.py", "")
"""The functions that all pages call, and the quick start tells the reader to keep."""
