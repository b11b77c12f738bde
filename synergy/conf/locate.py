"""Find the class or function that a `classname` means, by reading its source, not by running it."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from synergy.core.nearest import nearest

_FORM: Final = "use 'package.module.Class' or 'package.module.function'"


def find_problem(classname: str, project: Path | None) -> str | None:
    """Return what is wrong with `classname`; None when its module has such a definition.

    project: folder that is searched before `sys.path`; None: its form alone is looked at.
    """
    parts = classname.split('.')
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        return f'is not a dotted path; {_FORM}'
    if project is None:
        return None
    for count in range(len(parts) - 1, 0, -1):
        source = source_of(parts[:count], project)
        if source is not None:
            return _missing(parts[count:], source)
    return f'module {".".join(parts[:-1])!r} was not found; {_FORM}'


def resolve(classname: str) -> Any:
    """Import and return the class or function that `classname` means.

    The method of the form 'package.module.Class.method', usual in Synergy 2.x, is ignored: what a
    worker does is its `process_uow`.
    """
    parts = classname.split('.')
    for count in range(len(parts) - 1, 0, -1):
        module_name = '.'.join(parts[:count])
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and module_name.startswith(error.name):
                continue
            raise
        return getattr(module, parts[count])
    raise ModuleNotFoundError(f'no module of {classname!r} was found; {_FORM}')


def source_of(parts: list[str], project: Path) -> Path | None:
    """Return the file that a module is read from; None when there is none."""
    relative = Path(*parts)
    for folder in [project, *map(Path, sys.path)]:
        for candidate in (folder / relative.with_suffix('.py'), folder / relative / '__init__.py'):
            if candidate.is_file():
                return candidate
    return None


def _missing(names: list[str], source: Path) -> str | None:
    try:
        found = source.stat()
        defined = _names_of(source, (found.st_mtime_ns, found.st_size))
    except SyntaxError as error:
        return f'{source.name} line {error.lineno} cannot be read: {error.msg}; fix that file'
    except (OSError, ValueError) as error:
        return f'{source.name} cannot be read: {error}; fix that file'
    if names[0] in defined:
        return None
    return f'{source.name} defines no {names[0]!r}{nearest(names[0], defined)}; {_FORM}'


@lru_cache(maxsize=1_000)
def _names_of(source: Path, version: tuple[int, int]) -> frozenset[str]:
    """Return the names that a module binds, read once: many entries name the same module.

    version: time of change (ns) and size of the file, so that one that is edited is read again.
    """
    del version
    return frozenset(_defined(ast.parse(source.read_text(encoding='utf-8')).body))


def _defined(body: Iterable[ast.stmt]) -> Iterable[str]:
    """Yield the names that a module binds at its top level."""
    for statement in body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    yield (alias.asname or alias.name).split('.')[0]
            case ast.Assign(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield target.id
            case ast.If(body=inner, orelse=other) | ast.Try(body=inner, orelse=other):
                yield from _defined([*inner, *other])
