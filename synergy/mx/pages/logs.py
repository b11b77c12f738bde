"""The log files of this box, without passwords."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.nearest import nearest
from synergy.core.redaction import redacted_lines
from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page

LOG_BYTES: Final = 64 * 1024


def logs(request: RequestContext) -> Response:
    """Show the end of a log file of this box."""
    files = log_files(request)
    name = request.optional('file') or _newest(request, files)
    lines = [] if name is None else log_lines(request, name)
    words = request.optional('q')
    shown = [line for line in lines if words is None or words.lower() in line.lower()]
    folder = request.settings.log_directory
    return page(
        request, 'logs.html', files=files, name=name, lines=shown, words=words, folder=folder
    )


def log_files(request: RequestContext) -> Sequence[str]:
    """Return the names of the log files of this box."""
    folder = request.settings.log_directory
    if not folder.is_dir():
        return []
    return sorted(item.name for item in folder.glob('*') if item.is_file())


def _newest(request: RequestContext, files: Sequence[str]) -> str | None:
    """Return the log that was written to last."""

    def written_at(name: str) -> float:
        try:
            return (request.settings.log_directory / name).stat().st_mtime
        except OSError:
            # Rotated away since it was listed.
            return 0.0

    return max(files, key=written_at, default=None)


def log_lines(request: RequestContext, name: str) -> Sequence[str]:
    """Return the last lines of a log file of this box, without passwords."""
    files = log_files(request)
    if name not in files:
        raise unknown(
            f'there is no log {name!r:.80}{nearest(name, files)}', 'choose one of them', '/logs'
        )
    return _tail(request.settings.log_directory / name)


def _tail(file: Path) -> Sequence[str]:
    with file.open('rb') as stream:
        stream.seek(0, 2)
        size = stream.tell()
        stream.seek(max(size - LOG_BYTES, 0))
        text = stream.read(LOG_BYTES).decode('utf-8', 'replace')
    lines = text.splitlines()
    return redacted_lines(lines[1:] if size > LOG_BYTES else lines)
