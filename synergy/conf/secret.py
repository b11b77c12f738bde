"""`secret(...)` in arguments of a context, and what is wrong with references there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from synergy.conf.code_arguments import are_arguments_code
from synergy.core.secret_references import MARK, problem_of, references_in

#: Arguments of commands that other users of the machine see in lists of processes.
_SEEN: Final = ('command', 'shell')
_SHELL: Final = 'synergy.workers.shell.ShellWorker'
_PIP: Final = 'python -m pip install "synergy-scheduler[vault]"'


def secret(reference: str) -> dict[str, Any]:
    """Return a reference to a secret for `arguments`, resolved by the worker before each run.

    reference: `env:NAME`, `file:/run/secrets/x` or `vault:mount/path#key`.
    """
    return {MARK: reference}


def secret_problems(
    arguments: Mapping[str, Any], classname: str, project: Path, *, is_daemon: bool
) -> Iterator[str]:
    """Yield what is wrong with secrets in the arguments of an entry; is_daemon: which has none."""
    for place, reference in references_in(arguments):
        where = '.'.join(('arguments', *place))
        if is_daemon:
            yield f'{where}: a daemon reads secrets itself; only a worker is given them'
        elif not place:
            yield f'{where}: a secret stands in place of a value; give {{"name": secret(...)}}'
        elif (problem := problem_of(reference)) is not None:
            yield f'{where}: {problem}'
        elif _is_seen(place, classname) and are_arguments_code(classname, project):
            yield (
                f'{where}: a command line is seen by every user of the machine; give the secret in '
                'environment, where the command reads it'
            )
        elif str(reference).startswith('vault:') and find_spec('hvac') is None:
            yield f'{where}: vault: needs the library hvac, which is not installed; `{_PIP}`'


def _is_seen(place: tuple[str, ...], classname: str) -> bool:
    return place[0] in _SEEN or (classname == _SHELL and place[0] != 'environment')
