"""What an operator should know about the broker: that it cannot be used and why, dead messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from synergy.core.commands import counted
from synergy.core.records import Route
from synergy.ports.broker import BrokerAdmin
from synergy.ports.errors import BrokerError

_DEAD: Final = '.dead'


def broker_warnings(open_broker: Callable[[], BrokerAdmin], routes: Sequence[Route]) -> list[str]:
    """Return one sentence for each thing that is wrong; may take some seconds.

    Queues that exist are declared again, for that alone tells whether they are as they should be;
    none is made.
    """
    try:
        broker = open_broker()
        states = broker.queue_states(routes)
        known = {state.queue for state in states}
        broker.declare([route for route in routes if route.queue in known])
    except BrokerError as error:
        return [f'no messages pass: {error}']
    return [
        f'{counted(state.depth, "message")} in {state.queue} could not be understood; '
        './launch.py mq ls --dead shows them and why'
        for state in states
        if state.queue.endswith(_DEAD) and state.depth
    ]
