"""A nightly batch that may be stopped at any moment and is run again: each customer still gets exactly one report.

    python examples/nightly_batch.py --night 2026-11-27 --customers 200

It exits with 0 where all reports were sent, with 1 where some were not. FLUXBASE_URL and FLUXBASE_KEY name the server; for an emulator
that knows the function see functions.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from fluxbase_jobs import FluxbaseClient, Submission


def main() -> int:
    """Submit the reports of a night, wait for them, and say what became of them."""
    parser = argparse.ArgumentParser(description="Send a report to each customer.")
    parser.add_argument("--night", default=f"{datetime.now(UTC):%Y-%m-%d}", help="the night; a run with the same one goes on with it")
    parser.add_argument("--customers", type=int, default=200)
    options = parser.parse_args()
    with FluxbaseClient.from_env() as client:
        job_ids = submit(client, options.night, options.customers)
        failed = wait(client, job_ids)
    missing = options.customers - len(job_ids)
    print(f"{len(job_ids) - failed} reports sent, {failed} failed, {missing} not submitted")
    return 1 if failed or missing else 0


def reports(night: str, customers: int) -> Iterator[Submission]:
    """The jobs of a night. Each has a key of its own, so that the order may change from one run to the next."""
    for customer in range(1, customers + 1):
        yield Submission("report", {"night": night, "customer": customer}, idempotency_key=f"customer-{customer}")


def submit(client: FluxbaseClient, night: str, customers: int) -> list[str]:
    """Submit what is missing. The same batch key in each run: for 24 hours the server answers what it has with the job it has."""
    job_ids: list[str] = []
    for submission, result in client.jobs.submit_many(reports(night, customers), batch_key=f"reports-{night}", retry_failed=True):
        if result.ok:
            job_ids.append(result.data.id)
        else:
            print(f"{submission.idempotency_key}: {result.error}", file=sys.stderr)
        if len(job_ids) % 10 == 0:
            print(f"{len(job_ids)} of {customers} submitted", flush=True)
    return job_ids


def wait(client: FluxbaseClient, job_ids: list[str]) -> int:
    """Wait for all jobs, with one poller for all, and tell which failed and why; how many those are."""
    failed = 0
    for job_id, result in client.jobs.wait_many(job_ids, timeout=3600, causes=True):
        if not result.ok:
            failed += 1
            print(f"job {job_id}: {result.error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
