"""Ids of traces: the same for the same run, whoever asks, and in the forms that others read."""

from __future__ import annotations

import re
import uuid

from synergy.core.records import CommandId
from synergy.core.trace_ids import (
    run_ids,
    span_of_request,
    trace_of_request,
    traceparent_of,
    uuid_of_request,
    uuid_of_run,
)

REQUEST = CommandId('c-1')
#: Version, trace, parent and flags, as https://www.w3.org/TR/trace-context/ has them.
TRACEPARENT = re.compile(r'00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-01')


def test_all_runs_of_a_request_are_one_trace_below_it() -> None:
    first, second = run_ids('a1', REQUEST), run_ids('a2', REQUEST)

    assert first.trace == second.trace == trace_of_request(REQUEST)
    assert first.request == second.request == span_of_request(REQUEST)
    assert run_ids('a1', CommandId('c-2')).trace != first.trace


def test_a_run_of_the_clock_is_a_trace_of_its_own() -> None:
    first, second = run_ids('a1', None), run_ids('a2', None)

    assert first.request is None
    assert first.trace != second.trace


def test_no_two_spans_are_the_same() -> None:
    runs = [run_ids(uow, REQUEST) for uow in ('a1', 'a2')]
    spans = [span_of_request(REQUEST)]
    for ids in runs:
        spans += [ids.job, ids.run, ids.attempt(1), ids.attempt(2)]

    assert len({*spans}) == len(spans) == 9


def test_user_code_is_told_the_span_of_its_attempt() -> None:
    said = TRACEPARENT.fullmatch(traceparent_of('a1', REQUEST, 2))

    assert said is not None
    ids = run_ids('a1', REQUEST)
    assert (said['trace'], said['span']) == (ids.trace, ids.attempt(2))


def test_ids_are_what_they_were_in_every_version() -> None:
    told = traceparent_of('a1', None, 1), uuid_of_run('a1')

    assert told == (
        '00-e28da4398ea670dc89157302e082edaa-c435726dbc4d7421-01',
        'e28da439-8ea6-80dc-8915-7302e082edaa',
    )


def test_uuids_are_of_a_version_that_allows_digits_of_one_s_own() -> None:
    made = [uuid.UUID(uuid_of_run(f'a{number}')) for number in range(64)]

    assert {(item.version, item.variant) for item in made} == {(8, uuid.RFC_4122)}
    assert len({*made, uuid.UUID(uuid_of_request('a1'))}) == 65
