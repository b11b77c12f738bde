"""The constructor with which a `context.py` says who is told of what."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, ParamSpec

from synergy.conf.mistyped import read_call
from synergy.core.structs import Struct

P = ParamSpec('P')


class RawAlert(Struct, frozen=True):
    """A rule as written, not checked yet. mistakes: what is wrong with how it was called."""

    fields: Mapping[str, Any]
    mistakes: Sequence[str] = ()

    def __repr__(self) -> str:
        """Return it without the addresses of receivers, which hold secrets."""
        return 'alert(...)'


def _noting_mistakes(make: Callable[P, RawAlert]) -> Callable[P, RawAlert]:
    """Return a constructor that keeps a wrong keyword, to be told with all else that is wrong."""
    signature = inspect.signature(make)

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> RawAlert:
        try:
            return make(*args, **kwargs)
        except TypeError:
            call = read_call(signature, args, kwargs)
            return RawAlert(call.fields, call.mistakes)

    return made


#: What stands for the conditions that are critical.
CRITICAL: Final = 'critical'


@_noting_mistakes
def alert(  # noqa: PLR0913 - all that can be said of one rule
    on: Sequence[str],
    to: Sequence[str],
    for_: Sequence[str] = (),
    quiet_hours: Sequence[str] = (),
    piercing: Sequence[str] = (CRITICAL,),
    escalate_after: float | None = None,
    escalate_to: Sequence[str] = (),
    group_minutes: float = 5,
) -> RawAlert:
    """Say who is told of what, in `alert_context` by a name.

    on: conditions, as in `['late', 'held', 'no_leader']`. to: addresses, as apprise knows them
    (`mailto://...`, `slack://...`), or a webhook, `hooks://SECRET@example.com/path`. for_: of what,
    as in `['tree:site', 'process:Site*']`; without, of everything. quiet_hours: when nothing is
    sent, as in `['22:00-06:00 Europe/Berlin', 'Sat,Sun']`, but for the conditions of `piercing`;
    what is still so is sent afterwards. escalate_after: minutes after which those of `escalate_to`,
    or of `to`, are reminded of what nobody has acknowledged. group_minutes: messages of one root
    cause are so far apart at least.
    """
    return RawAlert(locals())
