"""Inputs in words, and as they are sent and drawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.hierarchy import build
from synergy.core.input import Input, InputKind
from synergy.core.records import ProcessName
from synergy.mx.widgets.graph_layout import layout
from synergy.view.input_said import encode_input, input_said
from tests.builders import process, tree

SITE = ProcessName('SiteDaily')


def waits(**fields: object) -> Input:
    return Input(kind=InputKind.DEPENDENCY, process=SITE, **fields)  # type: ignore[arg-type] # by name


@pytest.mark.parametrize(
    ('item', 'said'),
    [
        (waits(), 'dependency'),
        (waits(offset=-1), 'dependency, the one before'),
        (waits(offset=-7), 'dependency, 7 before'),
        (waits(offset=1), 'dependency, the one after'),
        (waits(last=7), 'dependency, last 7'),
        (waits(offset=-1, last=7), 'dependency, the one before, last 7'),
        (
            waits(at_least=22, give_up_after=timedelta(hours=2)),
            'dependency, at least 22 after 2 h',
        ),
        (waits(is_order_only=True), 'dependency, order only'),
    ],
)
def test_an_input_is_said_in_words(item: Input, said: str) -> None:
    assert input_said(item) == said


def test_an_input_is_sent_whole() -> None:
    sent = encode_input(waits(offset=-1, at_least=3, give_up_after=timedelta(minutes=2)))

    assert (sent['offset'], sent['at_least'], sent['give_up_after_seconds']) == (-1, 3, 120.0)


def test_the_graph_draws_offsets_and_a_loop_for_the_interval_before() -> None:
    own = waits(offset=-1)
    alert = Input(kind=InputKind.DEPENDENCY, process=SITE, last=7)
    hierarchy = build(
        [process('SiteDaily', inputs=(own,)), process('AlertDaily', inputs=(alert,))],
        [tree('site', ['SiteDaily']), tree('alert', ['AlertDaily'])],
    )

    drawn = layout(hierarchy, list(hierarchy.nodes))

    told = {(arrow.source, arrow.target): arrow for arrow in drawn.arrows}
    assert told[SITE, SITE].text == 'the one before'
    assert 'C' in told[SITE, SITE].path
    assert told[SITE, ProcessName('AlertDaily')].text == 'last 7'
