"""The drawing of a state machine says what the table says."""

from __future__ import annotations

from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.states import JobState
from synergy.view.machine_doc import document, edges

E_, P, F = JobState.EMBRYO, JobState.IN_PROGRESS, JobState.FINAL_RUN


def test_edges_of_discrete_are_those_of_its_table() -> None:
    found = {(begin, end) for begin, end, _ in edges(MACHINE_BY_NAME['discrete'])}

    assert (E_, P) in found
    assert (P, JobState.PROCESSED) in found
    assert (P, E_) in found
    assert F not in {state for edge in found for state in edge}
    assert not any(begin.is_final for begin, _ in found)


def test_a_live_interval_ends_only_by_its_final_run_or_a_skip() -> None:
    found = {(begin, end) for begin, end, _ in edges(MACHINE_BY_NAME['continuous'])}

    assert {end for begin, end in found if begin is P} == {F, JobState.SKIPPED}
    assert (F, JobState.NOOP) in found


def test_every_rule_is_a_line_of_the_page() -> None:
    machine = MACHINE_BY_NAME['recomputing']

    page = document([(machine, 'About it.')])

    assert page.count('| **') == len(machine.rules)
    assert 'stateDiagram-v2' in page
