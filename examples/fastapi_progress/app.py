"""A web application that submits a job and shows its progress in the browser, as server-sent events.

    pip install fastapi uvicorn
    uvicorn --app-dir examples/fastapi_progress app:app --port 8000

The key stays on this side: the page asks this application, and this application asks Fluxbase. FLUXBASE_URL and FLUXBASE_KEY name the
server; for an emulator that knows the function see ../functions.py.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, StreamingResponse
from fluxbase_jobs import AsyncFluxbaseClient, Err, FluxbaseError, Job, Result

PAGE = Path(__file__).with_name("index.html")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """One client for the life of the application: all requests share its connections."""
    async with AsyncFluxbaseClient.from_env() as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def page() -> FileResponse:
    """The page."""
    return FileResponse(PAGE)


@app.post("/conversions")
async def convert(request: Request, pages: int = 10) -> dict[str, str]:
    """Submit a job; the browser then follows it by its id."""
    client: AsyncFluxbaseClient = request.app.state.client
    job, error = await client.jobs.submit("convert", {"pages": pages, "seconds_per_page": 0.5 if pages > 3 else 0.05})
    if error:
        raise HTTPException(502, explained(error))
    return {"job_id": job.id}


@app.get("/conversions/{job_id}/events")
async def events(request: Request, job_id: UUID) -> StreamingResponse:
    """Each change of the job as an event, until its end. Where the browser goes away, the job goes on."""
    client: AsyncFluxbaseClient = request.app.state.client

    async def stream() -> AsyncIterator[str]:
        async for result in client.jobs.watch(job_id, timeout=600):
            yield event(result)

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def event(result: Result[Job]) -> str:
    """One server-sent event: `changed`, `ended`, or `lost` where the job cannot be followed any more."""
    if isinstance(result, Err):
        return f"event: lost\ndata: {json.dumps({'message': explained(result.error)})}\n\n"
    job = result.data
    data = {"status": job.status, "percent": job.progress_percent or 0, "message": job.progress_message}
    return f"event: {'ended' if job.is_terminal else 'changed'}\ndata: {json.dumps(data)}\n\n"


def explained(error: FluxbaseError) -> str:
    """What a visitor may know: the kind of the error. The rest belongs in the application's own log."""
    return f"the job could not be read or submitted ({type(error).__name__})"
