"""Import a module that the project wrote, and say in one line what is wrong with it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

from synergy.conf import entries
from synergy.core.nearest import nearest
from synergy.doors import BESIDE


class ModuleProblem(Exception):
    """The module cannot be imported; the message says where and why."""


def import_project_module(name: str, project: Path, setting: str) -> ModuleType | None:
    """Return the module `name` of the project; None when no such module exists.

    project: folder that is searched first. setting: what names the module, for messages.
    Raises ModuleProblem, with file and line, when the module exists and fails.

    A module that lies beside this package, in a checkout or among installed packages, is none of
    a project that lies elsewhere: it would be another project's.
    """
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    if _is_beside(name, project):
        return None
    try:
        with printing_aside():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return None
        raise ModuleProblem(_described(name, setting, error)) from error
    except (Exception, SystemExit) as error:  # Whatever the user's file does at import.
        raise ModuleProblem(_described(name, setting, error)) from error


@contextmanager
def printing_aside() -> Iterator[None]:
    """Lead what modules print while they are loaded to stderr: stdout is for our answer.

    The descriptor, too: what they load may start programs, or print from C.
    """
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:
        kept = None  # Closed: nothing can be spoiled.
    try:
        if kept is not None:
            os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def _is_beside(name: str, project: Path) -> bool:
    if '.' in name or project.resolve() == BESIDE:
        return False
    loaded = sys.modules.get(name)
    if loaded is None:
        spec = importlib.util.find_spec(name)
        origin = None if spec is None else spec.origin
    else:
        origin = getattr(loaded, '__file__', None)
    return origin is not None and Path(origin).resolve() == BESIDE / f'{name}.py'


def _meant(error: BaseException) -> str:
    """Return what was meant by a name that is missing: one to import, or the nearest there is."""
    if isinstance(error, NameError) and error.name:
        if error.name in entries.__all__:
            return f'; import it: from {entries.__name__} import {error.name}'
        return nearest(error.name, entries.__all__)
    missing = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
    if missing is None or (module := sys.modules.get(missing[2])) is None:
        return ''
    return nearest(missing[1], [name for name in dir(module) if not name.startswith('_')])


def _described(name: str, setting: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        place = f'{Path(error.filename).name} line {error.lineno}'
    else:
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if 'importlib' not in frame.filename and frame.filename != __file__
        ]
        place = f'{Path(frames[-1].filename).name} line {frames[-1].lineno}' if frames else name
    # A syntax error brings its place along, which is told below.
    told = error.msg if isinstance(error, SyntaxError) else f'{error}{_meant(error)}'
    return (
        f'module {name!r} ({setting}) cannot be imported: {type(error).__name__}: {told} '
        f'({place}); fix that file'
    )
