"""User code that is written with `async def`: each run of it has an event loop of its own.

An interruption (time-out, stop, lost lease) cancels it, so that what it awaits raises
CancelledError, as everywhere in asyncio; what has not ended by then gets Interrupted like any other
code, see `synergy.workers.signals`. Tasks that a run leaves behind are cancelled at its end.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from synergy.workers.signals import CANCELLING, Cause, Interrupted

T = TypeVar('T')


def is_async(function: object) -> bool:
    """Tell whether something that is called with `async def` was written so."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, '__call__', None)  # noqa: B004 - the method, of an object that has it
    )


def awaiting(function: Callable[[T], Coroutine[Any, Any, object]]) -> Callable[[T], object]:
    """Return what calls an async function and waits for it."""

    def called(argument: T) -> object:
        return _awaited(function(argument))

    return called


def _awaited(coroutine: Coroutine[Any, Any, object]) -> object:
    """Return what a coroutine returns; raise Interrupted, whatever it made of a cancellation."""
    import asyncio  # Workers whose code is not async do not pay for it.

    causes: list[Cause] = []
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(coroutine)

        def cancel(cause: Cause) -> None:
            causes.append(cause)
            loop.call_soon_threadsafe(task.cancel)

        try:
            with CANCELLING.by(cancel):
                returned = loop.run_until_complete(task)
        except BaseException as error:
            if not causes or isinstance(error, Interrupted):
                raise
            raise Interrupted(causes[0]) from error
    if causes:
        raise Interrupted(causes[0])
    return returned
