"""The project's tasks. `nox -l` lists them; each installs what it needs into its own environment."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

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
OTHER_PYTHONS = PYTHONS[1:]
NEXT_PYTHON = "3.14"
"""Tested where there is one; a classifier comes when the tests have passed there."""
EXTRAS = tuple(PROJECT["project"]["optional-dependencies"])
EACH_AND_ALL = ("", *EXTRAS, ",".join(EXTRAS))
DIST = ROOT / "dist"
INSTALLED_TESTS = ("tests/cli", "tests/context", "tests/models", "tests/plans", "tests/testing")
LOWEST_TOOLS = (
    *("freezegun", "hypothesis", "pendulum", "pyte", "pytest", "pytest-asyncio", "pytest-socket", "pytest-xdist"),
    *("pyyaml", "respx", "trio", "trustme"),
)
"""What those tests need that goes together with the lowest versions; those of other packages are left out, with the tests below."""
NEED_NEWER = ("tests/context/test_argument_values.py", "tests/models/test_jobs_elsewhere.py")
QUICK_TESTS = ("tests/architecture", "tests/context", "tests/models", "tests/plans")
WORKERS = ("--numprocesses", "4")
QUICK_ONES = ("-m", "not slow")
UNTRACEABLE = (
    # While a thread sleeps that is to be interrupted, Python 3.11 runs no other thread that is traced.
    *("--deselect", "tests/emulator/test_cli.py::test_shutdown_while_jobs_run"),
    # Its program may write no file, that of the tracer neither.
    *("--deselect", "tests/emulator/store/test_full_disk.py::test_every_request_is_answered_with_503_and_one_line_says_why"),
)
BANNER = "# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.\n"


def find_pyenv_pythons() -> None:
    """Put the Pythons that pyenv has installed before its shims, which fail for every version that is not active."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(folder) for version in OTHER_PYTHONS for folder in sorted(versions.glob(f"{version}.*/bin"))]
    os.environ["PATH"] = os.pathsep.join([*found, os.environ["PATH"]])


def keep_bytecode() -> None:
    """Write bytecode even where the environment says to write none: each of the many programs that tests start would compile the wheel."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


find_pyenv_pythons()
keep_bytecode()


def install(session: nox.Session, *groups: str) -> None:
    """The project with its extras, and the named dependency groups."""
    session.install("-e", ".[cli,emulator]", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session(python=DEFAULT_PYTHON)
def tests(session: nox.Session) -> None:
    """What a change must pass: the tests on the oldest Python, the generated code, the style and the types."""
    install(session, "tests")
    session.run("pytest", *(session.posargs or (*WORKERS, *QUICK_ONES)))
    if not session.posargs:
        session.notify("generate", ["--check"])
        session.notify("lint")
        session.notify("types")


@nox.session(python=DEFAULT_PYTHON)
def quick(session: nox.Session) -> None:
    """The style and the tests that start no program, in under 30 seconds: to be run while a change is made."""
    install(session, "tests", "lint")
    check_style(session)
    session.run("pytest", "--quiet", *WORKERS, *QUICK_TESTS)


@nox.session(python=DEFAULT_PYTHON)
def full(session: nox.Session) -> None:
    """Everything that takes longer than `tests`: slow tests, the other Pythons, coverage, many crashes, conformance and more."""
    # A name of several sessions would only run the first of them.
    for name in (
        "slow",
        "browser",
        *(f"pythons-{version}" for version in OTHER_PYTHONS),
        "coverage",
        "crashes",
        "conformance",
        "description",
    ):
        session.notify(name)
    session.notify("docs")
    session.notify("build")
    session.notify("soak", ["--seconds", "60"])


@nox.session(python=DEFAULT_PYTHON)
def slow(session: nox.Session) -> None:
    """The tests that `tests` leaves out, as they mostly wait."""
    install(session, "tests")
    session.run("pytest", *WORKERS, "-m", "slow")


@nox.session(python=DEFAULT_PYTHON)
def browser(session: nox.Session) -> None:
    """The emulator's page in a headless Chromium; skipped, and said so, where none is installed: `apt-get install chromium chromium-driver`."""
    install(session, "browser")
    session.run("pytest", *(session.posargs or ("tests/browser",)))


@nox.session(python=OTHER_PYTHONS)
def pythons(session: nox.Session) -> None:
    """All tests on the other Pythons; one that is not installed is skipped."""
    install(session, "tests")
    session.run("pytest", *(session.posargs or WORKERS))


