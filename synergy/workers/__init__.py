"""Workers: write a subclass of `Worker` (or a plain function), register it in `context.py`.

from synergy.workers import Outcome, Uow, Worker

class SiteHourly(Worker):
    def process_uow(self, uow: Uow) -> Outcome:
        count = aggregate(uow.start, uow.end)
        return Outcome.processed(count)
"""

from synergy.core.records import Outcome
from synergy.workers.uow import Uow
from synergy.workers.worker import Worker

__all__ = ['Outcome', 'Uow', 'Worker']
