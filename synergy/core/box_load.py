"""How busy a box is, as the one text that both stores keep of it."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from synergy.core.records import BoxLoad, ProcessLoad


def load_text(load: BoxLoad | None) -> str | None:
    """Return a load as JSON."""
    return None if load is None else json.dumps(asdict(load), default=datetime.isoformat)


def load_of(text: str | None) -> BoxLoad | None:
    """Return the load of a text that `load_text` has made, maybe that of a later version."""
    if text is None:
        return None
    found = _known(BoxLoad, json.loads(text))
    processes = [_known(ProcessLoad, item) for item in found.pop('processes')]
    for item in processes:
        item['started_at'] = datetime.fromisoformat(item['started_at'])
    return BoxLoad(**found, processes=tuple(ProcessLoad(**item) for item in processes))


def _known(record: type[BoxLoad | ProcessLoad], found: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(record)}
    return {name: value for name, value in found.items() if name in names}
