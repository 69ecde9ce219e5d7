"""How every call begins: its options are checked once, and its deadline is set once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

from ..._context.call_context import CallContext, CallOptions, ClientSettings, RetryOption, retry_policy
from ..._operations.confidential import secrets_among, without_secrets_of_call
from ..._validation import arguments
from ...errors import InvalidInput
from ...result import Err, Result
from .steps import Emit, Plan, Stream, read_clock

T = TypeVar("T")
P = ParamSpec("P")


def open_call(client: ClientSettings, options: RetryOption) -> Plan[CallContext]:
    """The context of a call: the client's settings, but for the options that are given. Raises InvalidInput for a bad one."""
    given = cast("CallOptions", options).get("timeout")
    timeout = client.timeout if given is None else arguments.seconds("timeout", given)
    retry = retry_policy(options["retry"], client.retry) if "retry" in options else client.retry
    opened = (yield from read_clock()).monotonic
    return CallContext(client=client, timeout=timeout, retry=retry, opened=opened, deadline=opened + retry.total)


def call(
    plan: Callable[Concatenate[CallContext, P], Plan[Result[T]]],
    client: ClientSettings,
    options: RetryOption,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Plan[Result[T]]:
    """Open a call and run its plan. Arguments that are refused become an error value."""
    try:
        context = yield from open_call(client, options)
        return (yield from plan(context, *args, **kwargs))
    except InvalidInput as error:
        return Err(public_argument(client, error))


def stream(
    plan: Callable[Concatenate[CallContext, P], Stream[Result[T]]],
    client: ClientSettings,
    options: RetryOption,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Stream[Result[T]]:
    """Open a call and run its stream. Arguments that are refused become an error value, the only one that it emits."""
    try:
        context = yield from open_call(client, options)
        yield from plan(context, *args, **kwargs)
    except InvalidInput as error:
        yield Emit(Err(public_argument(client, error)))


def public_argument(client: ClientSettings, error: InvalidInput) -> InvalidInput:
    """The error of an argument, without the client's secrets: it quotes short arguments, and one of them may be the key."""
    return without_secrets_of_call(error, secrets_among(client.secrets))
