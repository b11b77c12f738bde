"""Followers that tell others of runs: what a cascade becomes, and receivers that are a trouble."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.senders.openlineage import OpenLineageSink
from synergy.adapters.senders.otlp import OtlpSink
from synergy.conf.model import Context
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.records import Outcome, uow_id_of
from synergy.core.secret_url import SecretUrl
from synergy.core.telemetry import Span
from synergy.core.trace_ids import (
    run_ids,
    span_of_request,
    trace_of_request,
    uuid_of_request,
    uuid_of_run,
)
from synergy.core.watching import WatchLease
from synergy.ports.telemetry import NotTaken
from synergy.view.lineage import Lineage
from synergy.watch.telling import LineageTeller, SpanTeller, TellingFollower
from tests.builders import instant, key, two_trees
from tests.receivers import attributes_of, receiver
from tests.scheduler.scheduler_harness import SchedulerHarness

HOUR, DAY = key('SiteHourly@2026112200'), key('SiteDaily@2026112200')
REQUEST = CommandId('again')
NOW = instant('2026112401')
LEASE = WatchLease(owner='w', term=1, until=NOW + timedelta(days=1))


@pytest.fixture
def harness(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SchedulerHarness]:
    is_server = getattr(request, 'param', None) == 'mongodb'
    uri = request.getfixturevalue('empty_mongo_uri') if is_server else None
    made = SchedulerHarness(tmp_path, two_trees(end='2026112300'), NOW, uri)
    yield made
    made.close()


class Collector:
    """Takes spans as it is told to."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.is_away = False
        self.refuses: str | None = None

    def send(self, items: Sequence[Span]) -> None:
        if self.is_away:
            raise NotTaken('away')
        if any(span.name == self.refuses for span in items):
            raise NotTaken('status 400', is_final=True)
        self.spans += items


def follower(collector: Collector, lines_max: int = 1_000) -> TellingFollower[Span]:
    return TellingFollower('traces', SpanTeller(), collector, lines_max)


def look(harness: SchedulerHarness, made: TellingFollower[Span]) -> None:
    while made.look(harness.store, LEASE) == 0:
        pass


def reprocessed(harness: SchedulerHarness, process: str = 'SiteHourly') -> None:
    """Run all, and then one hour again, with what waits for it."""
    scheduler = harness.scheduler()
    harness.run(scheduler)
    what = key(f'{process}@2026112200')
    harness.store.insert_command(
        Command(
            id=REQUEST,
            kind=CommandKind.REPROCESS,
            process=what.process,
            start=what.timeperiod,
            end=what.timeperiod.shift(1),
            actor='anna',
            created_at=harness.clock.now(),
        )
    )
    harness.run(scheduler)
    for _ in range(9):
        harness.clock.advance(timedelta(seconds=4))
        harness.run(scheduler)
        command = harness.store.command(REQUEST)
        if command is not None and command.state is CommandState.DONE:
            return
    raise AssertionError('the request does not end')


@pytest.mark.parametrize('harness', ['sqlite', 'mongodb'], indirect=True)
def test_a_cascade_is_one_trace_below_its_request(harness: SchedulerHarness) -> None:
    harness.store.save_journal_cursor('traces', 0)
    with receiver() as collector:
        sink = OtlpSink(SecretUrl(collector.url), {}, {'service.name': 'night'})
        made = TellingFollower('traces', SpanTeller(), sink, 1_000)
        reprocessed(harness)
        while made.look(harness.store, LEASE) == 0:
            pass
        spans = [
            item for item in collector.spans if item.trace_id.hex() == trace_of_request(REQUEST)
        ]
        everything = collector.spans

    by_id = {span.span_id.hex(): span for span in spans}
    assert len(by_id) == len(spans) == 1 + 3 * len([item for item in spans if item.name == 'run'])
    root = by_id[span_of_request(REQUEST)]
    assert (root.name, root.parent_span_id) == ('reprocess', b'')
    assert attributes_of(root)['synergy.by'] == 'anna'
    jobs = [span for span in spans if span.parent_span_id == root.span_id]
    assert {'SiteHourly', 'SiteDaily'} <= {span.name for span in jobs}
    assert all(span.parent_span_id.hex() in by_id for span in spans if span is not root)
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano for span in spans)
    ids = run_ids(uow_id_of(HOUR, 2), REQUEST)
    assert by_id[ids.attempt(1)].parent_span_id.hex() == ids.run
    # What the clock has started: a trace for each run.
    others = {item.trace_id for item in everything} - {root.trace_id}
    assert len(others) == len([span for span in everything if span.name == 'run']) - len(jobs)


