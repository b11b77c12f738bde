"""The call of user code for one unit: whatever it does, how the attempt has ended."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from synergy.core.records import Json, Outcome, Unit
from synergy.core.secret_references import (
    MARK,
    UnresolvedReference,
    references_in,
    with_values,
)
from synergy.core.states import UnitState
from synergy.core.structs import Struct, replace
from synergy.ports.source import RowId
from synergy.workers.code import Code
from synergy.workers.forks import children_end_here, end_child
from synergy.workers.handler import EXITED, Handler, is_success, outcome_of
from synergy.workers.isolated import Isolation
from synergy.workers.run_log import Leaving
from synergy.workers.signals import Guard, Interrupted
from synergy.workers.uow import hour_name, uow_of
from synergy.workers.zones import Zones

logger = logging.getLogger(__name__)

T = TypeVar('T')

_NO_ISOLATION: Final = 'this worker cannot give a run a process of its own'


class Rows(Struct, frozen=True, kw_only=True):
    """Which rows of its source a run covers. bounds: None: it has no source."""

    bounds: tuple[RowId, RowId] | None


class Given(Struct, frozen=True, kw_only=True):
    """Arguments with their secrets. names: of those that hold any; none: they are the unit's."""

    arguments: Mapping[str, Json]
    names: frozenset[str]

    def __repr__(self) -> str:
        """Return it without the secrets."""
        return f'Given({sorted(self.names)})'


_NOTHING: Final = Given(arguments={}, names=frozenset())
_ALL_ROWS: Final = Rows(bounds=None)
_NO_ROWS: Final = Rows(bounds=None)


class Failing(Protocol):
    """Tells that an attempt has failed; see `failed`."""

    def __call__(self, unit: Unit, error: BaseException, what: str = '') -> Outcome:
        """Return how the attempt has ended."""
        ...


