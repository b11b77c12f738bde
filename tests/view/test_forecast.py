"""What is sent of a forecast: deadlines, their roots, what helps, and what does not start."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.deadline import Within
from synergy.core.records import CommandId
from synergy.forecast.likely import Action, ActionKind
from synergy.forecast.stuck import Cause, Root
from synergy.view.forecast import action_said, encode_action, encode_forecast
from synergy.view.forecast_stuck import root_said
from tests.forecast.test_stuck import DAY, HOUR, NOW, held_job, hierarchy, key, look, timetable_of


def test_jobs_with_one_root_are_explained_once_and_told_as_stuck() -> None:
    tree = hierarchy(deadline=Within(length=timedelta(hours=30)))
    job = held_job(tree)

    found = encode_forecast(look(timetable_of(tree, job)))

    text = f'Hour {job.timeperiod} has failed for good and is held for an operator'
    first, second = found['deadlines'][:2]
    assert (first['process'], first['holds'], first['end']) == (DAY, 0.0, None)
    assert first['root'] is not None
    assert (first['root']['process'], first['root']['cause']) == (HOUR, 'held')
    assert first['root']['text'] == text
    assert first['action'] is not None
    said = action_said(first['action'])
    assert f'./launch.py reprocess Hour {job.timeperiod}; then it holds with' in said
    assert (second['process'], second['action']) == (HOUR, None)
    assert found['stuck_jobs'] == 3
    assert [(item['process'], item['jobs']) for item in found['stuck']] == [
        (HOUR, 1),
        (DAY, 1),
        ('Report', 1),
    ]
    assert {item['root']['text'] for item in found['stuck']} == {text}
    # The owner of the tree is told that its day is not done, and not of the next one instead.
    trees = [(item['tree'], item['likely']['timeperiod']) for item in found['trees']]
    assert trees[0] == ('site', str(key(tree, DAY).timeperiod))


def test_of_one_process_only_what_is_stuck_of_it_is_sent() -> None:
    tree = hierarchy(is_on=False)

    found = encode_forecast(look(timetable_of(tree)), {DAY})

    assert [(item['process'], item['jobs'], item['last']) for item in found['stuck']] == [
        (DAY, 1, '2026112200')
    ]
    assert found['stuck'][0]['root']['of'] == HOUR
    assert found['items'] == []


@pytest.mark.parametrize('kind', ActionKind)
def test_each_action_says_what_to_do_and_what_comes_of_it(kind: ActionKind) -> None:
    tree = hierarchy()
    action = Action(
        kind=kind, of='X', more=2, key=key(tree, HOUR), holds=None, sooner=timedelta(hours=2)
    )

    said = action_said(encode_action(action))

    assert 'X' in said
    assert said.endswith('; then it ends 120 minutes earlier')


@pytest.mark.parametrize('cause', Cause)
def test_each_cause_is_said(cause: Cause) -> None:
    root = Root(key=key(hierarchy(), HOUR), cause=cause, of=CommandId('f00'), until=NOW)

    said = root_said(root)

    assert 'Hour' in said or 'f00' in said
    assert ('2026-11-23' in said) == (cause in (Cause.FROZEN, Cause.CLOSED, Cause.LATER))
