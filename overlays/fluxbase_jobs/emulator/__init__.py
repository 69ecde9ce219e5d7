"""An embedded development server that speaks the Fluxbase jobs API and runs Python handlers.

Start it with `python -m fluxbase_jobs.emulator --functions handlers.py`; in `handlers.py`:

    from fluxbase_jobs.emulator import Context, function

    @function("resize", max_retries=2)
    def resize(payload: dict[str, Any], context: Context) -> dict[str, Any]:
        context.progress(50, "half way")
        return {"width": payload["width"] // 2}

The server needs the extra: `pip install ".[emulator]"` in a clone, `pip install "fluxbase-jobs[emulator]"` once it is published.
Importing this module does not, so that handlers can be imported and tested without a server.
"""

from __future__ import annotations

from .handlers.context import Context, JobUser
from .handlers.decorator import JobFunction, function

__all__ = ["Context", "JobFunction", "JobUser", "function"]
