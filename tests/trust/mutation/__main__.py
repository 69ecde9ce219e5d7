"""Change the client's code in one place at a time, run the tests of that place, and write docs/mutation.md: `nox -s mutation`.

A mutant that no test notices shows what no test checks. mutmut makes the mutants; as it knows the layouts `.` and `src` only, the packages
are copied into such a layout below `.nox/mutation`.

`-- --part policies` runs one part, `-- --sample 50` as many mutants of each part, drawn with a seed that `--seed` names, `-- --minutes 10`
those that run in this time, `-- --again` the survivors of the last run, `-- --report` none.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from attrs import asdict, define, field
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

from tests.trust.mutation.parts import EQUIVALENT, PARTS, Part, reason

ROOT: Final = Path(__file__).parents[3]
WORK: Final = ROOT / ".nox" / "mutation"
REPORT: Final = ROOT / "docs" / "mutation.md"
SEED: Final = 20261127
GOAL: Final = 0.9
COPIED: Final = ("tests", "contract", "examples", "docs", "openapi.yaml", "pyproject.toml")
FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
KILLED: Final = frozenset({1, 2, 3, -11})
"""pytest's exit codes for a failed test, for tests that cannot be imported, and for an error of its own, and that of a crash."""
TIMEOUT: Final = frozenset({36, 24, -24, 152, 255})
"""Those of mutmut for a mutant that takes too long; 255 also for one with which no test begins, as the client cannot be imported."""
SURVIVED: Final = 0
UNTESTED: Final = 33


@define
class Outcome:
    """What became of a part's mutants."""

    part: str
    total: int
    ran: int = 0
    killed: int = 0
    timeouts: int = 0
    survivors: dict[str, list[str]] = field(factory=dict[str, list[str]])
    """By mutant: the changed line, and what it was changed to."""
    names: list[str] = field(factory=list[str])
    """Those that ran."""
    seed: int | None = None
    """What a sample was drawn with."""

    @property
    def share(self) -> float:
        """How many were noticed, of those that ran. One that hangs is noticed."""
        return (self.killed + self.timeouts) / self.ran if self.ran else 0.0


