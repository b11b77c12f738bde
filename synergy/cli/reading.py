"""What commands that only read begin with: context, an existing store, and its index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from synergy import bootstrap
from synergy.bootstrap import Runtime
from synergy.conf.model import Context, Settings
from synergy.core.structs import Struct
from synergy.core.timetable import Timetable
from synergy.ports.store import Store
from synergy.view.index import load_index


class Reading(Struct, frozen=True, kw_only=True):
    """An open store, as of `now`."""

    runtime: Runtime
    settings: Settings
    context: Context
    store: Store
    now: datetime

    def index(self) -> Timetable:
        """Return the index of the store."""
        return load_index(self.context.hierarchy, self.store, self.now)


@contextmanager
def reading() -> Iterator[Reading]:
    """Yield the store of this home, which must exist."""
    settings, context = bootstrap.load(reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        yield Reading(
            runtime=runtime,
            settings=settings,
            context=context,
            store=runtime.open_store(create=False),
            now=runtime.clock.now(),
        )
