"""Pages that are drawn from the code are current; `python -m tests.test_docs` writes them anew."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT
from synergy.cli.main import NAMES, command_called, parser_of
from synergy.conf import entries
from synergy.conf.settings import reference
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.machines.table import compile_machine
from synergy.view import command_doc
from synergy.view.machine_doc import document
from tests.pipelines.governed import ONCE

DOCS = PROJECT / 'docs'
TEXT_BY_MACHINE = {
    'discrete': 'One unit per job, after the interval is over.',
    'continuous': 'Runs at each trigger while the interval is live, then once more (`final_run`) '
    'when it is over and its children and dependencies are final.',
    'recomputing': 'As continuous, for streaming data: before each run the worker asks the '
    "process's `data_source` which rows have arrived, and covers those "
    '(`uow.start_id` to `uow.end_id`).',
    'once': 'The worked example of a machine of your own, from [context.md](context.md): as '
    'discrete, but a failed attempt is never tried again.',
}


def cli_page() -> str:
    commands = [command_called(name) for name in NAMES]
    return command_doc.document(
        [
            command_doc.Described(
                name=name,
                summary=command.summary,
                example=command.example,
                parser=parser_of(command),
            )
            for name, command in zip(NAMES, commands, strict=True)
        ]
    )


def machines_page() -> str:
    machines = [*MACHINE_BY_NAME.values(), compile_machine('once', ONCE)]
    return document((machine, TEXT_BY_MACHINE[machine.name]) for machine in machines)


PAGES = {'settings.md': reference, 'machines.md': machines_page, 'cli.md': cli_page}


@pytest.mark.parametrize('name', PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), 'run python -m tests.test_docs'


@pytest.mark.parametrize(
    'constructor', [name for name in entries.__all__ if name.endswith('_entry')]
)
def test_every_parameter_of_an_entry_is_described(constructor: str) -> None:
    text = (DOCS / 'context.md').read_text()
    section = text.partition(f'\n## {constructor}\n')[2].partition('\n## ')[0]

    parameters = inspect.signature(getattr(entries, constructor)).parameters
    missing = [name for name in parameters if f'`{name}`' not in section]

    assert missing == []


@pytest.mark.parametrize(
    'page', ['README.md', *sorted(f'docs/{file.name}' for file in DOCS.glob('*.md'))]
)
def test_links_lead_somewhere(page: str) -> None:
    file = PROJECT / page

    for target in re.findall(r'\]\(([^)#]+)', file.read_text()):
        if '://' not in target:
            assert (file.parent / target).exists(), target


def test_tests_that_the_docs_name_exist() -> None:
    defined = {
        name
        for file in (PROJECT / 'tests').rglob('*.py')
        for name in re.findall(r'def (test_\w+)', file.read_text())
    }

    named = re.findall(r'`(test_\w+)`', (DOCS / 'moving-from-synergy-2.md').read_text())

    assert sorted(set(named) - defined) == []


if __name__ == '__main__':
    for page_name, page_of in PAGES.items():
        Path(DOCS / page_name).write_text(page_of())
