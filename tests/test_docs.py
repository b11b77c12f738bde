"""Pages that are drawn from the code are current; `python -m tests.test_docs` writes them again."""

from __future__ import annotations

import inspect
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT
from synergy.cli.parsing import parser_of
from synergy.cli.registry import RECORD_BY_NAME, RECORDS, names
from synergy.conf import entries
from synergy.conf.settings_reference import reference
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.machines.table import compile_machine
from synergy.core.timeperiod import Qualifier
from synergy.core.written_timeperiod import at_level, begin_at
from synergy.view import command_doc, metrics_reference
from synergy.view.machine_doc import document
from tests.pipelines.governed import ONCE

DOCS = PROJECT / 'docs'
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LEVEL_BY_NAME = {
    'Hourly': Qualifier.HOURLY,
    'Daily': Qualifier.DAILY,
    'Monthly': Qualifier.MONTHLY,
    'Yearly': Qualifier.YEARLY,
}
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
    commands = [(record, record.load()) for record in RECORDS if record.is_here]
    return command_doc.document(
        [
            command_doc.Described(
                name=record.name,
                summary=command.summary,
                example=command.example,
                parser=parser_of(record, command),
            )
            for record, command in commands
        ]
    )


def machines_page() -> str:
    machines = [*MACHINE_BY_NAME.values(), compile_machine('once', ONCE)]
    return document((machine, TEXT_BY_MACHINE[machine.name]) for machine in machines)


PAGES = {
    'metrics.md': metrics_reference.reference,
    'settings.md': reference,
    'machines.md': machines_page,
    'cli.md': cli_page,
}


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


PAGE_FILES = [PROJECT / 'README.md', *sorted(DOCS.rglob('*.md'))]


@pytest.mark.parametrize('page', PAGE_FILES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r'\]\(([^)\s]+)\)', without_code(page)):
        if '://' in target:
            continue
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if page.is_relative_to(DOCS):
            assert file.is_relative_to(DOCS), f'{target} leads out of the pages'
        if anchor:
            assert anchor in anchors(file), f'{target}: {file.name} has no such heading'


def test_every_page_is_in_the_navigation() -> None:
    navigation = (DOCS / 'site' / 'mkdocs.yml').read_text().partition('\nnav:')[2]

    named = re.findall(r'- (\S+\.md)$', navigation, re.MULTILINE)

    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob('*.md'))


@pytest.mark.parametrize('page', PAGE_FILES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_commands_that_pages_show_are_understood(page: Path) -> None:
    shown = re.findall(r'^(?:\./launch\.py|synergy) ([a-z][^#\n]*)', page.read_text(), re.MULTILINE)

    for line in shown:
        words = shlex.split(line.partition('   ')[0].partition(' && ')[0].partition(' > ')[0])
        assert words[0] in names(), line
        if words[0] != 'test':
            parser_of(RECORD_BY_NAME[words[0]]).parse_args(words[1:])


_JOB_COMMAND = re.compile(
    r'^(?:\./launch\.py|synergy) (?:reprocess|skip|cancel|mark-done|job|why|inputs|log) '
    r'\w+?(?P<level>Hourly|Daily|Monthly|Yearly) (?P<words>[^#\n]*)',
    re.MULTILINE,
)


@pytest.mark.parametrize('page', PAGE_FILES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_timeperiods_that_pages_show_are_those_of_the_process(page: Path) -> None:
    for found in _JOB_COMMAND.finditer(page.read_text()):
        words = ' '.join(shlex.split(found['words'])).partition(' --to ')
        read = begin_at if words[1] else at_level

        read(LEVEL_BY_NAME[found['level']], words[0].partition(' --')[0].strip(), NOW)


def without_code(page: Path) -> str:
    return re.sub(r'^```.*?^```', '', page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r'^#+ (.*)$', without_code(page), re.MULTILINE)
    plain = (re.sub(r'[^\w\s-]', '', heading.lower()).strip() for heading in headings)
    return {re.sub(r'\s', '-', heading) for heading in plain}


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
