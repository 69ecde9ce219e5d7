"""Recorded exchanges replayed: a verb sends the recorded request, and its result holds what the recorded response does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pytest

from contract.recordings import APRIL, FAULTS, LIMITS, MARCH, RECORDINGS
from tests.support.replaying import replay
from tests.support.servers.local_server import LocalServer
from tests.support.styles import Connect

REPLAYED: Final = {MARCH: 180, APRIL: 187, LIMITS: 8, FAULTS: 13}
"""How many exchanges of each recording are replayed."""

LEFT_OUT: Final = {
    "lifecycle / submit": "payload: an integer that the server would round",
    "lifecycle / cancel with an empty JSON body": "no body is sent with a cancel",
    "progress_and_logs / logs ?after_line=-1": "after_line: counts as 0",
    "progress_and_logs / logs ?after_line=abc": "after_line: counts as 0",
    "progress_and_logs / logs of no uuid": "job_id: refused by the server too",
    "schedule / scheduled (the TypeScript name) is ignored": "no key but scheduled_at is sent",
    "schedule / scheduled_at '2030-01-02'": "scheduled: refused by the server too",
    "schedule / scheduled_at '2030-01-02 03:04:05'": "scheduled: refused by the server too",
    "schedule / scheduled_at '2030-01-02T03:04:05'": "scheduled: refused by the server too",
    "schedule / scheduled_at 'tomorrow'": "scheduled: refused by the server too",
    "schedule / scheduled_at 1893553445": "scheduled: refused by the server too",
    "schedule / scheduled_at ''": "scheduled: refused by the server too",
    "submit_validation / payload [1, 2]": "payload: refused by the server too",
    "submit_validation / payload 'text'": "payload: refused by the server too",
    "submit_validation / payload 7": "payload: refused by the server too",
    "submit_validation / payload True": "payload: refused by the server too",
    "submit_validation / priority 2147483648": "priority: a failure of the server",
    "submit_validation / priority 1.5": "priority: refused by the server too",
    "submit_validation / priority 1.0": "priority: refused by the server too",
    "submit_validation / priority '7'": "priority: refused by the server too",
    "submit_validation / priority 9223372036854775808": "priority: refused by the server too",
    "submit_validation / namespace ''": "namespace: counts as absent",
    "submit_validation / namespace 5": "namespace: refused by the server too",
    "submit_validation / job_name ''": "job_name: refused by the server too",
    "submit_validation / job_name None": "job_name: refused by the server too",
    "submit_validation / job_name 5": "job_name: refused by the server too",
    "submit_validation / no job_name": "job_name: refused by the server too",
    "submit_validation / unknown field": "no key is sent that the server does not know",
    "submit_validation / array body": "no body but an object is sent",
    "submit_validation / no body": "no submit goes without a body",
    "submit_validation / broken JSON": "no body but JSON is sent",
    "submit_validation / text/plain": "no body but JSON is sent",
    "submit_validation / form body": "no body but JSON is sent",
    "submit_validation / NUL in a payload": "payload: a failure of the server",
    "submit_validation / NaN in a payload": "payload: no JSON",
    "submit_validation / lone surrogate": "payload: the server would store something else",
    "submit_validation / over 1 MB": "no body was recorded, but its size",
    "submit_validation / GET on submit": "job_id: refused by the server too",
    "submit_validation / DELETE a job": "no verb deletes",
    "ids / get %7B<id>%7D": "job_id: refused by the server too",
    "ids / get nope": "job_id: refused by the server too",
    "ids / get ..%2F..%2Fhealth": "job_id: refused by the server too",
    "ids / get <id>%20": "job_id: refused by the server too",
    "ids / get <id>?x=1": "no query is sent with a get",
    "ids / cancel no uuid": "job_id: refused by the server too",
    "ids / retry no uuid": "job_id: refused by the server too",
    "list_filters / list ?limit=0": "limit: means no limit",
    "list_filters / list ?limit=-1&offset=1": "limit: means no limit",
    "list_filters / list ?limit=abc&offset=xyz": "limit: counts as absent",
    "list_filters / list ?status=nope": "status: no job has it",
    "list_filters / list ?status=": "status: counts as absent",
    "list_filters / list ?status=FAILED": "status: no job has it",
    "list_filters / list ?namespace=default&limit=2": "no request asks for the default namespace",
    "list_filters / list ?namespace=&limit=1": "namespace: counts as absent",
    "list_filters / list ?include_result=1&limit=1": "include_result: counts as false",
    "list_filters / list ?include_result=True&limit=1": "include_result: counts as false",
    "list_filters / list ?includeResult=true&limit=1": "no filter has this name",
    "list_filters / list ?name=flaky&limit=1": "no filter has this name",
    "list_filters / list ?status=completed&job_name=echo&limit=1&namespace=default": "no request asks for the default namespace",
    "list_filters / list ?limit=2147483648": "limit: beyond 32 bits",
    "list_filters / list ?limit=9223372036854775808&offset=1": "limit: beyond 32 bits",
    "list_filters / list ?limit=1&offset=-5": "offset: counts as 0",
    "list_filters / list ?limit=1.5": "limit: counts as absent",
    "credentials / service role JWT as X-Service-Key": "no JWT is sent but as Bearer",
    "credentials / Authorization: ServiceKey": "no service key is sent but as X-Service-Key",
    "credentials / apikey header": "no JWT is sent but as Bearer",
    "credentials / clientkey header with a JWT": "no JWT is sent but as Bearer",
    "credentials / lower-case bearer": "no JWT is sent but as Bearer",
    "credentials / query token": "no JWT is sent but as Bearer",
    "on_behalf_of / no uuid": "on_behalf_of: refused by the server too",
    "on_behalf_of / no user_id": "no OnBehalfOf goes without a user_id",
    "idempotency / key too long": "idempotency_key: refused by the server too",
    "idempotency / empty key": "idempotency_key: counts as absent",
    "admin / list the default namespace": "no request asks for the default namespace",
}
"""Exchanges on the user routes that the verbs do not have, in March and April alike. "no ..." is what no arguments lead to; else the argument
that is refused comes first, and then what the server makes of it."""


@pytest.mark.parametrize("recording", RECORDINGS)
def test_every_exchange_is_replayed_or_listed(connect: Connect, server: LocalServer, recording: str) -> None:
    """What a verb can send, it sends as it was sent, and reads as it was meant; what none can send is listed, and nothing else is."""
    done = list(replay(connect, server, recording))

    assert [(exchange.name, faults) for exchange, faults in done if faults and not isinstance(faults, str)] == []
    left_out = {f"{exchange.scenario} / {exchange.label}": reason for exchange, reason in done if isinstance(reason, str)}
    assert _first_words(left_out) == (_first_words(LEFT_OUT) if recording in {MARCH, APRIL} else {})
    assert sum(not isinstance(faults, str) for _, faults in done) == REPLAYED[recording]


def _first_words(reasons: Mapping[str, str]) -> dict[str, str]:
    return {name: re.split(r"\W", reason)[0] for name, reason in reasons.items()}
