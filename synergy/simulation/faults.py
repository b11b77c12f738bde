"""How often what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """Probabilities. store_lost: a call never arrives. store_unheard: it takes effect, but the
    caller sees an error. death: the calling process dies there. message_lost, message_doubled,
    message_late: of each message. user_error: an attempt fails. freeze: a process sleeps through
    its leases. oversleep: one does after a run, before it tells of it. commit_torn: a commit is not
    one transaction, and may end in the middle.

    poison: the store refuses every save of this process or free run, not by chance but for ever.
    """

    store_lost: float = 0.0
    store_unheard: float = 0.0
    death: float = 0.0
    message_lost: float = 0.0
    message_doubled: float = 0.0
    message_late: float = 0.0
    user_error: float = 0.0
    freeze: float = 0.0
    oversleep: float = 0.0
    commit_torn: float = 0.0
    broker_down: float = 0.0
    poison: str | None = None

    def stop(self) -> None:
        """Let nothing go wrong any more, but what goes wrong for ever."""
        for name in self.__slots__:
            if name != 'poison':
                setattr(self, name, 0.0)


def usual() -> Faults:
    """Return faults far more frequent than any operator has seen."""
    return Faults(
        store_lost=0.004,
        store_unheard=0.004,
        death=0.002,
        message_lost=0.05,
        message_doubled=0.05,
        message_late=0.2,
        user_error=0.08,
        freeze=0.02,
        commit_torn=0.3,
        broker_down=0.01,
    )
