"""SECURITY.md names tests that exist, and the lock file leads to the public package index only."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROWS: Final = [line for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines() if line.startswith("| ") and "::" in line]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_each_threat_names_a_test_that_exists(row: str) -> None:
    """In the last column."""
    path, name = re.findall(r"`(tests/[^`]+)::(\w+)`", row)[0]
    tree = ast.parse((ROOT / path).read_text("utf-8"))

    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_threats() -> None:
    """The table is read."""
    assert len(ROWS) >= 20


def test_the_lock_file_leads_to_the_public_index_only() -> None:
    """It was made wherever; a mirror's address would be of no use to others. Each file has a hash."""
    text = (ROOT / "uv.lock").read_text("utf-8")

    assert set(re.findall(r"https?://([^/\"]+)", text)) == {"pypi.org", "files.pythonhosted.org"}
    assert text.count("url = ") == text.count('hash = "sha256:')
