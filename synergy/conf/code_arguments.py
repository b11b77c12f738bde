"""Whether the arguments of a worker are code: who may write them may run commands as its user.

A class says so by `arguments_are_code = True`, as ShellWorker does, and whatever derives from it.
Its source is read, never run: the dashboard imports no worker. What cannot be told counts as code.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from synergy.conf.locate import source_of

_ATTRIBUTE: Final = 'arguments_are_code'
#: Bases and names of other modules that are followed for one class.
_STEPS_MAX: Final = 100


@lru_cache(maxsize=256)
def are_arguments_code(classname: str, project: Path) -> bool:
    """Tell whether what `classname` means takes code for arguments, or nobody can tell."""
    parts = classname.split('.')
    for count in range(len(parts) - 1, 0, -1):
        if source_of(parts[:count], project) is not None:
            return _Reader(project).is_code('.'.join(parts[:count]), parts[count])
    return True


class _Reader:
    """Follows one class to its bases."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._seen: set[tuple[str, str]] = set()

    def is_code(self, module: str, name: str) -> bool:
        if (module, name) in self._seen or len(self._seen) > _STEPS_MAX:
            return True
        self._seen.add((module, name))
        body = self._body(module)
        found = [item for item in _statements(body) if name in _bound(item)]
        return not found or any(self._binds_code(module, item, name) for item in found)

    def _body(self, module: str) -> list[ast.stmt]:
        source = source_of(module.split('.'), self._project)
        try:
            return [] if source is None else ast.parse(source.read_bytes()).body
        except (OSError, SyntaxError, ValueError):
            return []

    def _binds_code(self, module: str, item: ast.stmt, name: str) -> bool:
        match item:
            case ast.ClassDef():
                return self._is_class_code(module, item)
            case ast.ImportFrom():
                origin = next(a.name for a in item.names if (a.asname or a.name) == name)
                source = self._origin(module, item)
                # A package may offer one of its modules, which is not a class.
                return self.is_code(source, origin)
            case ast.Assign(value=value):
                return self._is_expression_code(module, value)
            case _:
                return True

    def _is_class_code(self, module: str, item: ast.ClassDef) -> bool:
        for statement in item.body:
            match statement:
                case ast.Assign(value=value) if _ATTRIBUTE in _bound(statement):
                    return not (isinstance(value, ast.Constant) and value.value is False)
                case ast.AnnAssign(value=ast.Constant(value=said)) if _ATTRIBUTE in _bound(
                    statement
                ):
                    return said is not False
        return any(self._is_expression_code(module, base) for base in item.bases)

    def _is_expression_code(self, module: str, value: ast.expr) -> bool:
        match value:
            case ast.Subscript(value=inner):
                return self._is_expression_code(module, inner)
            case ast.Name(id=name):
                is_own = any(name in _bound(item) for item in _statements(self._body(module)))
                return (
                    self.is_code(module, name) if is_own or not hasattr(builtins, name) else False
                )
            case ast.Attribute(value=ast.expr() as owner, attr=name):
                found = self._module(module, owner)
                return found is None or self.is_code(found, name)
            case _:
                return True

    def _module(self, module: str, value: ast.expr) -> str | None:
        """Return the module that an expression such as `package.module` means; None: unknown."""
        dotted = ast.unparse(value)
        for item in _statements(self._body(module)):
            match item:
                case ast.Import(names=names):
                    for alias in names:
                        if alias.asname == dotted or (
                            alias.asname is None and alias.name == dotted
                        ):
                            return alias.name
                case ast.ImportFrom(names=names):
                    for alias in names:
                        if (alias.asname or alias.name) == dotted:
                            return f'{self._origin(module, item)}.{alias.name}'
        return None

    def _origin(self, module: str, item: ast.ImportFrom) -> str:
        if not item.level:
            return item.module or ''
        source = source_of(module.split('.'), self._project)
        is_package = source is not None and source.name == '__init__.py'
        parts = module.split('.')
        parts = parts[: len(parts) - item.level + is_package]
        return '.'.join([*parts, *([item.module] if item.module else [])])


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module's top level, those under conditions, too."""
    for statement in body:
        yield statement
        for part in ('body', 'orelse', 'finalbody', 'handlers'):
            if isinstance(statement, ast.If | ast.Try | ast.With | ast.ExceptHandler):
                yield from _statements(getattr(statement, part, ()))


def _bound(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {(alias.asname or alias.name) for alias in aliases}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()