class Calling:
    """Calls user code, in this process or in one of its own."""

    def __init__(
        self,
        guard: Guard,
        recorder: Leaving,
        isolation: Isolation | None,
        zones: Zones,
        secret_of: Callable[[str], str],
        failing: Failing | None = None,
    ) -> None:
        """Call under `guard`. isolation: None: nothing that is called asks for it.

        zones: by whose calendars units are told. secret_of: values of references. failing: what
        tells of a failure; None: `failed`.
        """
        self._zones = zones
        self._secret_of = secret_of
        self._failed: Failing = failing or failed
        self._guard = guard
        self._recorder = recorder
        self._isolation = isolation

    def run(self, code: Code, unit: Unit) -> Outcome:
        """Call user code; return how the attempt ended, or raise Interrupted."""
        outcome = self._run(code, unit)
        if outcome.error is None:
            return outcome
        return replace(outcome, error=self._recorder.concealed.text(outcome.error))

    def _run(self, code: Code, unit: Unit) -> Outcome:
        try:
            try:
                self._guard.enter(code.timeout)
                # Before a child is forked: what it prints comes by way of this process.
                given = self._given(unit)
                if code.bounds is not None:
                    assert self._isolation is not None, _NO_ISOLATION
                    # Asked here: what the worker has opened is not for two processes.
                    rows = _here(lambda: self._rows(code, unit))
                    if rows is _NO_ROWS:
                        return Outcome.noop()
                    return self._isolation.call(
                        lambda: self._outcome(code, unit, rows, given), code.bounds
                    )
                outcome = self._outcome_of(code, unit, None, given)
            finally:
                self._guard.leave()
                self._recorder.leave()
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: SystemExit and all
            return self._failed(unit, error)
        return self._told(unit, outcome)

    def _outcome(self, code: Code, unit: Unit, rows: Rows, given: Given) -> Outcome:
        """Return how the attempt ended: this is the process of the run."""
        try:
            return self._told(unit, self._outcome_of(code, unit, rows, given))
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - user code: SystemExit and all
            outcome = self._failed(unit, error)
            megabytes = None if code.bounds is None else code.bounds.memory_mb_max
            if isinstance(error, MemoryError) and megabytes is not None:
                told = f'{outcome.error} (the run may hold {megabytes} MB: memory_mb_max)'
                return replace(outcome, error=told)
            return outcome

    def _outcome_of(self, code: Code, unit: Unit, rows: Rows | None, given: Given) -> Outcome:
        """Call user code. rows: None: its source is still to be asked."""
        returned = _here(lambda: self._call(code, unit, rows, given))
        if returned is EXITED:
            logger.warning(
                '%s: sys.exit(0) was taken for the end of the work; return instead, and say '
                'what was done',
                unit,
                extra={'event': 'uow_exited'},
            )
            returned = None
        return outcome_of(returned)

    def _given(self, unit: Unit) -> Given:
        """Resolve the secrets of a unit, and hide their values from now on."""
        if not unit.arguments:
            return _NOTHING
        names = frozenset(path[0] for path, _ in references_in(unit.arguments) if path)
        if not names and MARK not in unit.arguments:
            return _NOTHING

        def value_of(reference: str) -> str:
            value = self._secret_of(reference)
            self._recorder.concealed.add([value])
            return value

        arguments = with_values(dict(unit.arguments), value_of)
        return Given(arguments=arguments, names=names)

    def _told(self, unit: Unit, outcome: Outcome) -> Outcome:
        if outcome.state is UnitState.INVALID:
            logger.error('%s failed: %s', unit, outcome.error, extra={'event': 'uow_failed'})
        return outcome

    def _call(self, code: Code, unit: Unit, rows: Rows | None, given: Given) -> object:
        if rows is None:
            rows = _ALL_ROWS if code.data_source is None else self._rows(code, unit)
            if rows is _NO_ROWS:
                return Outcome.noop()
        calendar = self._zones.of(unit.process)
        uow = uow_of(unit, code.source, code.sink, self._guard.is_stopping, rows.bounds, calendar)
        if given.names:
            uow = replace(uow, arguments=given.arguments, secret_arguments=given.names)
        try:
            return code.handler.process_uow(uow)
        except SystemExit as error:
            if is_success(error):
                return EXITED
            raise

    def _rows(self, code: Code, unit: Unit) -> Rows:
        """Ask the data source of a process, if it has one, which rows a run covers."""
        if code.data_source is None:
            return _ALL_ROWS
        calendar = self._zones.of(unit.process)
        first, after = (hour_name(calendar, item) for item in (unit.start, unit.end))
        bounds = code.data_source.bounds(first, after)
        if bounds is None:
            logger.info('%s: no row has arrived', unit, extra={'event': 'source_empty'})
            return _NO_ROWS
        logger.info('%s covers rows %s to %s', unit, *bounds, extra={'event': 'source_read'})
        return Rows(bounds=bounds)


def no_secrets(reference: str) -> str:
    """Refuse: this worker was given no way to secrets."""
    raise UnresolvedReference(f'the secret {reference} cannot be had by this worker')


def _here(call: Callable[[], T]) -> T:
    """Call user code; end a child that it has forked, should that come back, too."""
    pid = os.getpid()
    try:
        returned = call()
    except BaseException as error:
        if os.getpid() != pid:
            end_child(error)
        raise
    if os.getpid() != pid:
        end_child(None)
    return returned


def failed(unit: Unit, error: BaseException, what: str = '') -> Outcome:
    """Return that an attempt has failed with `error`, and log it. what: what has failed, if more
    than the run.
    """
    # The first frame is that of our call; user code begins at the second.
    text = ''.join(traceback.format_exception(error))
    logger.error('%s failed:\n%s', unit, text, extra={'event': 'uow_failed'})
    return Outcome.failed(f'{what}{error_text(error)}')


def error_text(error: BaseException) -> str:
    """Return an error in one line, as that of an attempt is kept."""
    name = type(error).__name__
    try:
        return f'{name}: {error}'
    except BaseException:  # noqa: BLE001 - user code: its exception cannot say what it is
        return name


def tear_down(handler: Handler, guard: Guard, limit: timedelta | None) -> None:
    """Call the `teardown` of user code; what it raises is logged. limit: None: it has none."""
    try:
        if limit is not None:
            guard.enter(limit)
        try:
            with children_end_here():
                handler.teardown()
        finally:
            guard.leave()
    except (Exception, Interrupted):  # User code: its failure must not hide how the worker ended.
        logger.exception('teardown failed', extra={'event': 'teardown_failed'})
