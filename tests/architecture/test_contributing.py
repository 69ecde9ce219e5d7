"""The lists of CONTRIBUTING.md: after a new field, endpoint or parameter a test names the file and the list that lack it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from tests.architecture.sources import ROOT

API: Final[dict[str, Any]] = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
CLIENT: Final = "overlays/fluxbase_jobs/"
ROUTES: Final = "overlays/fluxbase_jobs/emulator/http/routes/"
STEMS: Final = {"jobs": "jobs", "admin-jobs": "admin"}
"""The name that a tag's modules have in `_operations`, `_plans` and `_verbs`."""


def text(place: str) -> str:
    """A file of the repository; that of all modules of a folder for `folder/*`."""
    folder = ROOT / place.removesuffix("*")
    return "\n".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py"))) if place.endswith("*") else folder.read_text("utf-8")


def operations() -> Iterator[tuple[str, str, str]]:
    """Name, tag and path of every jobs operation that has a verb; the short forms of admin paths have none."""
    for path, item in API["paths"].items():
        for method, operation in item.items():
            if method != "parameters" and operation["tags"][0] in STEMS and not operation["operationId"].endswith("_short"):
                yield operation["operationId"], operation["tags"][0], path


def missing(name: str, place: str, title: str) -> str:
    """What a contributor reads."""
    return f"{name} is not in {place}: see the list {title!r} in CONTRIBUTING.md"


def functions(place: str) -> Iterator[tuple[str, str]]:
    """Names and sources of a module's public functions."""
    source = text(place)
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, ast.get_source_segment(source, node) or ""


def unsent(name: str, tag: str) -> Iterator[str]:
    """The steps of an endpoint that the client lacks, from the generated module to the operation's use in a plan."""
    generated = f"generated/fluxbase_jobs_client/api/{tag.replace('-', '_')}/{name}.py"
    place = f"{CLIENT}_operations/{STEMS[tag]}.py"
    if not (ROOT / generated).exists():
        yield missing(name, f"{generated} (run `nox -s generate`)", "Add an endpoint")
    users = [function for function, source in functions(place) if f"{name}.build_request" in source]
    if not users:
        yield missing(name, place, "Add an endpoint")
    used = text(f"{CLIENT}_plans/*") + text(f"{CLIENT}_operations/endpoints.py")
    if users and not any(re.search(rf"\b(operations|{STEMS[tag]})\.{user}\b", used) for user in users):
        yield missing(name, f"{CLIENT}_plans/{STEMS[tag]}.py", "Add an endpoint")


def without_verb() -> Iterator[str]:
    """Plans of one endpoint that no verb carries out, sync or async, and that are no step of another plan."""
    plans = text(f"{CLIENT}_plans/*")
    for stem in STEMS.values():
        for plan, _ in functions(f"{CLIENT}_plans/{stem}.py"):
            if re.search(rf"\b{stem}\.{plan}\(", plans):
                continue
            for place in (f"{CLIENT}_verbs/{stem}.py", f"{CLIENT}_verbs/{stem}_async.py"):
                if f"plans.{plan}," not in text(place):
                    yield missing(plan, place, "Add an endpoint")


def unanswered(name: str, path: str) -> Iterator[str]:
    """The route of the emulator, where it lacks it."""
    route = re.sub(r"^/api/v1(/admin)?/jobs(/queue|/functions)?", "", path).replace("{job_id}", "{id}")
    if f'{route}"' not in text(f"{ROUTES}*"):
        yield missing(f"{name} ({route})", ROUTES, "Add an endpoint")


def test_endpoints() -> None:
    """Every operation of openapi.yaml has its request, its plan, its verbs and its route in the emulator."""
    found = [fault for name, tag, path in operations() for fault in (*unsent(name, tag), *unanswered(name, path))]
    found += without_verb()

    assert not found, "\n".join(found)


def test_fields_of_a_job() -> None:
    """The emulator sends every field of a job that openapi.yaml describes; the client takes them from the generated model."""
    emulator = text(f"{CLIENT}emulator/store/records.py") + text(f"{CLIENT}emulator/http/serializers.py")
    generated = text("generated/fluxbase_jobs_client/models/job.py")
    described = API["components"]["schemas"]["Job"]["properties"]
    fields = [name for name, field in described.items() if "never seen" not in field["description"]]

    found = [missing(name, "generated/ (run `nox -s generate`)", "Add a field") for name in fields if f"    {name}:" not in generated]
    found += [
        missing(name, f"{CLIENT}emulator/store/records.py", "Add a field") for name in fields if not re.search(rf"\b{name}\b", emulator)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("operation", ["list_jobs", "submit_job"])
def test_parameters(operation: str) -> None:
    """The client sends every parameter of `list` and `submit` that openapi.yaml describes, and the emulator reads it."""
    names = body_fields() if operation == "submit_job" else query_parameters(operation)
    reader = "overlays/fluxbase_jobs/emulator/jobs/submission.py" if operation == "submit_job" else f"{ROUTES}jobs.py"
    inputs, verbs = f"{CLIENT}_operations/jobs.py", (f"{CLIENT}_verbs/jobs.py", f"{CLIENT}_verbs/jobs_async.py")

    found = [
        missing(name, place, "Add a parameter")
        for name in names
        for place in (inputs, reader)
        if not re.search(rf"\b{name}\b", text(place))
    ]
    # `scheduled_at` is `scheduled` for callers, as it takes a delay too.
    found += [
        missing(name, place, "Add a parameter")
        for name in names
        for place in verbs
        if not re.search(rf"\b{name.removesuffix('_at')}:", text(place))
    ]
    assert not found, "\n".join(found)


def query_parameters(operation: str) -> list[str]:
    """The query parameters of an operation."""
    path = next(path for name, _, path in operations() if name == operation)
    references = [parameter["$ref"].rpartition("/")[2] for parameter in API["paths"][path]["get"]["parameters"] if "$ref" in parameter]
    return [API["components"]["parameters"][name]["name"] for name in references]


def body_fields() -> list[str]:
    """The fields of a submit."""
    return list(API["components"]["schemas"]["SubmitJobRequest"]["properties"])
