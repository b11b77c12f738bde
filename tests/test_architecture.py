"""The floors of docs/architecture.md, read from the imports: downwards only, never sideways."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT

#: What each part may import from this project, besides itself.
ALLOWED = {
    'synergy.core': set(),
    'synergy.ports': {'synergy.core'},
    'synergy.doors': set(),
    'synergy.private': set(),
    'synergy.inherited': set(),
    'synergy.conf': {'synergy.core', 'synergy.doors', 'synergy.private'},
    'synergy.adapters': {'synergy.core', 'synergy.ports', 'synergy.private'},
    # Draws at random, by fixed seeds; else as pure as the core.
    'synergy.forecast': {'synergy.core'},
    'synergy.view': {'synergy.core', 'synergy.ports', 'synergy.conf', 'synergy.forecast'},
    'synergy.operations': {
        'synergy.core',
        'synergy.ports',
        'synergy.conf',
        'synergy.view',
        'synergy.forecast',
    },
    'synergy.scheduler': {'synergy.core', 'synergy.ports', 'synergy.conf'},
    'synergy.workers': {'synergy.core', 'synergy.ports', 'synergy.conf', 'synergy.output'},
    'synergy.supervisor': {
        'synergy.core',
        'synergy.ports',
        'synergy.conf',
        'synergy.doors',
        'synergy.private',
    },
    'synergy.mx': {
        'synergy.core',
        'synergy.ports',
        'synergy.conf',
        'synergy.view',
        'synergy.operations',
        'synergy.doors',
    },
    'synergy.watch': {
        'synergy.core',
        'synergy.ports',
        'synergy.conf',
        'synergy.view',
        'synergy.forecast',
    },
    'synergy.bootstrap': {
        'synergy.core',
        'synergy.ports',
        'synergy.conf',
        'synergy.adapters',
        'synergy.doors',
        'synergy.private',
    },
    'synergy.output': set(),
    'synergy.logs': {'synergy.core', 'synergy.doors', 'synergy.output', 'synergy.private'},
    'synergy.install': {'synergy.core', 'synergy.private'},
    'synergy.simulation': {
        'synergy.core',
        'synergy.ports',
        'synergy.conf',
        'synergy.adapters',
        'synergy.scheduler',
        'synergy.workers',
        'synergy.supervisor',
    },
    'synergy.testing': {
        'synergy.core',
        'synergy.conf',
        'synergy.scheduler',
        'synergy.workers',
        'synergy.simulation',
        'synergy.bootstrap',
    },
    'synergy.scaffold': set(),
    'synergy.cli': {
        'synergy.simulation',
        'synergy.core',
        'synergy.ports',
        'synergy.conf',
        'synergy.view',
        'synergy.operations',
        'synergy.scheduler',
        'synergy.workers',
        'synergy.supervisor',
        'synergy.mx',
        'synergy.bootstrap',
        'synergy.logs',
        'synergy.output',
        'synergy.private',
        'synergy.inherited',
        'synergy.doors',
        'synergy.install',
        'bench',
        'db',
    },
    'constants': set(),
    'settings': set(),
    'context': {'constants', 'synergy.conf'},
    'db': {'synergy.bootstrap', 'synergy.sources'},
    'synergy.sources': {'synergy.adapters', 'synergy.ports'},
    'synergy.timeperiods': {'synergy.core'},
    # workers.live_context is a second context.
    'workers': {'db', 'constants', 'synergy.conf', 'synergy.workers', 'synergy.timeperiods'},
}
#: The rooms of the dashboard, the lowest first; routes, app and main lie above them.
MX_ROOMS = ('live', 'web', 'widgets', 'pages', 'api')
#: More than 20 methods; the docstring of each says why.
LARGE_CLASSES = {'Engine', 'Freeruns', 'Timetable'}
#: The core is pure: nothing in it reads a clock, a file, a socket or an environment, or logs.
IMPURE = {
    'logging', 'os', 'pathlib', 'random', 'socket', 'sqlite3', 'subprocess', 'sys', 'threading',
    'time',
}  # fmt: skip
#: Drivers, and the only part that may know them.
DRIVERS = {'sqlite3', 'pymongo', 'pika', 'psutil', 'opentelemetry', 'openlineage'}


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def nodes(file: Path) -> list[ast.AST]:
    """Return what is looked at of a file; walking over all of it takes as long as parsing."""
    looked_at = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Call)
    return [node for node in ast.walk(parsed(file)) if isinstance(node, looked_at)]


def part_of(module: str) -> str | None:
    """Return the part of the project in which a module lies; None for other people's modules."""
    names = module.split('.')
    if module == 'synergy.__version__':
        return None  # A value, no part.
    if names[0] == 'synergy' and len(names) > 1:
        return '.'.join(names[:2])
    return names[0] if names[0] in ALLOWED or names[0] == 'bench' else None