@nox.session(python=DEFAULT_PYTHON)
def build(session: nox.Session) -> None:
    """Build wheel and sdist into dist/, check what is in them, and test the wheel in clean environments."""
    session.install(*nox.project.dependency_groups(PROJECT, "build"))
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(DIST), "--sdist", "--wheel", ".", silent=True)
    session.run("python", "-m", "build", "--outdir", str(DIST / "of-sdist"), "--wheel", str(unpacked(session)), silent=True)
    made = [str(path) for path in sorted(DIST.iterdir()) if path.is_file()]
    session.run("twine", "check", "--strict", *made)
    session.run(
        "check-wheel-contents", "--toplevel", "fluxbase_jobs,fluxbase_jobs_client", *(name for name in made if name.endswith("whl"))
    )
    session.run("pytest", "--noconftest", "tests/packaging/check_distributions.py", env={"FLUXBASE_DIST": str(DIST)})
    for name in (*(f"installed-{version}" for version in (*PYTHONS, NEXT_PYTHON)), *(f"extras(extra='{extra}')" for extra in EACH_AND_ALL)):
        session.notify(name)
    session.notify("lowest")


def unpacked(session: nox.Session, *without: str) -> Path:
    """A folder with the sdist's files, but without some of its folders."""
    temporary = Path(session.create_tmp())
    with tarfile.open(next(DIST.glob("*.tar.gz"))) as archive:
        folder = temporary / archive.getnames()[0].partition("/")[0]
        shutil.rmtree(folder, ignore_errors=True)
        archive.extractall(temporary, filter="data")
    for name in without:
        shutil.rmtree(folder / name)
    return folder


def wheel() -> str:
    """The wheel that `build` made."""
    return str(next(DIST.glob("*.whl")))


@nox.session(python=[*PYTHONS, NEXT_PYTHON], reuse_venv=False)
def installed(session: nox.Session) -> None:
    """The tests of the sdist against the installed wheel, after `build`; there is no other copy of the package."""
    session.install(f"{wheel()}[{','.join(EXTRAS)}]", *nox.project.dependency_groups(PROJECT, "tests"))
    session.chdir(unpacked(session, "overlays", "generated"))
    session.run("pytest", "--quiet", *WORKERS, *QUICK_ONES, *(session.posargs or INSTALLED_TESTS))


@nox.session(python=DEFAULT_PYTHON, reuse_venv=False)
@nox.parametrize("extra", EACH_AND_ALL)
def extras(session: nox.Session, extra: str) -> None:
    """The wheel with no extra, with each one and with all, after `build`: what it can do, and what it says where an extra is missing."""
    session.install(f"{wheel()}[{extra}]" if extra else wheel())
    session.chdir(session.create_tmp())
    session.run("python", str(ROOT / "tests" / "packaging" / "smoke.py"), *filter(None, extra.split(",")))


@nox.session(python=DEFAULT_PYTHON, reuse_venv=False)
def lowest(session: nox.Session) -> None:
    """The wheel with the lowest versions of its dependencies that pyproject.toml allows, after `build`."""
    versions = Path(session.create_tmp()) / "lowest.txt"
    session.install(*(line for line in nox.project.dependency_groups(PROJECT, "build") if line.startswith("uv=")))
    options = ("--quiet", "--all-extras", "--resolution", "lowest-direct", "--python-version", DEFAULT_PYTHON)
    session.run("uv", "pip", "compile", *options, "--output-file", str(versions), "pyproject.toml", silent=True)
    tools = [line for line in nox.project.dependency_groups(PROJECT, "tests") if line.partition("==")[0] in LOWEST_TOOLS]
    session.install("--requirement", str(versions), wheel(), "opentelemetry-sdk", *tools)
    session.chdir(unpacked(session, "overlays", "generated"))
    session.run("pytest", "--quiet", *WORKERS, *QUICK_ONES, *INSTALLED_TESTS, *(f"--ignore={name}" for name in NEED_NEWER))


