"""What one interval waits for, in words: every kind of input, and what it still lacks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.cli.commands.inputs import print_inputs
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.input import Input, InputKind
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier, parse
from synergy.core.timetable import Timetable
from synergy.core.working import WorkingDays
from synergy.mx.widgets.graph_layout import BOX_WIDTH, GAP_X, layout
from synergy.view.conditions import Looking
from synergy.view.input_said import edge_said
from synergy.view.inputs import (
    JobInputDocument,
    encode_standing,
    samples,
    standings,
    terms,
    which,
)
from synergy.view.jobs import neighbours_of
from tests.builders import instant, key, process, tree
from tests.core.engine_harness import EngineHarness
from tests.core.test_input_runs import DAY, HOURS, PARTIAL, report, reprocess, wait_for, work


def told(harness: EngineHarness, text: str = str(DAY)) -> list[JobInputDocument]:
    looking = Looking(timetable=harness.timetable, failed={}, runs={}, now=harness.now)
    job = key(text)
    node = harness.timetable.hierarchy.nodes[job.process]
    return [encode_standing(item) for item in standings(looking, node, job.timeperiod.ordinal)]


def test_a_part_is_told_with_when_the_rest_is_given_up() -> None:
    harness = report(PARTIAL, until='2026112301')
    harness.look()
    work(harness, HOURS[:20])

    (found,) = told(harness)

    assert which(found) == 'SiteHourly 2026112200 to 2026112223 (24)'
    assert (found['kind'], found['count'], found['pending'], found['done']) == (
        'declared', 24, 4, 20,
    )  # fmt: skip
    assert found['give_up_at'] == '2026-11-23T02:00:00Z'
    assert found['lacks'].startswith(
        '20 of at least 22 are done; the missing 4 are given up at 2026-11-23 02:00:00 UTC (in 1 h)'
    )
    assert not found['is_enough']
    harness.now = instant('2026112303')
    (found,) = told(harness)
    assert 'the missing 4 are waited for until 2 more of them have come' in found['lacks']
    work(harness, HOURS[20:23])
    (found,) = told(harness)
    assert found['lacks'].startswith('enough: 23 of at least 22 are done; the missing one is given')
    assert found['is_enough']


def test_what_runs_again_is_told_as_waited_for() -> None:
    harness = report(PARTIAL, until='2026112301')
    harness.look()
    harness.work_all()
    harness.now = instant('2026112304')
    harness.command(reprocess(HOURS[5]))

    (found,) = told(harness)

    assert 'one runs again for a request, which is waited for' in found['lacks']


def test_all_kinds_are_told_by_their_names() -> None:
    hierarchy = build(
        [
            process('SiteHourly'),
            process('SiteDaily'),
            process('ReportDaily', inputs=(wait_for('ReportDaily', offset=-1),)),
        ],
        [
            tree('site', ['SiteDaily', 'SiteHourly']),
            tree('report', ['ReportDaily'], dependent_on=['site']),
        ],
    )
    harness = EngineHarness(hierarchy, instant('2026112304'))
    harness.look()

    assert [item['kind'] for item in told(harness, 'SiteDaily@2026112200')] == ['nested']
    day, before = told(harness, 'ReportDaily@2026112200')
    assert (day['kind'], day['first'], day['last']) == ('dependency', '2026112200', '2026112200')
    assert (before['kind'], before['first'], before['count']) == ('declared', None, 0)
    assert before['lacks'] == 'nothing: there are no such intervals'
    assert before['text'] == 'as for the interval before'
    assert [item['timeperiod'] for item in samples(hierarchy, harness.now)] == ['2026112200'] * 2


def test_a_sample_is_never_an_interval_that_a_calendar_leaves_out() -> None:
    first = parse(Qualifier.DAILY, '2026112200').ordinal
    working = WorkingDays(name='office', first=first, days=b'\0\1\1\0\0\0\0\1')
    hierarchy = build(
        [process('SiteHourly', working=working), process('SiteDaily', working=working)],
        [tree('site', ['SiteDaily', 'SiteHourly'])],
    )

    # The newest one that is over and works; before there is any, the first that will be.
    for now, expected in (('2026112804', '2026112400'), ('2026112204', '2026112300')):
        assert [item['timeperiod'] for item in samples(hierarchy, instant(now))] == [expected]


def test_what_is_left_out_is_said_not_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    print_inputs({'inputs': [], 'left_out': 'by the calendar office'})
    print_inputs({'inputs': [], 'left_out': None})

    assert capsys.readouterr().out.splitlines() == [
        'does not run: it is left out by the calendar office',
        'waits for nothing but the end of its interval',
    ]


def test_terms_are_told_in_words() -> None:
    assert terms(wait_for('B')) == edge_said(wait_for('B')) == ''
    whole = wait_for(
        'B', offset=-2, last=7, at_least=5, give_up_after=timedelta(hours=2), is_late_ignored=True
    )
    assert terms(whole) == (
        'as for the interval 2 places before, the last 7 that end there, at least 5 will do once '
        'its interval has been over for 2 h, late ones are ignored'
    )
    assert edge_said(whole) == '2 before, last 7, at least 5'
    assert terms(wait_for('B', is_order_only=True)) == 'for the order alone'


def cycle() -> Hierarchy:
    return build(
        [
            process('OneDaily', inputs=tuple(wait_for('TwoDaily', offset=at) for at in (-1, -7))),
            process('TwoDaily', inputs=(wait_for('OneDaily'), wait_for('TwoDaily', offset=-1))),
        ],
        [tree('one', ['OneDaily']), tree('two', ['TwoDaily'])],
    )  # fmt: skip


def test_the_graph_says_offsets_and_leads_back() -> None:
    names = [ProcessName('OneDaily'), ProcessName('TwoDaily')]
    drawn = layout(cycle(), names)

    labels = {(arrow.source, arrow.target): arrow.text for arrow in drawn.arrows}
    assert labels == {
        ('TwoDaily', 'OneDaily'): 'the one before; 7 before',
        ('OneDaily', 'TwoDaily'): '',
        ('TwoDaily', 'TwoDaily'): 'the one before',
    }
    assert drawn.width == 2 + 2 * BOX_WIDTH + GAP_X, 'only arrows that lead on need room'
    assert all('C' in arrow.path for arrow in drawn.arrows if arrow.text)


def test_neighbours_are_told_once_each_however_they_are_waited_for() -> None:
    hierarchy = build(
        [
            process('SiteHourly'),
            process(
                'SiteDaily',
                inputs=(wait_for('SiteHourly', last=2), wait_for('SiteHourly', offset=-1)),
            ),
        ],
        [tree('site', ['SiteDaily', 'SiteHourly'])],
    )  # fmt: skip
    timetable = Timetable(hierarchy)
    timetable.extend(instant('2026112404'))
    node = hierarchy.nodes[ProcessName('SiteDaily')]

    found = list(neighbours_of(timetable, node, key('SiteDaily@2026112300').timeperiod.ordinal))

    names = [item.key.timeperiod for item in found if item.relation == 'child']
    assert len(names) == len(set(names)) == 24
    waited = [str(item.key.timeperiod) for item in found if item.relation == 'dependency']
    assert sorted(waited) == sorted(
        [f'20261122{hour:02d}' for hour in range(24)] + ['2026112322', '2026112323']
    )
    assert [source.kind for source in node.inputs].count(InputKind.CHILDREN) == 1


def test_an_input_of_a_day_and_its_terms_read_like_what_was_written() -> None:
    source = Input(kind=InputKind.DEPENDENCY, process=ProcessName('SiteHourly'), at_least=22)

    assert terms(source) == (
        'at least 22 will do once its interval is over, late ones let it run again'
    )
