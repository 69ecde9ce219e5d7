"""The commands for admins: functions, statistics, workers, and what changes them. They need a token of a service role or an admin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from .. import FluxbaseClient, JobFunction, SyncFunction, SyncResult
from .exits import UNREACHABLE, CommandError, say
from .inputs import ids_of, read_text
from .jobs import Flag, done, for_each
from .output import Output, safe, write
from .settings import Common
from .stubs import module_text
from .tables import show_functions, show_stats, show_workers

_COMMON: Final = Common()
_SUFFIXES: Final = frozenset({".ts", ".js", ".mjs", ".tsx", ".jsx"})


def functions(*, namespace: str | None = None, common: Common = _COMMON) -> int:
    """List the functions that jobs run.

    Args:
        namespace: only functions of this namespace.
    """
    output = Output(common.json)
    with common.client() as client:
        found = client.admin.jobs.list_functions(namespace=namespace).unwrap()
    if common.json:
        output.records(found)
    else:
        show_functions(output, found)
    return 0


def stats(*, namespace: str | None = None, common: Common = _COMMON) -> int:
    """Count jobs by status and function.

    Args:
        namespace: only jobs of this namespace.
    """
    output = Output(common.json)
    with common.client() as client:
        found = client.admin.jobs.get_stats(namespace=namespace).unwrap()
    if common.json:
        output.record(found.to_dict())
    else:
        show_stats(output, found)
    return 0


def workers(*, common: Common = _COMMON) -> int:
    """List the workers that run jobs."""
    output = Output(common.json)
    with common.client() as client:
        found = client.admin.jobs.list_workers().unwrap()
    if common.json:
        output.records(found)
    else:
        show_workers(output, found)
    return 0


def terminate(*ids: Annotated[str, Parameter(name="ID")], common: Common = _COMMON) -> int:
    """Kill running jobs at once.

    Args:
        ids: the jobs; `-` reads ids from stdin.
    """
    output, found = Output(common.json), ids_of(ids)
    with common.client() as client:
        return for_each(found, output, lambda job_id: done(output, client.admin.jobs.terminate(job_id), job_id, "terminated"))


def sync(
    folder: Annotated[Path | None, Parameter(name="DIR", show_default=False)] = None,
    /,
    *,
    namespace: str = "default",
    delete_missing: Flag = False,
    dry_run: Flag = False,
    from_server_folder: Flag = False,
    common: Common = _COMMON,
) -> int:
    """Create or update the server's functions from a folder, and check that the server has kept their code.

    Servers of April 2026 lose the code of every function that is synced: put the files into the server's own folder there.

    Args:
        folder: has a file for each function, NAME.ts or NAME.js, or NAME/index.ts. Names that begin with a dot or an underscore, tests
            and `.d.ts` files are left out. The code is sent as it is, so that it must be bundled.
        namespace: the namespace of the functions.
        delete_missing: delete the namespace's functions that are not in the folder.
        dry_run: change nothing, and print what would be done.
        from_server_folder: in place of DIR, have the server load its own folder.
    """
    output = Output(common.json)
    if (folder is None) is not from_server_folder:
        raise CommandError("give either DIR or --from-server-folder", "DIR is a folder with files like NAME.ts or NAME.js")
    found = [SyncFunction(name=name, code=read_text(f"@{path}")) for name, path in _function_files(folder)] if folder else []
    if folder and not found:
        raise CommandError(f"{folder} has no functions", "put files like NAME.ts or NAME.js into it")
    with common.client() as client:
        synced = client.admin.jobs.sync(
            found,
            namespace=namespace,
            delete_missing=delete_missing,
            dry_run=dry_run,
            verify=bool(found) and not dry_run,
            from_server_folder=from_server_folder,
        ).unwrap()
    if from_server_folder and not common.json:
        say("the server has loaded its own folder; it does not tell which functions: `fluxbase-jobs functions` lists them")
    return _show_synced(output, synced)


def _function_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of the functions in a folder."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise CommandError(f"{folder} cannot be read: {error.strerror}", "name a folder that has functions") from None
    for path in entries:
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            yield from ((path.name, index) for suffix in sorted(_SUFFIXES) if (index := path / f"index{suffix}").is_file())
        elif path.suffix in _SUFFIXES and "." not in path.stem:  # no test, and no declaration
            yield path.stem, path


def _show_synced(output: Output, synced: SyncResult) -> int:
    """Print what became of each function; the exit code."""
    prefix = "would be " if synced.dry_run else ""
    for state in ("created", "updated", "deleted", "unchanged"):
        names: list[str] = getattr(synced.details, state)
        for name in names:
            if output.is_json:
                output.record({"name": name, "namespace": synced.namespace, "state": state, "dry_run": synced.dry_run})
            else:
                output.show(f"{prefix}{state} {safe(name)}")
    for failed in synced.errors:
        say(f"fluxbase-jobs: {safe(failed.name or 'a function')} was not synced: {safe(failed.error)}")
    return UNREACHABLE if synced.errors else 0


def stubs(*, output: Path | None = None, namespace: str | None = None, common: Common = _COMMON) -> int:
    """Write typed definitions of the server's functions, as a Python module.

    Args:
        output: the file to write; printed if not given.
        namespace: only functions of this namespace.
    """
    with common.client() as client:
        found = client.admin.jobs.list_functions(namespace=namespace).unwrap()
        if not found:
            say(
                f"fluxbase-jobs: no functions{'' if namespace is None else f' in the namespace {safe(namespace)}'}: the module defines none"
            )
        text = module_text([_with_code(client, each) for each in found])
    if output is None and common.json:
        Output(is_json=True).record({"definitions": len(found), "module": text})
        return 0
    if output is None:
        write(text)
        return 0
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}", "name a file in a folder that you can write to") from None
    if common.json:
        Output(is_json=True).record({"definitions": len(found), "file": str(output)})
    else:
        say(f"wrote {len(found)} definitions to {output}")
    return 0


def _with_code(client: FluxbaseClient, function: JobFunction) -> JobFunction:
    """The function with its code, which declares its types; without it where the server does not give it."""
    return client.admin.jobs.get_function(function.namespace, function.name).unwrap_or(function)
