"""An embedded development server that speaks the Fluxbase jobs API and runs Python handlers.

Start it with `python -m fluxbase_jobs.emulator --functions handlers.py`; in `handlers.py`:

    from fluxbase_jobs.emulator import Context, function

    @function("resize", max_retries=2)
    def resize(payload: dict[str, Any], context: Context) -> dict[str, Any]:
        context.progress(50, "half way")
        return {"width": payload["width"] // 2}

Where things are: `options`, `program` and `__main__` the command line, `extra` what it needs, `server` the start and the end,
`listening` the socket, `start_up` the first lines, `app` how the parts fit together, `profiles` what differs between the eras,
`functions` and `function_rules` the decorator, `loading`, `handlers_file` and `reloading` the handlers file, `routes/` a module for
each group of URLs, `middleware/` what every request goes through, `credentials` and `admin_credentials` who is calling, `scopes` and
`keys` what keys are, `rate_limits` how often one may call, `bodyfields` how bodies are read, `admission` what may be queued, `sync`
how a namespace gets other functions, `scheduler`, `schedules` and `cron` what is queued by itself and when, `registry` which
functions there are and what runs them, `workers` who runs what and when, `execution` one run of one handler, `reports` what it says
meanwhile, `interrupts` and `coroutines` how it is stopped, `outcomes` how it ends, `read_receipts` runs too short to be seen,
`wireforms` and `functionforms` what a job and a function look like in an answer, `jsontext` and `times` the server's texts, `store/`
the database.

It needs the extra: `pip install "fluxbase-jobs[emulator]"`. This module itself does not, so that handlers
can be imported and tested without a server.
"""

from __future__ import annotations

from .handlers.context import Context, JobUser
from .handlers.decorator import JobFunction, function

__all__ = ["Context", "JobFunction", "JobUser", "function"]
