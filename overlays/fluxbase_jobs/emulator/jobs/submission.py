"""Parse the body of a submit request as the real server does."""

from __future__ import annotations

from attrs import field, frozen

from ..formats.body_fields import body_fields, fields_of, integer, object_, string, timestamp
from ..formats.json_text import JSONValue
from ..formats.timestamps import Timestamp


@frozen
class OnBehalfOf:
    """The user for whom a service role submits a job."""

    user_id: str
    user_email: str | None
    user_role: str | None


@frozen
class Submission:
    """A client's request to run a job."""

    job_name: str
    namespace: str
    payload: dict[str, JSONValue] | None = field(repr=False)
    priority: int
    scheduled_at: Timestamp | None
    on_behalf_of: OnBehalfOf | None


def read_submission(content_type: str, body: bytes) -> Submission:
    """Parse the body of a submit request.

    Raises:
        InvalidBodyError: the body is not declared as JSON, is not a JSON object, or a field has the wrong type.
    """
    fields = body_fields(content_type, body)
    return Submission(
        job_name=string(fields, "job_name") or "",
        namespace=string(fields, "namespace") or "",
        payload=object_(fields, "payload"),
        priority=integer(fields, "priority") or 0,
        scheduled_at=timestamp(fields, "scheduled_at"),
        on_behalf_of=_on_behalf_of(object_(fields, "on_behalf_of")),
    )


def _on_behalf_of(value: dict[str, JSONValue] | None) -> OnBehalfOf | None:
    if value is None:
        return None
    fields = fields_of(value, "on_behalf_of")
    return OnBehalfOf(string(fields, "user_id") or "", string(fields, "user_email"), string(fields, "user_role"))
