"""The project's tasks. `nox -l` lists them; each installs what it needs into an environment of its own."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
DEFAULT_PYTHON = PYTHONS[0]
CLIENT = ROOT / "generated" / "fluxbase_jobs_client"
BANNER = "# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.\n"


def install(session: nox.Session, *groups: str) -> None:
    """The project with its extras, and the named dependency groups."""
    session.install("-e", ".[emulator]", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests on every Python that is there; on the oldest one also the generated code, the style and the types."""
    install(session, "tests")
    session.run("pytest", *(session.posargs or ["--numprocesses", "3"]))
    if session.python == DEFAULT_PYTHON and not session.posargs:
        session.notify("generate", ["--check"])
        session.notify("lint")
        session.notify("types")


@nox.session(python=DEFAULT_PYTHON)
def generate(session: nox.Session) -> None:
    """Write generated/ from openapi.yaml; with `-- --check`, fail on any missing, extra or different file instead."""
    session.install(*nox.project.dependency_groups(PROJECT, "generator"))
    # Not below .nox: ruff leaves everything there alone, the generator's hooks included.
    with tempfile.TemporaryDirectory() as folder:
        fresh = compile_client(session, Path(folder))
        if "--check" not in session.posargs:
            shutil.rmtree(CLIENT, ignore_errors=True)
            shutil.copytree(fresh, CLIENT)
            session.log(f"wrote {len(list(CLIENT.rglob('*.py')))} modules to {CLIENT.relative_to(ROOT)}")
        elif found := differences(fresh, CLIENT):
            session.error(f"generated/ is not what openapi.yaml gives ({', '.join(found)}): run `nox -s generate` and commit")


def compile_client(session: nox.Session, folder: Path) -> Path:
    """The package as the generator makes it now, in `folder`."""
    package = folder / CLIENT.name
    session.run(
        *("openapi-python-client", "generate", "--meta", "none", "--overwrite", "--fail-on-warning"),
        *("--path", "openapi.yaml", "--config", "generator-config.yaml", "--custom-template-path", "templates"),
        *("--output-path", str(package)),
        silent=True,
    )
    finish(session, package)
    return package


def finish(session: nox.Session, package: Path) -> None:
    """Mark each generated file as such and the package as typed; stop at what the templates could not express."""
    for module in sorted(package.rglob("*.py")):
        source = module.read_text()
        for line in source.splitlines():
            if "# cannot be generated: " in line:
                session.error(f"openapi.yaml: {line.partition('# cannot be generated: ')[2]}; rename or leave it out")
        module.write_text(BANNER + source)
    (package / "py.typed").touch()


def differences(fresh: Path, kept: Path) -> list[str]:
    """The files that are missing, extra or not the same, as paths below the package."""
    names = {path.relative_to(tree).as_posix() for tree in (fresh, kept) for path in tree.rglob("*") if is_source(path)}
    _, different, absent = filecmp.cmpfiles(fresh, kept, sorted(names), shallow=False)
    return sorted(different + absent)


def is_source(path: Path) -> bool:
    """Whether git would keep it."""
    return path.is_file() and path.suffix != ".pyc"


@nox.session(python=DEFAULT_PYTHON)
def demo(session: nox.Session) -> None:
    """Start the emulator, submit a job, show its progress, its result and its log."""
    install(session)
    session.run("python", "examples/quickstart.py")


@nox.session(python=DEFAULT_PYTHON)
def conformance(session: nox.Session) -> None:
    """Hold the emulator against the recorded servers; `-- FOLDER` says where the recordings and their tools are."""
    install(session)
    session.run("python", "-m", "tests.contract.conformance", *(session.posargs or [str(ROOT.parent / "shared" / "wire")]))


@nox.session(python=DEFAULT_PYTHON)
def description(session: nox.Session) -> None:
    """Hold openapi.yaml and the emulator against each other: whatever is asked, nothing undeclared is answered."""
    install(session, "description")
    session.run("pytest", "--numprocesses", "3", "tests/contract/check_description.py")


@nox.session(python=DEFAULT_PYTHON)
def live(session: nox.Session) -> None:
    """The life of jobs on a server of yours: `-- URL KEY PROFILE`; it needs the functions of contract/functions.py."""
    install(session, "tests")
    variables: dict[str, str | None] = dict(
        zip(("FLUXBASE_TEST_URL", "FLUXBASE_TEST_KEY", "FLUXBASE_TEST_PROFILE"), session.posargs, strict=True)
    )
    session.run("pytest", "tests/verbs/test_lifecycle.py", env=variables)


@nox.session(python=DEFAULT_PYTHON)
def lint(session: nox.Session) -> None:
    """Style: ruff with all rules but the named exceptions, and the format."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=DEFAULT_PYTHON)
def types(session: nox.Session) -> None:
    """Types: mypy and pyright, both strict, over the project and over programs that must pass and must fail."""
    install(session, "types")
    session.run("mypy", "generated", "overlays", "tests", "contract", "examples", "noxfile.py")
    session.run("pyright")
    session.run("pytest", "tests/typing/check_typing.py")
