"""What libraries of holidays and trading days have said, kept in files: asking takes seconds."""

from __future__ import annotations

import importlib.metadata
import json
import logging
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from synergy import private
from synergy.core.structs import Struct
from synergy.core.working import Source

logger = logging.getLogger(__name__)


class Told(Struct, frozen=True, kw_only=True):
    """Days, a byte each, and who has told them, where that ends by itself."""

    days: bytes
    source: Source | None = None


def version_of(library: str) -> str:
    """Return the version of a library; empty where it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ''


def kept(folder: Path | None, library: str, asked: Any, ask: Callable[[], Told]) -> Told:
    """Return what this version of a library has said of the same before; else ask, and keep that.

    folder: where answers are kept; None: nowhere.
    """
    version = version_of(library)
    if folder is None or not version:
        return ask()
    said = repr((library, version, asked))
    path = folder / f'{blake2b(said.encode(), digest_size=12).hexdigest()}.json'
    if (known := _read(path, said)) is not None:
        return known
    told = ask()
    source = None if told.source is None else [told.source.told, told.source.until]
    try:
        private.make_folder(folder)
        keeping = {'asked': said, 'days': told.days.hex(), 'source': source}
        path.write_text(json.dumps(keeping), encoding='utf-8')
    except OSError as error:
        logger.debug('what %s says is not kept: %s', library, error)
    return told


def _read(path: Path, said: str) -> Told | None:
    """Return what was kept; None where there is nothing, or something else."""
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
        source = None
        if found['source'] is not None:
            by, until = found['source']
            source = Source(told=str(by), until=int(until))
        days = bytes.fromhex(found['days'])
        return Told(days=days, source=source) if found['asked'] == said else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
