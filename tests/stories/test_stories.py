"""Stories: a script of what happens, and beneath each line what the Scheduler decides.

A line that begins with `>` is the script; what follows it, up to the next one, is the transcript.
`SYNERGY_TEST_WRITE_STORIES=1` writes the transcripts again: read the difference before you keep it.

    > define SiteDaily blocking=children retry=2     fields of a process, before the first `now`
    > depend alert site                              tree alert depends on tree site
    > now 2026112210:05                              time comes to
    > look | trigger SiteDaily                       every process is looked at; a trigger fires
    > work SiteHourly@2026112209 [noop|fail|cancel]  a worker ends its unit
    > work all                                       workers end everything that waits
    > silent SiteHourly@2026112209                   the lease of its worker runs out
    > reprocess | skip | cancel SiteHourly@2026112209 [children]

Or with whole Schedulers, a store and a broker; see `tests.stories.schedulers`:

    > step one                                       the Scheduler `one` does one turn
    > wait 10                                        seconds pass
    > take                                           workers take all messages, and run units
    > tear one                                       `one` dies in the middle of its next commit
    > freeze one 10 two                              `one` stands still for 10 s before its next
                                                     commit; meanwhile `two` does a turn
    > lose                                           the broker loses all messages to workers
    > find                                           and delivers them after all
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.core.closure import PlanRefused
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.events import Expired, Look
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Outcome, ProcessName, RetryPolicy, Unit
from synergy.core.states import Blocking, OnFailure
from synergy.core.trigger import parse_trigger
from tests.builders import instant, key, process, tree
from tests.core.engine_harness import EngineHarness
from tests.stories.schedulers import Schedulers

STORIES = sorted(Path(__file__).parent.glob('*.txt'))
OUTCOMES = {
    '': Outcome.processed(1),
    'noop': Outcome.noop(),
    'fail': Outcome.failed('no data'),
    'cancel': Outcome.cancelled('told to'),
}
READ: dict[str, Any] = {
    'blocking': lambda text: Blocking(f'blocking_{text}'),
    'machine': str,
    'grouping': int,
    'max_running': int,
    'lag': lambda text: timedelta(minutes=int(text)),
    'retry': lambda text: RetryPolicy(max_attempts=int(text), delay=timedelta(seconds=10)),
    'on_failure': OnFailure,
    'trigger': lambda text: parse_trigger(text.replace('_', ' ')),
    'is_on': lambda text: text == 'yes',
}


class Story:
    """One story as it is told."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.fields: dict[str, dict[str, Any]] = {}
        self.depends: dict[str, list[str]] = {}
        self.harness: EngineHarness | None = None
        self.schedulers: Schedulers | None = None
        self.commands = 0

    def tell(self, line: str) -> Iterator[str]:
        """Do one line of the script; yield what is decided."""
        verb, *words = line.split()
        if verb == 'define':
            self.fields[words[0]] = {
                name: READ[name](value) for name, value in (word.split('=') for word in words[1:])
            }
            return
        if verb == 'depend':
            self.depends.setdefault(words[0], []).append(words[1])
            return
        if verb == 'now':
            now = datetime.strptime(words[0], '%Y%m%d%H:%M').replace(tzinfo=UTC)
            self.harness = self.harness or EngineHarness(self.hierarchy(), now)
            self.harness.now = now
            return
        assert self.harness is not None, 'the first thing to happen is `now`'
        if verb in Schedulers.VERBS:
            self.schedulers = self.schedulers or Schedulers(
                self.home, self.hierarchy(), self.harness.now
            )
            yield from self.schedulers.act(verb, words)
            return
        self.harness.events.clear()
        self.act(self.harness, verb, words)
        for event in self.harness.events:
            yield re.sub(r',? uow [0-9a-f]{24}', '', event)

    def hierarchy(self) -> Hierarchy:
        trees: dict[str, list[str]] = {}
        for name in self.fields:
            stem = re.sub('(Hourly|Daily|Monthly|Yearly)$', '', name).lower()
            trees.setdefault(stem, []).append(name)
        return build(
            [process(name, **fields) for name, fields in self.fields.items()],
            [
                tree(
                    name,
                    levels,
                    start='2026112200',
                    end='2026112306',
                    dependent_on=self.depends.get(name, ()),
                )
                for name, levels in trees.items()
            ],
        )

    def act(self, harness: EngineHarness, verb: str, words: list[str]) -> None:
        match verb, words:
            case 'look', []:
                harness.look()
            case 'trigger', [name]:
                harness.turn(Look(ProcessName(name), is_trigger=True))
            case 'work', ['all']:
                harness.work_all()
            case 'work', [job, *how]:
                harness.work(self.unit(job), OUTCOMES[how[0] if how else ''])
            case 'silent', [job]:
                harness.turn(Expired(harness.claim(self.unit(job))))
            case (('reprocess' | 'skip' | 'cancel'), [job, *more]):
                self.command(harness, CommandKind(verb), job, with_children='children' in more)
            case _:
                raise AssertionError(f'no such line in a story: {verb} {words}')

    def unit(self, job: str) -> Unit:
        assert self.harness is not None
        found = [unit for unit in self.harness.live() if str(unit.key) == job]
        assert found, f'{job} has no unit that waits'
        return found[0]

    def command(
        self, harness: EngineHarness, kind: CommandKind, job: str, *, with_children: bool
    ) -> None:
        self.commands += 1
        where = key(job)
        command = Command(
            id=CommandId(f'c{self.commands}'),
            kind=kind,
            process=where.process,
            start=where.timeperiod,
            end=where.timeperiod.shift(1),
            with_children=with_children,
            actor='anna',
            created_at=instant('2026112200'),
        )
        try:
            harness.command(command)
        except PlanRefused as error:
            harness.events.append(f'refused: {error}')


def told(text: str, home: Path) -> str:
    """Return a story with the transcript that it has now."""
    story = Story(home)
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith('>'):
            lines.append(line)
            lines += [f'  {event}' for event in story.tell(line.removeprefix('>').strip())]
        elif not line.startswith('  '):
            lines.append(line)
    if story.schedulers is not None:
        story.schedulers.check()
    return '\n'.join(lines) + '\n'


@pytest.mark.parametrize('path', STORIES, ids=lambda path: path.stem)
def test_story_goes_as_it_is_told(path: Path, tmp_path: Path) -> None:
    text = path.read_text()

    now = told(text, tmp_path)

    if os.environ.get('SYNERGY_TEST_WRITE_STORIES'):
        path.write_text(now)
    assert now == text


def test_there_are_stories() -> None:
    assert len(STORIES) >= 10
