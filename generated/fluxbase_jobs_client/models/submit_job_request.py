# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
from __future__ import annotations

from attrs import define, field

from ..models.on_behalf_of import OnBehalfOf
from ..models.submit_job_request_payload_type_0 import SubmitJobRequestPayloadType0
from ..types import AwareDatetime


@define(frozen=True, kw_only=True, slots=False)
class SubmitJobRequest:
    """A job to queue. Unknown keys are ignored, silently."""

    job_name: str
    """The function's name, exactly."""

    namespace: None | str = None
    """The function's namespace. Without it, or empty, the first namespace in alphabetical order that has such a
    function."""

    payload: None | SubmitJobRequestPayloadType0 = field(default=None, repr=False)
    """What the function receives. An object; a list, text, number or boolean is 400."""

    priority: int | None = None
    """Higher ones run first; 0 without it. Written without a fraction, as 1.0 is 400."""

    scheduled_at: AwareDatetime | None = None
    """When the job is due; at once without it or where it is past. The offset is obligatory. The key `scheduled`,
    which the TypeScript SDK sends, is ignored, and the job runs at once."""

    on_behalf_of: OnBehalfOf | None = None
    """The user that the job shall belong to. For service roles only, 403 for others."""
