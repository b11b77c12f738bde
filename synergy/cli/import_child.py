"""The child in which `check` imports what the context names: `python -m synergy.cli.import_child`.

It reads from its standard input what to import, and writes to the descriptor in its argument what
it is about to try and how that went, a line of JSON each. User code may do there what it likes:
print, hang, end the process. Whoever started it sees at what it was.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Final, cast

import synergy
from synergy.conf.locate import resolve
from synergy.workers.handler import loadable_problem

_PACKAGE: Final = Path(synergy.__file__).resolve().parent


def main() -> None:
    """Import everything that is asked for, and say how it went."""
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    for stream in (sys.stdout, sys.stderr):
        # As in a worker: whatever the locale says, any letter may be printed.
        cast('TextIOWrapper', stream).reconfigure(encoding='utf-8', errors='backslashreplace')
    with os.fdopen(descriptor, 'w', encoding='utf-8') as answers:
        for number, (kind, dotted) in json.load(sys.stdin):
            print(json.dumps([number, None]), file=answers, flush=True)
            print(json.dumps([number, problem_of(kind, dotted) or '']), file=answers, flush=True)
    # Threads that an import has started could hold this process up for ever.
    os._exit(0)


def problem_of(kind: str, dotted: str) -> str | None:
    """Return why a dotted name cannot be imported, or is not what it has to be; None: it is sound.

    kind: `worker`; else anything that can be called.
    """
    try:
        target = resolve(dotted)
    except BaseException as error:  # noqa: BLE001 - user code, told to whoever asked for it
        said = ''.join(traceback.format_exception_only(error)).strip()
        return f'{said}{_place(error)}'
    if kind == 'worker':
        return loadable_problem(target)
    return None if callable(target) else f'is a {type(target).__name__}; name a function or a class'


def _place(error: BaseException) -> str:
    """Return where in user code it went wrong, if there."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and _PACKAGE not in file.resolve().parents:
            return f' ({file.name} line {frame.lineno})'
    return ''


if __name__ == '__main__':
    main()
