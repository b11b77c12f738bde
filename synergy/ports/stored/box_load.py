"""How busy a box is, as a JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from synergy.core.bounded import ROW, loads, shortened
from synergy.core.box_load import BoxLoad, ProcessLoad
from synergy.core.structs import as_document, fields


def encode(load: BoxLoad | None) -> str | None:
    """Return a load as JSON."""
    return None if load is None else json.dumps(as_document(load), default=datetime.isoformat)


def decode(text: str | None) -> BoxLoad | None:
    """Return the load of a text that `encode` has made, maybe that of a later version."""
    if text is None:
        return None
    try:
        said = cast('dict[str, Any]', loads(text, ROW))
        found = _known(BoxLoad, said)
        processes = [_known(ProcessLoad, item) for item in found.pop('processes')]
        for item in processes:
            item['started_at'] = datetime.fromisoformat(item['started_at'])
            _check(item, cpu_percent=(int, float), memory_bytes=int, pid=int, process=str)
        _check(found, load_average=(int, float), cpu_count=int, memory_percent=(int, float))
        return BoxLoad(**found, processes=tuple(ProcessLoad(**item) for item in processes))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        why = f'{type(error).__name__}: {error!s:.200}'
        raise ValueError(f"field 'load' cannot be read ({why})") from error


def _check(found: Mapping[str, Any], **kinds: type | tuple[type, ...]) -> None:
    for name, kind in kinds.items():
        if not isinstance(found[name], kind):
            raise TypeError(f'{name} is {shortened(found[name])}')


def _known(record: type[BoxLoad | ProcessLoad], found: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(record)}
    return {name: value for name, value in found.items() if name in names}
