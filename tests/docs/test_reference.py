"""Every public name has its place in the reference, and every page its place in the navigation."""

from __future__ import annotations

import importlib
import re
import tomllib
from typing import Any, Final

import fluxbase_jobs
import fluxbase_jobs.emulator
import fluxbase_jobs.otel
import fluxbase_jobs.progress
import fluxbase_jobs.testing
import pytest
from fluxbase_jobs import pytest_plugin

from tests.docs.pages import PAGES, ROOT

FIXTURES: Final = {f"{pytest_plugin.__name__}.{name}" for name in ("fluxbase", "fluxbase_server", "async_fluxbase")}
PUBLIC: Final = FIXTURES | {
    f"{module.__name__}.{name}"
    for module in (fluxbase_jobs, fluxbase_jobs.emulator, fluxbase_jobs.otel, fluxbase_jobs.progress, fluxbase_jobs.testing)
    for name in module.__all__
}
SHOWN: Final = [name for page in PAGES for name in re.findall(r"^::: (\S+)$", page.text, re.MULTILINE)]


def test_every_public_name_is_shown_once() -> None:
    """A name that is new, or that is gone, is named here."""
    assert sorted(PUBLIC - set(SHOWN)) == []
    assert sorted(set(SHOWN) - PUBLIC) == []
    assert len(SHOWN) == len(set(SHOWN))


@pytest.mark.parametrize("name", sorted(set(SHOWN)))
def test_shown_names_exist(name: str) -> None:
    """They can be imported as the reference calls them."""
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def pages_of(entries: list[Any]) -> list[str]:
    """The pages of a part of the navigation."""
    below = [part for entry in entries if not isinstance(entry, str) for part in entry.values()]
    return [entry for entry in entries if isinstance(entry, str)] + [page for part in below for page in pages_of(part)]


def test_every_page_can_be_reached() -> None:
    """The navigation has each page once."""
    settings = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))
    written = [page.path.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.path.is_relative_to(ROOT / "docs")]

    assert sorted(pages_of(settings["project"]["nav"])) == sorted(written)
