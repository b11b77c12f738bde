"""One run in the foreground: called as a worker calls it, whatever user code does."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.conf.context import load_context
from synergy.conf.model import Context
from synergy.conf.settings import load_settings
from synergy.core.freerun_record import base_of
from synergy.core.records import ProcessName, Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Qualifier, parse
from synergy.output.concealed import Concealed
from synergy.ports.processes import Descendants
from synergy.workers import Uow
from synergy.workers.calling import no_secrets
from synergy.workers.foreground import Tried, run_in_foreground, users_traceback
from synergy.workers.zones import Zones
from tests.builders import instant
from tests.pipelines import tried

#: What was raised, and what had happened until then.
Examined = tuple[BaseException, list[object]]


class Childless:
    """Says that this process has started nothing."""

    def adopt(self) -> None:
        """There is nobody to adopt."""

    def are_none(self) -> bool:
        return True


@pytest.fixture(scope='module')
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    home = tmp_path_factory.mktemp('home')
    environ = {'SYNERGY_CONTEXT_MODULE': 'tests.pipelines.tried', 'SYNERGY_HOME': str(home)}
    return load_context(load_settings(environ, Path(tried.__file__).parents[2]))


@pytest.fixture(autouse=True)
def happened() -> Iterator[list[object]]:
    tried.HAPPENED.clear()
    yield tried.HAPPENED
    tried.HAPPENED.clear()


def run(context: Context, process: str, examined: list[Examined], **arguments: str) -> Tried:
    level = Qualifier.DAILY if process == 'Daily' else Qualifier.HOURLY
    job = JobKey(ProcessName(process), parse(level, '2026110100'))
    given: Mapping[str, Any] = arguments
    unit = Unit(
        id=uow_id_of(job, 0),
        process=job.process,
        timeperiod=job.timeperiod,
        start=job.timeperiod,
        end=job.timeperiod.shift(1),
        run=0,
        created_at=instant('2026110108'),
        arguments=given,
    )
    return run_in_foreground(
        context.workers[base_of(ProcessName(process))],
        unit,
        zones=Zones(),
        clock=SimulatedClock(instant('2026110108')),
        descendants=cast('Descendants', Childless()),
        examine=lambda error: examined.append((error, list(tried.HAPPENED))),
        secret_of=no_secrets,
        concealed=Concealed(),
    )


@pytest.mark.parametrize('process', ['Hourly', 'Alone'])
def test_what_is_isolated_runs_in_this_process_all_the_same(
    context: Context, process: str, happened: list[object]
) -> None:
    examined: list[Examined] = []
    found = run(context, process, examined)

    assert (found.outcome.state, found.outcome.count, found.error) == (UnitState.PROCESSED, 3, None)
    # Of another process this list would have nothing.
    assert [type(item) for item in happened] == [str, Uow, str]
    assert not examined


def test_an_exception_is_examined_before_anything_is_torn_down(context: Context) -> None:
    examined: list[Examined] = []
    found = run(context, 'Hourly', examined, do='raise')

    assert found.outcome.state is UnitState.INVALID
    assert found.outcome.error == 'ValueError: row 4'
    ((error, before),) = examined
    assert error is found.error
    assert 'teardown' not in before
    trace = users_traceback(error)
    assert trace is not None
    assert trace.tb_frame.f_code.co_filename == tried.__file__


def test_a_failure_that_is_returned_has_nothing_to_examine(context: Context) -> None:
    examined: list[Examined] = []
    found = run(context, 'Hourly', examined, do='fail')

    assert (found.outcome.error, found.error, examined) == ('no rows', None, [])


def test_sigterm_is_an_interruption_that_tears_down(
    context: Context, happened: list[object]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    found = run(context, 'Hourly', [], do='end')

    assert found.is_interrupted
    assert happened[-1] == 'teardown'
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_cannot_be_set_up_has_failed(context: Context) -> None:
    examined: list[Examined] = []
    found = run(context, 'Daily', examined)

    assert found.outcome.error == (
        'the code of its process cannot be set up: LookupError: no such table'
    )
    assert [type(error) for error, _ in examined] == [LookupError]
