"""What is in the wheel and in the sdist that `nox -s build` makes.

Not collected with the other tests, as nothing is built there: `pytest tests/packaging/check_distributions.py`, with the folder that has
the distributions, and the wheel that was made of the sdist, in FLUXBASE_DIST.
"""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from os import environ
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DIST: Final = Path(environ["FLUXBASE_DIST"])
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PACKAGES: Final = {"fluxbase_jobs": ROOT / "overlays", "fluxbase_jobs_client": ROOT / "generated"}
IN_SDIST: Final = (
    *(".ci", "benchmarks", "contract", "docs", "examples", "generated", "overlays", "templates", "tests"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"),
    *("generator-config.yaml", "noxfile.py", "openapi.yaml", "pyproject.toml", "uv.lock", "zensical.toml"),
)
"""All that it takes to generate, build, test and document the package."""


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sources(folder: Path) -> set[Path]:
    """The files that were written by somebody, of a file itself that file."""
    found = folder.rglob("*") if folder.is_dir() else [folder]
    return {path for path in found if path.is_file() and path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def wheel() -> dict[str, bytes]:
    """The files of the one wheel."""
    (found,) = DIST.glob("*.whl")
    return contents(found)


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    """What the wheel says of itself."""
    return Parser().parsestr(next(content for name, content in wheel.items() if name.endswith("/METADATA")).decode())


def test_the_wheel_has_both_packages_and_nothing_else(wheel: dict[str, bytes]) -> None:
    """Each file as it is here, the markers of the types among them."""
    expected = {path.relative_to(root).as_posix(): path.read_bytes() for name, root in PACKAGES.items() for path in sources(root / name)}
    found = {name: content for name, content in wheel.items() if ".dist-info/" not in name}

    assert found == expected
    assert {f"{name}/py.typed" for name in PACKAGES} <= set(found)


def test_the_sdist_is_complete() -> None:
    """Each file that is here, so that the package can be built, tested and changed from it."""
    (sdist,) = DIST.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}

    assert {path.relative_to(ROOT).as_posix() for name in IN_SDIST for path in sources(ROOT / name)} - found == set()


def test_the_sdist_gives_the_same_wheel(wheel: dict[str, bytes]) -> None:
    """File by file."""
    (again,) = (DIST / "of-sdist").glob("*.whl")

    assert contents(again) == wheel


def test_the_metadata_are_complete(metadata: Message) -> None:
    """Who made it, where it belongs, what it runs on, and what the README says."""
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("fluxbase-jobs", PROJECT["version"], ">=3.11")
    assert metadata["Author"] == PROJECT["authors"][0]["name"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("Project-URL") == [f"{name}, {url}" for name, url in PROJECT["urls"].items()]
    assert metadata.get_all("Classifier") == PROJECT["classifiers"]
    assert set(metadata.get_all("Provides-Extra") or ()) == set(PROJECT["optional-dependencies"])
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).strip() == (ROOT / "README.md").read_text("utf-8").strip()


def test_the_version_is_the_changelogs() -> None:
    """Its topmost section."""
    sections = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## [")]

    assert sections[0].startswith(f"## [{PROJECT['version']}]")


def test_the_programs_and_the_plugin_are_registered(wheel: dict[str, bytes]) -> None:
    """For the shell and for pytest."""
    text = next(content for name, content in wheel.items() if name.endswith("/entry_points.txt")).decode()

    assert "fluxbase-jobs = fluxbase_jobs.__main__:main" in text
    assert "fluxbase_jobs = fluxbase_jobs.pytest_plugin" in text