def test_lineage_is_told_in_order_with_the_request_around_its_runs(
    harness: SchedulerHarness,
) -> None:
    harness.store.save_journal_cursor('lineage', 0)
    context = Context(daemons={}, managed={}, freeruns={}, queues=(), hierarchy=harness.hierarchy)
    teller = LineageTeller(Lineage(context=context, namespace='ours'))
    with receiver() as marquez:
        sink = OpenLineageSink(SecretUrl(marquez.url), {}, 'ours')
        made = TellingFollower('lineage', teller, sink, 200)
        reprocessed(harness)
        while made.look(harness.store, LEASE) == 0:
            pass
        events = marquez.events

    parent = uuid_of_request(REQUEST)
    mine = [
        (event['eventType'], event['run']['runId'])
        for event in events
        if event['run']['runId'] == parent
        or event['run']['facets'].get('parent', {}).get('run', {}).get('runId') == parent
    ]
    hour = uuid_of_run(uow_id_of(HOUR, 2))
    assert mine[:3] == [('START', parent), ('START', hour), ('COMPLETE', hour)]
    assert mine[-1] == ('COMPLETE', parent)
    kinds = [event['eventType'] for event in events]
    assert kinds.count('START') == kinds.count('COMPLETE')


def test_a_new_follower_begins_with_the_last_hour(harness: SchedulerHarness) -> None:
    harness.run(harness.scheduler())
    harness.clock.advance(timedelta(minutes=61))
    collector = Collector()
    look(harness, follower(collector))
    assert collector.spans == []

    harness.store.remove_journal_cursor('traces')
    reprocessed(harness)
    look(harness, follower(collector))

    assert {span.trace for span in collector.spans} == {trace_of_request(REQUEST)}
    assert harness.store.journal_cursor('traces') == harness.store.journal_span().stop - 1


def test_a_collector_that_is_away_misses_nothing(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.store.save_journal_cursor('traces', 0)
    reprocessed(harness)
    collector = Collector()
    collector.is_away = True
    made = follower(collector, lines_max=7)

    with caplog.at_level(logging.INFO):
        waits = [made.look(harness.store, LEASE) for _ in range(7)]
        assert harness.store.journal_cursor('traces') == 0
        collector.is_away = False
        look(harness, made)

    assert waits == [2, 4, 8, 16, 32, 60, 60]
    events = [getattr(record, 'event', '') for record in caplog.records]
    assert [event for event in events if event.endswith(('taken', 'again'))] == [
        'not_taken', 'taken_again',
    ]  # fmt: skip

    runs = {span.attributes['synergy.uow'] for span in collector.spans if span.name == 'run'}
    assert runs == {unit.id for unit in harness.store.all_units()}
    assert len({(span.trace, span.id) for span in collector.spans}) == len(collector.spans)


def test_what_is_refused_for_good_is_left_out_and_said(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.store.save_journal_cursor('traces', 0)
    reprocessed(harness)
    collector = Collector()
    collector.refuses = 'SiteDaily'

    with caplog.at_level(logging.WARNING):
        look(harness, follower(collector))

    refused = [item for item in caplog.records if getattr(item, 'event', '') == 'items_refused']
    assert len(refused) == 1
    assert 'status 400' in refused[0].getMessage()
    names = {span.name for span in collector.spans}
    assert {'SiteHourly', 'run', 'attempt', 'reprocess'} <= names
    assert 'SiteDaily' not in names


def test_a_request_whose_end_a_crash_has_hidden_is_told_by_the_next(
    harness: SchedulerHarness,
) -> None:
    collector = Collector()
    look(harness, follower(collector))
    reprocessed(harness)
    # All lines were dealt with before it was over, and then the follower has died.
    harness.store.save_journal_cursor('traces', harness.store.journal_span().stop - 1)

    look(harness, follower(collector))

    assert [span.id for span in collector.spans] == [span_of_request(REQUEST)]


def test_a_live_run_that_goes_on_long_after_a_request_does_not_tell_of_it_again(
    harness: SchedulerHarness,
) -> None:
    harness.store.save_journal_cursor('traces', 0)
    reprocessed(harness)
    collector = Collector()
    made = follower(collector)
    look(harness, made)
    before = len(collector.spans)
    harness.clock.advance(timedelta(hours=5))
    look(harness, made)

    roots = [span for span in collector.spans if span.id == span_of_request(REQUEST)]
    assert (len(roots), len(collector.spans)) == (1, before)


def test_a_store_that_was_replaced_by_an_older_copy_is_followed(harness: SchedulerHarness) -> None:
    harness.store.save_journal_cursor('traces', 10_000)
    collector = Collector()
    made = follower(collector)
    look(harness, made)

    harness.run(harness.scheduler())
    look(harness, made)

    assert {span.name for span in collector.spans} >= {'SiteHourly', 'SiteDaily'}


def test_a_failed_run_fails_its_job(harness: SchedulerHarness) -> None:
    collector = Collector()
    made = follower(collector)
    look(harness, made)
    scheduler = harness.scheduler()
    scheduler.step()
    harness.work(Outcome.failed('boom'))
    for _ in range(9):
        scheduler.step()
        harness.clock.advance(timedelta(minutes=20))
        harness.work(Outcome.failed('boom'))
    look(harness, made)

    failed = [span for span in collector.spans if span.error is not None]
    assert {'SiteHourly', 'run', 'attempt'} <= {span.name for span in failed}
    attempts = [span.attributes['synergy.attempt'] for span in failed if span.name == 'attempt']
    assert {*attempts} >= {1, 2, 3}
