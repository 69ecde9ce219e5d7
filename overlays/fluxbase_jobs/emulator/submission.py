"""The body of a submit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from .fields import Fields, read_fields

if TYPE_CHECKING:
    from .jsontext import JSONValue
    from .times import Moment


@frozen
class OnBehalfOf:
    """For whom a service role submits."""

    user_id: str
    user_email: str | None
    user_role: str | None


@frozen
class Submission:
    """What a client wants to be run."""

    job_name: str
    namespace: str
    payload: dict[str, JSONValue] | None
    priority: int
    scheduled_at: Moment | None
    on_behalf_of: OnBehalfOf | None


def read_submission(content_type: str, body: bytes) -> Submission:
    """Read a submit's body.

    Raises:
        InvalidBodyError: not declared as JSON, not JSON, no object, or a field of a wrong type.

    """
    fields = read_fields(content_type, body)
    return Submission(
        job_name=fields.text("job_name") or "",
        namespace=fields.text("namespace") or "",
        payload=fields.object("payload"),
        priority=fields.integer("priority") or 0,
        scheduled_at=fields.moment("scheduled_at"),
        on_behalf_of=_on_behalf_of(fields.object("on_behalf_of")),
    )


def _on_behalf_of(value: dict[str, JSONValue] | None) -> OnBehalfOf | None:
    if value is None:
        return None
    fields = Fields.of(value)
    return OnBehalfOf(fields.text("user_id") or "", fields.text("user_email"), fields.text("user_role"))