def prepare(part: Part) -> Path:
    """The project in a layout that mutmut knows, with its settings."""
    folder = WORK / part.name
    shutil.rmtree(folder, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "overlays", folder / "src", ignore=without)
    shutil.copytree(ROOT / "generated", folder / "src", ignore=without, dirs_exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        shutil.copytree(source, folder / name, ignore=without) if source.is_dir() else shutil.copy2(source, folder / name)
    (folder / "setup.cfg").write_text(settings(part))
    return folder


def settings(part: Part) -> str:
    """The settings of mutmut, which reads them from setup.cfg. A mutant may take half as long again as its tests, and 90 seconds.

    Each mutant has a process that imports the client and the tests itself: else what is made once, like caches, would be of no mutant.
    """
    values = {
        "source_paths": ["src"],
        "only_mutate": [f"src/fluxbase_jobs/{part.name}/*.py"],
        "also_copy": list(COPIED),
        "pytest_add_cli_args": [
            *("-p", "no:cacheprovider", "-p", "tests.trust.mutation.plugin", "-m", "not slow"),
            *(f"--deselect={each}" for each in part.left_out),
        ],
        "pytest_add_cli_args_test_selection": list(part.tests),
        "timeout_multiplier": ["1.5"],
        "timeout_constant": ["60.0"],
        "track_dependencies": ["false"],
        "use_git_change_detection": ["false"],
        "process_isolation": ["forkserver"],
        "forkserver_warmup": ["none"],
    }
    lines = [f"{name} =\n    " + "\n    ".join(each) if len(each) > 1 else f"{name} = {each[0]}" for name, each in values.items()]
    return "\n".join(["[mutmut]", *lines, ""])


def mutants(folder: Path, part: Part) -> list[str]:
    """The names of all mutants of a part, but those that only change the type that a cast names for type checkers."""
    found = list[str]()
    with contextlib.chdir(folder):  # where mutmut finds its settings
        for path in sorted(Path("src/fluxbase_jobs", part.name).rglob("*.py")):
            made = mutate_file_contents(str(path), path.read_text(), None, None)
            functions = {node.name: _code(node) for node in ast.walk(ast.parse(made.code)) if isinstance(node, FUNCTION)}
            changed = (
                name for name in made.mutant_names if functions[name] != functions[f"{name.rpartition('__mutmut_')[0]}__mutmut_orig"]
            )
            found += [get_mutant_name(path, name) for name in changed]
    return found


class _WithoutCasts(ast.NodeTransformer):
    """Puts its value in the place of each cast."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_cast = isinstance(node.func, ast.Name) and node.func.id == "cast" and len(node.args) == 2
        return node.args[1] if is_cast else node


def _code(function: ast.AST) -> str:
    """What a function does, without its name."""
    return "".join(ast.dump(_WithoutCasts().visit(each)) for each in ast.iter_child_nodes(function))


def run(part: Part, sample: int | None, seed: int, seconds: float | None, *, again: bool) -> Outcome:
    """Run a part, or a sample of its mutants, or those that survived the last run."""
    kept = WORK / f"{part.name}.json"
    last = Outcome(**json.loads(kept.read_text())) if again else None
    folder = prepare(part)
    names = mutants(folder, part)
    chosen = names
    if last:
        chosen = sorted(last.survivors)
    elif sample and sample < len(names):
        chosen = sorted(random.Random(seed).sample(names, sample))  # noqa: S311  # no secret
    print(f"{part.name}: {len(chosen)} of {len(names)} mutants", flush=True)
    mutmut(folder, chosen, seconds)
    found = outcome(folder, part, names, set(chosen))
    found.seed = seed if len(chosen) < len(names) else None
    if last:
        left = {name: shown for name, shown in last.survivors.items() if name not in found.names}
        found.survivors.update(left)
        found.seed, found.ran, found.killed, found.timeouts = (
            last.seed,
            last.ran,
            last.killed + found.killed,
            last.timeouts + found.timeouts,
        )
    kept.write_text(json.dumps(asdict(found), indent=1))
    return found


def mutmut(folder: Path, names: list[str], seconds: float | None) -> None:
    """Run the program on these mutants; what it has found after these seconds counts. Its output goes to a file, as it redraws one line."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    with (folder / "output.txt").open("w") as output, subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as process:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            return
    if code:
        raise SystemExit(f"mutmut failed: {(folder / 'output.txt').read_text()[-3000:]}")


def outcome(folder: Path, part: Part, names: list[str], chosen: set[str]) -> Outcome:
    """Read what mutmut wrote beside each module."""
    found = Outcome(part.name, len(names))
    for path in sorted((folder / "mutants" / "src").rglob("*.meta")):
        for name, code in json.loads(path.read_text())["exit_code_by_key"].items():
            if name not in chosen or code is None:
                continue
            found.ran += 1
            found.names.append(name)
            found.killed += code in KILLED
            found.timeouts += code in TIMEOUT
            if code not in KILLED | TIMEOUT:
                with contextlib.chdir(folder):
                    shown = get_diff_for_mutant(name, path=path.relative_to(folder / "mutants").with_suffix(""))
                found.survivors[name] = [*change(shown), *(["no test runs it"] if code == UNTESTED else [])]
    return found


def change(shown: str) -> list[str]:
    """The line that was changed, before and after."""
    lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    return [" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+"]


def report(outcomes: list[Outcome]) -> str:
    """The page."""
    lines = [
        "# Mutation testing",
        "",
        "How many changes of the code the tests notice. `nox --sessions mutation` makes this page; nothing in it is written by hand but the",
        "reasons, which are in `tests/trust/mutation/parts.py`.",
        "",
        f"mutmut {version('mutmut')} changes one place at a time: an operator, a number, a text, a condition, an argument. The tests of the",
        "part run until one fails. Where not all mutants ran, those that did were drawn with the seed named; where the time was over, the",
        "quick ones came first. Not counted are changes of the type that a cast names, which is for type checkers.",
        "",
        "| part | mutants | ran | seed | killed | hung, or not to be imported, which is noticed | survived | noticed | of these, equivalent | noticed, but for these |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in outcomes:
        same = sum(reason_of(each, name).startswith(EQUIVALENT) for name in each.survivors)
        without = (each.killed + each.timeouts) / max(each.ran - same, 1)
        counts = (each.killed, each.timeouts, len(each.survivors))
        row = (each.total, each.ran, each.seed or "-", *counts, f"{each.share:.1%}", same, f"{without:.1%}")
        lines.append(f"| `{each.part}` | {' | '.join(map(str, row))} |")
    for each in outcomes:
        lines += ["", f"## Survivors of `{each.part}`", "", *survivors(each)]
    return "\n".join([*lines, ""])


def place(outcome: Outcome, name: str) -> str:
    """A mutant's function, like `retry.RetryPolicy.delay`."""
    short = re.sub(r"^fluxbase_jobs\.|__mutmut_\d+$", "", name).removeprefix(f"{outcome.part}.")
    return re.sub(r"\bx(_|ǁ)", "", short).replace("ǁ", ".")


def reason_of(outcome: Outcome, name: str) -> str:
    """Why a mutant survived, as far as it is known."""
    before, after, *untested = outcome.survivors[name]
    return reason(place(outcome, name), before, after) or ", ".join(untested)


def survivors(outcome: Outcome) -> list[str]:
    """Each with the reason why no test kills it."""
    rows = ["| where | was | became | reason |", "| --- | --- | --- | --- |"]
    for name, (before, after, *_) in outcome.survivors.items():
        cells = (f"`{place(outcome, name)}`", *(shortened(each) for each in differing(before, after)), reason_of(outcome, name))
        rows.append(f"| {' | '.join(cells)} |")
    return rows if len(rows) > 2 else ["None."]


def differing(before: str, after: str) -> tuple[str, str]:
    """Both lines without their equal beginnings and ends, but for some characters around."""
    start = len(os.path.commonprefix([before, after]))  # noqa: RUF071  # texts, no paths
    end = len(os.path.commonprefix([before[start:][::-1], after[start:][::-1]]))  # noqa: RUF071  # the same
    first, last = max(0, start - 30), max(0, end - 20)
    return before[first : len(before) - last], after[first : len(after) - last]


def shortened(text: str) -> str:
    """Text in a cell of a table."""
    return f"`{text[:100].replace('|', chr(0x2223)).replace('`', chr(39))}`" if text else "-"


def main() -> int:
    """Run, write, and fail below the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=[part.name for part in PARTS], action="append", help="all parts where none is named")
    parser.add_argument("--sample", type=int, help="how many mutants of each part")
    parser.add_argument("--seed", type=int, default=SEED, help="what the sample is drawn with")
    parser.add_argument("--minutes", type=float, help="how long each part may take; quick mutants come first")
    parser.add_argument(
        "--again", action="store_true", help="only the mutants that survived the last run of the same code, after a change of tests"
    )
    parser.add_argument("--report", action="store_true", help="write the page from the last runs")
    options = parser.parse_args()
    for part in () if options.report else PARTS:
        if not options.part or part.name in options.part:
            found = run(part, options.sample, options.seed, options.minutes and options.minutes * 60, again=options.again)
            print(f"{part.name}: {found.share:.1%} of {found.ran}, {len(found.survivors)} survived", flush=True)
    kept = [WORK / f"{part.name}.json" for part in PARTS]
    outcomes = [Outcome(**json.loads(path.read_text())) for path in kept if path.exists()]
    REPORT.write_text(report(outcomes))
    return any(each.share < GOAL for each in outcomes)


if __name__ == "__main__":
    sys.exit(main())
