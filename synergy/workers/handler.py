"""From a `classname` to something that can be called, and from what it returns to an outcome."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import Any, Final

from synergy.conf.locate import resolve
from synergy.core.records import Outcome
from synergy.core.states import REPORTABLE_UNIT_STATES, UnitState
from synergy.workers.awaited import awaiting, is_async
from synergy.workers.uow import Uow
from synergy.workers.worker import Worker

_ALLOWED: Final = (
    'return an Outcome, None, or a pair (count, state) with a state among '
    + ', '.join(sorted(state.value for state in REPORTABLE_UNIT_STATES))
)

_NO_WORK: Final = (
    'is a class without process_uow; derive it from synergy.workers.Worker and define '
    'process_uow(self, uow)'
)
_ASYNC_HOOK: Final = (
    'is a class with an async hook, which nobody would await: only process_uow may be async, and '
    'its event loop ends with the run; open there what belongs to it, and write without async'
)
#: The largest whole number that a store keeps.
COUNT_MAX: Final = 2**63 - 1


#: In which a class makes what it keeps from run to run.
_OF_STATE: Final = ('__init__', 'setup', 'teardown')

#: What most runs return.
_DONE: Final = Outcome.processed()
#: What a call of user code has returned that ended with `sys.exit(0)`.
EXITED: Final = object()


class Handler:
    """User code for one process, with its hooks."""

    def __init__(
        self,
        process_uow: Callable[[Uow], Any],
        setup: Callable[[], object] | None = None,
        teardown: Callable[[], object] | None = None,
        *,
        keeps_processes: bool = False,
        keeps_state: bool = False,
    ) -> None:
        """Keep the three callables; the first one may be async.

        keeps_processes: see `synergy.workers.worker`.

        keeps_state: whether it may have opened what is not for several processes at once.
        """
        self.process_uow: Callable[[Uow], object] = (
            awaiting(process_uow) if is_async(process_uow) else process_uow
        )
        self._setup = setup
        self._teardown = teardown
        self.keeps_processes = keeps_processes
        self.keeps_state = keeps_state

    def setup(self) -> None:
        """Call the user's `setup`, if there is one."""
        if self._setup is not None:
            self._setup()

    def teardown(self) -> None:
        """Call the user's `teardown`, if there is one."""
        if self._teardown is not None:
            self._teardown()


def load_handler(classname: str, process_name: str) -> Handler:
    """Import and instantiate user code; raise TypeError when it is neither worker nor function."""
    target: Any = resolve(classname)
    if (problem := loadable_problem(target)) is not None:
        raise TypeError(f'{classname} of {process_name} {problem}')
    if not isinstance(target, type):
        return Handler(target, keeps_state=not isinstance(target, FunctionType))
    worker: Any = target(process_name)
    process_uow = getattr(worker, 'process_uow', None) or getattr(worker, '_process_uow', None)
    if isinstance(worker, Worker) and type(worker).process_uow is Worker.process_uow:
        process_uow = worker._process_uow  # noqa: SLF001 - it may be async
    if not callable(process_uow):
        raise TypeError(f'{classname} of {process_name} {_NO_WORK}')
    return Handler(
        process_uow,
        getattr(worker, 'setup', None),
        getattr(worker, 'teardown', None),
        keeps_processes=bool(getattr(worker, 'keeps_processes', False)),
        keeps_state=any(_is_own(target, name) for name in _OF_STATE),
    )


def loadable_problem(target: object) -> str | None:
    """Return why user code that was imported is neither worker nor function; None when it is."""
    if isinstance(target, type):
        hooks = [name for name in ('setup', 'teardown') if is_async(getattr(target, name, None))]
        if hooks:
            return f'{_ASYNC_HOOK} {" and ".join(hooks)}'
        return _NO_WORK if _is_bare(target) else None
    if callable(target):
        return None
    return (
        f'is a {type(target).__name__}; name a Worker class or a function that takes a unit of work'
    )


def outcome_of(returned: object) -> Outcome:
    """Return the outcome that user code means; what it may not return is a failure that says so."""
    if returned is None:
        return _DONE
    match returned:
        case Outcome(state=state, count=count) if state in REPORTABLE_UNIT_STATES and _is_count(
            count
        ):
            return returned
        case (int(count), str(state)) if _is_count(count) and state in set(REPORTABLE_UNIT_STATES):
            is_good = state in (UnitState.PROCESSED, UnitState.NOOP)
            error = None if is_good else f'the worker returned {state}'
            return Outcome(state=UnitState(state), count=count, error=error)
    if isinstance(returned, Coroutine):
        returned.close()
        name = getattr(returned, '__qualname__', 'it')
        return Outcome.failed(
            f'the worker returned the coroutine {name:.200} without awaiting it, so it did '
            'nothing; write `async def process_uow` and `return await ...`'
        )
    return Outcome.failed(
        f'the worker returned {returned!r:.200} ({type(returned).__name__}); {_ALLOWED}'
    )


def is_success(error: SystemExit) -> bool:
    """Tell whether a program that ended so would have ended well."""
    return error.code is None or (isinstance(error.code, int) and error.code == 0)


def _is_own(target: type, name: str) -> bool:
    """Tell whether a class has a method that is not the one of its base here, or of all classes."""
    method = getattr(target, name, None)
    return method not in (None, getattr(Worker, name), getattr(object, name, None))


def _is_bare(target: type) -> bool:
    """Tell whether a Worker, or a class that could not get it later, defines neither method."""
    if not issubclass(target, Worker):
        has_method = hasattr(target, 'process_uow') or hasattr(target, '_process_uow')
        return not has_method and target.__init__ is object.__init__
    return (
        target.process_uow is Worker.process_uow and target._process_uow is Worker._process_uow  # noqa: SLF001 - its name in Synergy 2.x
    )


def _is_count(count: object) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= COUNT_MAX