@nox.session(python=DEFAULT_PYTHON)
def coverage(session: nox.Session) -> None:
    """Which lines and branches the tests run, in the programs that they start too; fails below the goals."""
    install(session, "tests", "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *WORKERS, *UNTRACEABLE, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    parts = "overlays/fluxbase_jobs/emulator/*,overlays/fluxbase_jobs/testing/*,overlays/fluxbase_jobs/pytest_plugin.py"
    session.run("coverage", "report", f"--omit={parts}", "--fail-under=97")
    session.run("coverage", "report", "--include=overlays/fluxbase_jobs/emulator/*", "--fail-under=93")
    session.run("coverage", "report", "--include=overlays/fluxbase_jobs/testing/*,overlays/fluxbase_jobs/pytest_plugin.py")


@nox.session(python=DEFAULT_PYTHON)
def crashes(session: nox.Session) -> None:
    """Kill the emulator twenty times under load, where `tests` does it three times."""
    install(session, "tests")
    session.run("pytest", "tests/emulator/runtime/test_crashes.py", env={"FLUXBASE_TEST_CRASHES": "20"})


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
        source = module.read_text("utf-8")
        for line in source.splitlines():
            if "# cannot be generated: " in line:
                session.error(f"openapi.yaml: {line.partition('# cannot be generated: ')[2]}; rename or leave it out")
        module.write_text(BANNER + source, "utf-8", newline="\n")
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
def docs(session: nox.Session) -> None:
    """Build the documents into site/, without a network; any warning is an error."""
    session.install(*nox.project.dependency_groups(PROJECT, "docs"))
    session.run("zensical", "build", "--clean", "--strict")


@nox.session(python=DEFAULT_PYTHON)
def demo(session: nox.Session) -> None:
    """Start the emulator, submit a job, show its progress, its result and its log."""
    install(session)
    session.run("python", "examples/quickstart.py")


@nox.session(python=DEFAULT_PYTHON)
def pictures(session: nox.Session) -> None:
    """Write docs/pictures/: the program's commands on a terminal, `-- NAME` one of them; `-- page` the emulator's page in a browser."""
    install(session, "browser")
    if session.posargs != ["page"]:
        session.run("python", "docs/pictures.py", *session.posargs)
    if session.posargs in ([], ["page"]):
        session.run("python", "docs/page_pictures.py")


@nox.session(python=DEFAULT_PYTHON)
def conformance(session: nox.Session) -> None:
    """Hold the emulator against the recorded servers, value by value."""
    install(session)
    session.run("python", "-m", "contract.conformance")


@nox.session(python=DEFAULT_PYTHON)
def record(session: nox.Session) -> None:
    """Record a server that runs contract/job-functions: `-- URL JWT_SECRET [FILE]`."""
    install(session)
    run_with_server(session, "contract.record")


@nox.session(python=DEFAULT_PYTHON)
def drift(session: nox.Session) -> None:
    """Report how a server differs from the newest recording and from openapi.yaml: `-- URL JWT_SECRET [RECORDING]`."""
    install(session, "tests")
    run_with_server(session, "contract.drift")


def run_with_server(session: nox.Session, module: str) -> None:
    """Run a module with the session's arguments, the secret among its environment: nox prints the commands that it runs."""
    url, secret, others = session.posargs[:1], session.posargs[1:2], session.posargs[2:]
    if url and not url[0].startswith("http"):
        session.error("the first argument is no server's address: pass URL JWT_SECRET")
    session.run("python", "-m", module, *url, *others, env={"FLUXBASE_JWT_SECRET": secret[0]} if secret else None)


@nox.session(python=DEFAULT_PYTHON)
def description(session: nox.Session) -> None:
    """Check the emulator against openapi.yaml with generated requests: every response must be declared."""
    install(session, "description")
    # The emulator's threads format tracebacks. With column numbers that parses source, which Python 3.11 cannot in two threads at once.
    session.run("pytest", *WORKERS, "tests/contract/check_description.py", env={"PYTHONNODEBUGRANGES": "1"})


@nox.session(python=DEFAULT_PYTHON)
def live(session: nox.Session) -> None:
    """The life of jobs on a server of yours: `-- URL KEY PROFILE`; it needs the functions of contract/functions.py."""
    install(session, "tests")
    if len(session.posargs) != 3:
        session.error("pass three arguments: the server's URL, a service-role KEY, and the PROFILE, 2026-03 or 2026-04")
    variables: dict[str, str | None] = dict(
        zip(("FLUXBASE_TEST_URL", "FLUXBASE_TEST_KEY", "FLUXBASE_TEST_PROFILE"), session.posargs, strict=True)
    )
    session.run("pytest", "tests/verbs/test_lifecycle.py", "tests/realtime/test_live.py", env=variables)


@nox.session(python=DEFAULT_PYTHON)
def bench(session: nox.Session) -> None:
    """Measure against the peers, and write benchmarks/RESULTS.md; `-- --short` compares with the kept ratios in half a minute."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python=DEFAULT_PYTHON)
def realtime(session: nox.Session) -> None:
    """Measure how soon changes come, what a wait of a minute costs and what cut sockets lose: benchmarks/REALTIME.md."""
    install(session, "tests")
    session.run("python", "-m", "benchmarks.realtime", *session.posargs)


@nox.session(python=DEFAULT_PYTHON)
def faults(session: nox.Session) -> None:
    """Every verb against a server that misbehaves, over every transport; writes docs/reliability.md. `-- --part 11`: each 11th fault."""
    install(session, "tests")
    session.run("python", "-m", "tests.trust.faults", *session.posargs)


@nox.session(python=DEFAULT_PYTHON)
def soak(session: nox.Session) -> None:
    """Threads and tasks on shared clients of a failing server, for half an hour; `-- --seconds 60` for less."""
    install(session, "tests")
    session.run("python", "-m", "tests.trust.soak", *session.posargs)


@nox.session(python=DEFAULT_PYTHON)
def mutation(session: nox.Session) -> None:
    """Change the code in one place at a time and see whether a test notices; writes docs/mutation.md. `-- --part policies --sample 50` for less."""
    install(session, "tests", "mutation")
    session.run("python", "-m", "tests.trust.mutation", *session.posargs)


@nox.session(python=DEFAULT_PYTHON)
def fuzz(session: nox.Session) -> None:
    """Bytes that atheris invents, as responses, a minute for each target; `-- http -max_total_time=600` for more of one."""
    install(session, "tests", "fuzz")
    for target in () if session.posargs else ("http", "bodies"):
        session.run("python", "-m", "tests.trust.fuzz", target, "-max_total_time=60", "-max_len=4000")
    if session.posargs:
        session.run("python", "-m", "tests.trust.fuzz", *session.posargs)


@nox.session(python=DEFAULT_PYTHON)
def audit(session: nox.Session) -> None:
    """Known weaknesses of the locked packages, the bill of materials and the licences; says so where nothing could be looked up."""
    install(session, "audit")
    folder = ROOT / ".nox" / "audit"
    folder.mkdir(parents=True, exist_ok=True)
    locked = folder / "requirements.txt"
    session.run("uv", "lock", "--check")
    session.run("uv", "export", "--quiet", "--all-extras", "--no-dev", "--no-emit-project", "--output-file", str(locked))
    session.run("cyclonedx-py", "requirements", str(locked), "--output-format", "JSON", "--output-file", str(folder / "bom.json"))
    session.run("pip-licenses", "--format=markdown", f"--output-file={folder / 'licences.md'}")
    found = folder / "audit.json"
    found.unlink(missing_ok=True)
    options = ("--require-hashes", "--disable-pip", "--format", "json", "--output", str(found))
    session.run("pip-audit", "--requirement", str(locked), *options, success_codes=[0, 1])
    report_weaknesses(session, found)


def report_weaknesses(session: nox.Session, found: Path) -> None:
    """Fail for a known weakness; and where the service that knows them did not answer, as that is no clean result."""
    packages: list[dict[str, Any]] = json.loads(found.read_text())["dependencies"] if found.exists() else []
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    weak = {package["name"]: [each["id"] for each in package["vulns"]] for package in packages if package.get("vulns")}
    if not packages or skipped:
        session.error(
            f"the audit service could not be reached: {len(skipped) or 'all'} packages were NOT looked up, so nothing is known of them"
        )
    if weak:
        session.error(f"known weaknesses: {weak}")
    session.log(f"no known weakness in {len(packages)} packages")


@nox.session(python=DEFAULT_PYTHON)
def lint(session: nox.Session) -> None:
    """Style: ruff with all rules but the named exceptions, and the format."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    check_style(session)


def check_style(session: nox.Session) -> None:
    """The linter and the formatter, which changes nothing."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=DEFAULT_PYTHON)
def types(session: nox.Session) -> None:
    """Types: mypy and pyright, both strict, over the project and over programs that must pass and must fail."""
    install(session, "types", "bench", "fuzz", "mutation")
    session.run("mypy", "generated", "overlays", "tests", "contract", "docs", "examples", "benchmarks", "noxfile.py")
    session.run("pyright")
    session.run("pytest", "tests/typing/check_typing.py")
