"""Stories: a script of what happens, and beneath each line what the Scheduler decides.

A line that begins with `>` is the script; what follows it, up to the next one, is the transcript.
`SYNERGY_TEST_WRITE_STORIES=1` writes the transcripts again: read the difference before you keep it.

    > define SiteDaily blocking=children retry=2     fields of a process, before the first `now`
    > depend alert site                              tree alert depends on tree site
    > tree site zone=Europe/Berlin start=2026102400  of the tree of Site...; as times of UTC
    > needs SiteDaily SiteHourly at_least=22 give_up_after=120  minutes
    > days SiteDaily 20261123 1101                   its calendar: from that day on who works
    > inputs SiteDaily@2026112200                    what it waits for
    > now 2026112210:05                              time comes to
    > look | trigger SiteDaily                       every process is looked at; a trigger fires
    > work SiteHourly@2026112209 [noop|fail|cancel]  a worker ends its unit
    > work SiteHourly@2026112209 to 2026112212       workers end some
    > work all                                       workers end everything that waits
    > plan                                           the Scheduler does what it asked itself
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
from synergy.core.input import Input, InputKind
from synergy.core.readiness import readiness
from synergy.core.records import Outcome, ProcessName, RetryPolicy, Unit
from synergy.core.states import Blocking, OnFailure
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, parse
from synergy.core.trigger import parse_trigger
from synergy.core.working import WorkingDays
from synergy.core.zones import UTC_ZONE, calendar_named
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


TREE_READ: dict[str, Any] = {'zone': str, 'start': instant, 'end': instant}
INPUT_READ: dict[str, Any] = {
    'offset': int,
    'last': int,
    'at_least': int,
    'give_up_after': lambda text: timedelta(minutes=int(text)),
    'is_order_only': lambda text: text == 'yes',
}


class Story:
    """One story as it is told."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.fields: dict[str, dict[str, Any]] = {}
        self.depends: dict[str, list[str]] = {}
        self.trees: dict[str, dict[str, Any]] = {}
        self.harness: EngineHarness | None = None
        self.schedulers: Schedulers | None = None
        self.commands = 0

    def tell(self, line: str) -> Iterator[str]:
        """Do one line of the script; yield what is decided."""
        verb, *words = line.split()
        if verb == 'define':
            self.fields[words[0]] = read(READ, words[1:])
            return
        if verb in ('depend', 'tree', 'needs', 'days'):
            self.declare(verb, words)
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
        if verb == 'inputs':
            yield from self.inputs(self.harness, key(words[0]))
            return
        self.harness.events.clear()
        self.act(self.harness, verb, words)
        for event in self.harness.events:
            yield re.sub(r',? uow [0-9a-f]{24}', '', event)

    def declare(self, verb: str, words: list[str]) -> None:
        """Take in what is said of trees, inputs and calendars."""
        match verb, words:
            case 'depend', [name, other]:
                self.depends.setdefault(name, []).append(other)
            case 'tree', [name, *fields]:
                self.trees[name] = read(TREE_READ, fields)
            case 'needs', [name, other, *fields]:
                source = Input(
                    kind=InputKind.DEPENDENCY,
                    process=ProcessName(other),
                    **read(INPUT_READ, fields),
                )
                self.fields[name]['inputs'] = (*self.fields[name].get('inputs', ()), source)
            case 'days', [name, first, works]:
                self.fields[name]['working'] = WorkingDays(
                    name='ours',
                    first=parse(Qualifier.DAILY, f'{first}00').ordinal,
                    days=bytes(map(int, works)),
                )
            case _:
                raise AssertionError(f'no such line in a story: {verb} {words}')

    def inputs(self, harness: EngineHarness, job: JobKey) -> Iterator[str]:
        """Yield what a job waits for, and what it still lacks."""
        harness.timetable.extend(harness.now)
        of = harness.timetable.hierarchy
        node = of.nodes[job.process]
        for source in node.inputs:
            other = of.nodes[source.process]
            found = of.input_range(node, source, job.timeperiod.ordinal)
            names = [str(of.timeperiod(other, at)) for at in (*found[:1], *found[1:][-1:])]
            yield f'{len(found)} of {source.process}: {" to ".join(names) or "none"}'
        for culprit in readiness(harness.timetable, job, harness.now).culprits:
            window = culprit.window
            part = f', {window.done} of at least {window.at_least} are there' if window else ''
            yield f'lacks {culprit.key}{part}'

    def hierarchy(self) -> Hierarchy:
        trees: dict[str, list[str]] = {}
        for name in self.fields:
            stem = re.sub('(Hourly|Daily|Weekly|Monthly|Yearly)$', '', name).lower()
            trees.setdefault(stem, []).append(name)
        fields = {name: self.trees.get(name, {}) for name in trees}
        zones = {item.get('zone', UTC_ZONE) for item in fields.values()}
        return build(
            [process(name, **fields) for name, fields in self.fields.items()],
            [
                replace(
                    tree(
                        name,
                        levels,
                        start='2026112200',
                        end='2026112306',
                        dependent_on=self.depends.get(name, ()),
                    ),
                    **fields[name],
                )
                for name, levels in trees.items()
            ],
            {zone: calendar_named(zone) for zone in zones},
        )

    def act(self, harness: EngineHarness, verb: str, words: list[str]) -> None:
        match verb, words:
            case 'look', []:
                harness.look()
            case 'trigger', [name]:
                harness.turn(Look(ProcessName(name), is_trigger=True))
            case 'work', _:
                self.work(harness, words)
            case 'plan', []:
                for command in [*harness.asked]:
                    harness.asked.remove(command)
                    harness.command(command)
            case 'silent', [job]:
                harness.turn(Expired(harness.claim(self.unit(job))))
            case (('reprocess' | 'skip' | 'cancel'), [job, *more]):
                self.command(harness, CommandKind(verb), job, with_children='children' in more)
            case _:
                raise AssertionError(f'no such line in a story: {verb} {words}')

    def work(self, harness: EngineHarness, words: list[str]) -> None:
        match words:
            case ['all']:
                harness.work_all()
            case [first, 'to', last]:
                name = key(first).process
                for unit in harness.live():
                    if key(first) <= unit.key <= key(f'{name}@{last}'):
                        harness.work(unit)
            case [job, *how]:
                harness.work(self.unit(job), OUTCOMES[how[0] if how else ''])

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


def read(readers: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """Return what is given as `name=value`."""
    return {name: readers[name](value) for name, value in (word.split('=') for word in words)}


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
