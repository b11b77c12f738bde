"""Data sources that come with the product, for `data_source` functions of your own.

    # context.py:  data_source='workers.live.open_source'
    def open_source() -> SqliteSource:
        return SqliteSource(home / 'live.db', 'flight_live', time='time_hour')

Anything with `bounds(start, end)` and `close()` is a source; see `synergy.ports.source`.
"""

from synergy.adapters.sqlite.source import SqliteSource
from synergy.ports.source import DataSource

__all__ = ['DataSource', 'SqliteSource']
