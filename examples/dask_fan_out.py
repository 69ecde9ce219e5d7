"""Submit 100,000 jobs from a Dask cluster, kill workers meanwhile, run it all again: there are exactly 100,000 jobs.

    pip install dask distributed
    python examples/dask_fan_out.py --jobs 100000 --workers 4 --kill 3

Dask is for those whose submitting outgrows one machine: pass the address of your scheduler to `Client` in place of the local cluster.
The jobs themselves are run by the server's workers. FLUXBASE_URL and FLUXBASE_KEY name the server; for an emulator that knows the
function see functions.py.

On 2 cores that the emulator and other programs shared (November 2026): 100,000 jobs after 566 seconds in spite of three killed workers, the
same 100,000 again after 5 more minutes, and 100,000 on the server.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import dask.config
from distributed import Client, LocalCluster, Semaphore, as_completed
from fluxbase_jobs import FluxbaseClient, Submission

BATCH_KEY = "documents-2026-11-27"
SETTINGS = {
    # A dead worker's lease ends after that, and with it the wait of the one that takes over its part; see `submit_part`.
    "distributed.scheduler.locks.lease-timeout": "3s",
    "distributed.scheduler.locks.lease-validation-interval": "1s",
    # A part whose workers die more often than this is given up.
    "distributed.scheduler.allowed-failures": 10,
}


def submit_part(start: int, end: int) -> list[str]:
    """Submit some of the jobs, in a worker; their ids.

    All workers use one batch key, and each job has a key of its own, so that whoever submits it, and however often, it stays one job.
    A key makes a repetition safe, not a race: while the server still has a dead worker's last requests, nobody else may send the same.
    So each part has a lease, which a dead worker keeps for three seconds.
    """
    items = (Submission("index", {"document": number}, idempotency_key=f"document-{number}") for number in range(start, end))
    # A client of its own: clients are not sent from one machine to another.
    with Semaphore(name=f"{BATCH_KEY}-{start}", max_leases=1), FluxbaseClient.from_env() as client:
        return [result.unwrap().id for _, result in client.jobs.submit_many(items, batch_key=BATCH_KEY, retry_failed=True)]


def submit_all(cluster: Any, jobs: int, part: int, after_each: Callable[[int], None]) -> set[str]:
    """Submit all parts, on all workers; the ids of the jobs."""
    starts = range(0, jobs, part)
    futures = cluster.map(submit_part, starts, [min(start + part, jobs) for start in starts], pure=False)
    job_ids: set[str] = set()
    finished: Any = as_completed(futures, with_results=True)
    for parts, (_, ids) in enumerate(finished, start=1):
        job_ids.update(ids)
        after_each(parts)
    return job_ids


def kill_a_worker(cluster: Any) -> None:
    """End one of the worker processes as an exhausted machine would: at once. Dask starts another in its place."""
    pids: dict[str, int] = cluster.run(os.getpid)
    if pids:
        os.kill(min(pids.values()), getattr(signal, "SIGKILL", signal.SIGTERM))


def main() -> int:
    """Submit while workers die, submit again, and count; 0 where there are as many jobs as asked for."""
    parser = argparse.ArgumentParser(description="Fan out submits over a Dask cluster.")
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill", type=int, default=3, help="how many workers to kill")
    parser.add_argument("--part", type=int, default=500, help="how many jobs a task submits; a dead worker's task is done again")
    options = parser.parse_args()
    parts = -(-options.jobs // options.part)
    moments = {parts * number // (options.kill + 1) + 1 for number in range(options.kill)}

    dask.config.set(SETTINGS)
    local: Any = LocalCluster(n_workers=options.workers, threads_per_worker=1, dashboard_address="")
    with local, Client(local) as cluster:

        def kill_at_times(finished: int) -> None:
            if finished in moments:
                kill_a_worker(cluster)
                print(f"killed a worker after {finished} of {parts} parts", flush=True)

        begin = time.monotonic()
        first = submit_all(cluster, options.jobs, options.part, kill_at_times)
        took = time.monotonic() - begin
        again = submit_all(cluster, options.jobs, options.part, lambda _finished: None)
    print(f"{len(first)} jobs in {took:.0f} s; run again: {len(again)}, the same: {first == again}")
    on_server = count()
    print(f"{on_server} jobs on the server")
    return 0 if first == again and on_server == options.jobs else 1


def count() -> int:
    """How many such jobs the server has."""
    with FluxbaseClient.from_env() as client:
        return len({result.unwrap().id for result in client.jobs.iterate(job_name="index", page_size=1000)})


if __name__ == "__main__":
    sys.exit(main())
