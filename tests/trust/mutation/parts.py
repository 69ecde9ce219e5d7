"""The parts whose code is mutated, the tests that concern each, and why some mutants survive."""

from __future__ import annotations

import re
from typing import Final

from attrs import field, frozen


@frozen
class Part:
    """A folder of the client and its tests, the fastest that notice most."""

    name: str
    tests: tuple[str, ...]
    left_out: tuple[str, ...] = field(default=(), kw_only=True)
    """Tests that cannot pass in mutmut's copy, or take too long there."""


PARTS: Final = (
    Part(
        "policies",
        (
            "tests/plans/test_retry_policy.py",
            "tests/plans/test_polling.py",
            "tests/context/test_argument_values.py",
            "tests/verbs/arguments/test_values.py",
        ),
    ),
    Part(
        "_validation",
        (
            "tests/context/test_argument_values.py",
            "tests/verbs/arguments/test_values.py",
            "tests/verbs/arguments/test_messages.py",
            "tests/verbs/arguments/test_pydantic_payloads.py",
            "tests/verbs/arguments/test_own_validators.py",
            "tests/verbs/arguments/test_deep_values.py",
            "tests/verbs/arguments/test_job_arguments.py",
            "tests/verbs/test_submit.py",
            "tests/verbs/test_define.py",
            "tests/verbs/test_list.py",
            "tests/verbs/admin/test_sync.py",
            "tests/verbs/admin/test_functions.py",
            "tests/models",
        ),
        # They read values of tens of thousands of levels, or very many: that takes long where each function is three calls.
        left_out=(
            "tests/verbs/arguments/test_deep_values.py::test_a_payload_may_be_deep",
            "tests/verbs/arguments/test_deep_values.py::test_a_deep_model_hides_nothing",
            "tests/verbs/arguments/test_values.py::test_a_payload_whose_reading_fails_is_refused[async-endless]",
            "tests/verbs/arguments/test_values.py::test_a_payload_whose_reading_fails_is_refused[async-range]",
            "tests/verbs/arguments/test_values.py::test_a_payload_whose_reading_fails_is_refused[sync-range]",
        ),
    ),
    Part(
        "_operations",
        (
            "tests/errors/test_errors.py",
            "tests/errors/test_hints.py",
            "tests/errors/test_messages.py",
            "tests/errors/test_responses.py",
            "tests/errors/test_error_bodies.py",
            "tests/errors/test_retry_after.py",
            "tests/errors/test_confidential.py",
            "tests/plans/test_exchange.py",
            "tests/plans/test_authentication.py",
            "tests/verbs/test_get.py",
            "tests/verbs/test_list.py",
            "tests/verbs/test_submit.py",
            "tests/verbs/test_logs.py",
            "tests/verbs/test_resubmit.py",
            "tests/verbs/arguments/test_other_answers.py",
            "tests/verbs/admin",
            "tests/context/test_credentials.py",
            "tests/context/test_otel.py",
            "tests/context/test_sign_in.py",
        ),
        left_out=("tests/verbs/admin/test_lifecycle.py",),
    ),
    Part(
        "_plans",
        (
            "tests/plans",
            "tests/verbs/test_define.py",
            "tests/verbs/batches/test_submit_many.py",
            "tests/verbs/batches/test_stuck_keys.py",
            "tests/verbs/test_run.py",
            "tests/verbs/test_wait.py",
            "tests/verbs/batches/test_wait_many.py",
            "tests/verbs/test_watch.py",
            "tests/verbs/test_tail.py",
            "tests/verbs/test_retry.py",
            "tests/verbs/test_resubmit.py",
            "tests/verbs/test_cancel.py",
            "tests/verbs/test_get.py",
            "tests/verbs/test_request_counts.py",
            "tests/verbs/test_list.py",
            "tests/verbs/test_iterate.py",
            "tests/verbs/test_logs.py",
            "tests/verbs/arguments/test_job_arguments.py",
            "tests/verbs/test_cancel_on_exit.py",
            "tests/verbs/test_interrupted.py",
            "tests/realtime/test_following.py",
            "tests/verbs/admin",
            "tests/context/test_credentials.py",
            "tests/context/test_sign_in.py",
            "tests/errors/test_confidential.py",
            "tests/errors/test_logging.py",
            "tests/errors/test_what_is_said.py",
        ),
        left_out=("tests/verbs/admin/test_lifecycle.py",),
    ),
)

EQUIVALENT: Final = "equivalent: "
"""How a reason begins where no program could tell the two apart."""
REASONS: Final[tuple[tuple[str, str], ...]] = (
    (r"^validators\._validator: return core.SchemaValidator\(schema\)", "runs with pydantic before 2.12 only"),
    (r"^pydantic_models\..*\"python\".* -> (?!.*\"python\")", "pydantic takes any mode but json for python"),
    (r"^arguments\._call: .*\*args, \)", "no check is called with its arguments by name; the type of a decorator has them"),
    (r"^payload\._encoded_plain: (same|return) ", "the walk gives the same text, only later"),
    (r"^validators.as_number: ", "equivalent: what is no number is refused in the same words as None"),
    (
        r"^pydantic_models\..*_by_alias\(None|^pydantic_models\._by_alias: return \{|^pydantic_models\._alias: ",
        "runs with pydantic before 2.11 only",
    ),
    (r"(update_wrapper|functools\.wraps)", "names for tracebacks"),
    (r"shortened\(", "the bound of a message's length"),
    (r"(latin-1|errors=)", "equivalent: names of codecs and error handlers are read in any case, or the text has no such character"),
    (r"len\(.*(>=|<) .*MAX_", "a limit, one byte more or less"),
    (r"headers\)?\.get\(\"[A-Z-]+\"", "equivalent: names of headers are read in any case"),
    (
        r"^interpret\._retry_after: .*headers\.get\(\"(date|retry-after)\", (None|\"XXXX\"|)\)",
        "equivalent: what stands for a header that did not come is no date and no number either",
    ),
    (
        r"^answers\._make_canonical: .*(\\n|_HEX_AS_ZERO)",
        "equivalent: where the quick check of all ids fails, each is checked by itself",
    ),
    (r"^jobs\.submit_again: .*indent=-2", "equivalent: any negative number leaves blanks out"),
    (r"^exchange\.steps\.for_each: values: list\[T\] = ", "equivalent: each stream that is run there emits a value, which replaces these"),
    (
        r"^log_lines\.LineOrder\.take: first = .* if self\.after - 1 in",
        "equivalent: the next number, if it is there, is the least, but found quicker",
    ),
    (r"if context (and|or) waiting", "equivalent: both are there or neither, and of no jobs nothing is done"),
    (
        r"(monotonic|now\)|created_at) (<|>=) (end|complete_at|LAG_SECONDS|since)\b.* -> .*\1 (<=|>) \3\b",
        "one instant of a clock, sooner or later",
    ),
)
"""A pattern of `where: was -> became`, and why no test tells the two apart."""


def reason(where: str, before: str, after: str) -> str:
    """Why a mutant survives, where it is known."""
    text = f"{where}: {before} -> {after}"
    return next((why for pattern, why in REASONS if re.search(pattern, text)), "")