def imports(file: Path) -> Iterator[str]:
    for node in nodes(file):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                if module == 'synergy':
                    yield from (f'synergy.{alias.name}' for alias in names)
                else:
                    yield module


def modules_imported(file: Path) -> set[str]:
    """Return the modules that a file imports, for types only and within functions, too."""
    found = set()
    for node in nodes(file):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                for alias in names:
                    inner = f'{module}.{alias.name}'
                    found.add(inner if file_of(inner).exists() else module)
    return found


def files() -> list[Path]:
    folders = ('synergy', 'db', 'workers')
    found = [file for folder in folders for file in (PROJECT / folder).rglob('*.py')]
    return sorted([*found, *(PROJECT / f'{name}.py' for name in ('context', 'constants'))])


def module_of(file: Path) -> str:
    return '.'.join(file.relative_to(PROJECT).with_suffix('').parts)


def file_of(module: str) -> Path:
    path = PROJECT / module.replace('.', '/')
    return path / '__init__.py' if path.is_dir() else path.with_suffix('.py')


@pytest.mark.parametrize('file', files(), ids=lambda file: str(file.relative_to(PROJECT)))
def test_imports_lead_downwards_only(file: Path) -> None:
    own = part_of(module_of(file))
    if own == 'synergy.__init__':
        return
    assert own in ALLOWED, f'{file} lies in no known part'

    used = {part for module in imports(file) if (part := part_of(module)) is not None}

    assert used - {own} <= ALLOWED[own]


def relative_imports(file: Path) -> Iterator[str]:
    """Yield where a file imports relatively: `synergy/core/retry.py:12`."""
    for node in nodes(file):
        if isinstance(node, ast.ImportFrom) and node.level:
            where = file.relative_to(PROJECT) if file.is_relative_to(PROJECT) else file
            yield f'{where}:{node.lineno}'


def test_no_import_is_relative() -> None:
    assert [place for file in files() for place in relative_imports(file)] == []


def test_a_relative_import_is_found_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / 'near.py'
    file.write_text('import os\n\nfrom . import far\n\n\ndef f():\n    from ..a import b\n')

    assert list(relative_imports(file)) == [f'{file}:3', f'{file}:7']
    assert list(imports(file)) == ['os']


def test_rooms_of_the_dashboard_use_the_ones_below_them_only() -> None:
    for file in (PROJECT / 'synergy' / 'mx').glob('*/*.py'):
        own = MX_ROOMS.index(file.parent.name)
        for module in imports(file):
            if module.startswith('synergy.mx'):
                room = module.split('.')[2]
                assert room in MX_ROOMS[: own + 1], f'{file} imports {module}'


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module_of(file).removesuffix('.__init__'): modules_imported(file) for file in files()}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(' -> '.join(error.args[1]))


def test_the_core_is_pure() -> None:
    for file in (PROJECT / 'synergy' / 'core').rglob('*.py'):
        roots = {module.split('.')[0] for module in imports(file)}

        assert not roots & IMPURE, f'{file} imports {roots & IMPURE}'


def test_drivers_stay_in_adapters() -> None:
    for file in (PROJECT / 'synergy').rglob('*.py'):
        roots = {module.split('.')[0] for module in imports(file)}
        if 'adapters' not in file.parts:
            assert not roots & DRIVERS, f'{file} imports {roots & DRIVERS}'


def test_adapters_do_not_know_each_other_except_their_own_family() -> None:
    adapters = PROJECT / 'synergy' / 'adapters'
    for file in adapters.glob('*/**/*.py'):
        family = file.relative_to(adapters).parts[0]
        known = {family} | ({'sqlite'} if family == 'embedded' else set())
        for module in imports(file):
            if module.startswith('synergy.adapters.'):
                assert module.split('.')[2] in known, file


def test_files_fit_in_the_head() -> None:
    for file in files():
        assert len(file.read_text().splitlines()) <= 400, f'{file} wants to be two files'


def test_classes_fit_in_the_head() -> None:
    for file in files():
        for node in nodes(file):
            if isinstance(node, ast.ClassDef) and node.name not in LARGE_CLASSES:
                count = sum(
                    isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in node.body
                )
                assert count <= 20, f'{node.name} of {file} wants to be two classes'


def _is_called(called: ast.expr, name: str) -> bool:
    return isinstance(called, ast.Name) and called.id == name


def test_values_are_structs() -> None:
    # One way to make a record. Classes that hold state are dataclasses that may change.
    for file in (PROJECT / 'synergy').rglob('*.py'):
        for node in nodes(file):
            if isinstance(node, ast.Call) and _is_called(node.func, 'dataclass'):
                assert 'frozen=True' not in ast.unparse(node), f'{file}:{node.lineno}: use Struct'


def test_nothing_ships_without_a_docstring_that_says_what_it_is_for() -> None:
    for file in files():
        assert ast.get_docstring(parsed(file)), file
