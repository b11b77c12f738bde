"""The journal read from its beginning: is it unbroken, and does it lead to the rows that are there?

This is invariant I10: each transition of each job is one line, once and in order, and numbers leave
none out. Whoever reads lines in order may ask after each where every job stands. Cost: a look-up
for each line; memory: one entry for each job that has lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from synergy.core.freerun_record import Freerun
from synergy.core.invariants import EndedJob
from synergy.core.journal import Happened, JournalPage, Line, LineKind
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.violations import Violation

_KIND: Final = 'I10'


class Known(NamedTuple):
    """What the newest line says of a job. state: None where a repair could not tell."""

    rev: int
    state: JobState | None


class Replay:
    """What the lines so far say.

    After the first one, `next` is the number that has to come. begun_at: when that was written;
    what changed before it need have no line.
    """

    def __init__(self) -> None:
        """Have read nothing."""
        self.next: int | None = None
        self.begun_at: datetime | None = None
        self._jobs: dict[ProcessName, dict[Timeperiod, Known]] = {}
        self._freeruns: dict[ProcessName, int] = {}

    def skip(self, page: JournalPage) -> Violation:
        """Begin again behind a page that cannot be read; return that as a violation."""
        self.next, self.begun_at = page.next, page.until
        self._jobs.clear()
        self._freeruns.clear()
        return _violation(_freerun_key(page.names[0]), f'page {page} of the journal is unreadable')

    def known(self, key: JobKey) -> Known | None:
        """Return what the newest line says of a job."""
        return self._jobs.get(key.process, {}).get(key.timeperiod)

    def freerun_rev(self, name: ProcessName) -> int | None:
        """Return what the newest line says of a free run."""
        return self._freeruns.get(name)

    def take(self, line: Line) -> Iterator[Violation]:
        """Take over a line; yield what is wrong with it. To be read to the end."""
        if self.next is not None and line.number != self.next:
            yield violation_of(line, f'line {line.number} of the journal stands for {self.next}')
        if self.begun_at is None:
            self.begun_at = line.at
        self.next = line.number + 1
        match line.kind:
            case LineKind.JOB:
                yield from self._take_job(line)
            case LineKind.FREERUN:
                yield from self._take_freerun(line)
            case LineKind.PROCESS:
                # Its rows are put away: what comes next are first revisions.
                self._jobs.pop(line.process, None)

    def _take_job(self, line: Line) -> Iterator[Violation]:
        key = line.key
        assert key is not None, 'a line of a job has a timeperiod'
        of_process = self._jobs.setdefault(key.process, {})
        known = of_process.get(key.timeperiod)
        if known is not None:
            if line.rev != known.rev + 1:
                yield violation_of(line, f'rev {line.rev} follows rev {known.rev} in the journal')
            elif None not in (line.from_state, known.state) and line.from_state != known.state:
                told = f'is said to have been {_said(line.from_state)}, and was'
                yield violation_of(line, f'in line {line.number} {told} {_said(known.state)}')
        of_process[key.timeperiod] = Known(line.rev, line.to_state)

    def _take_freerun(self, line: Line) -> Iterator[Violation]:
        rev = self._freeruns.get(line.process)
        if line.what is Happened.REMOVED:
            self._freeruns.pop(line.process, None)
            return
        # An entry that is made again begins at 1, wherever its end was saved.
        if rev is not None and line.rev not in (rev + 1, 1):
            yield violation_of(line, f'rev {line.rev} follows rev {rev} in the journal')
        self._freeruns[line.process] = line.rev

    def compared(
        self, jobs: Iterable[Job | EndedJob], found: list[Violation]
    ) -> Iterator[Job | EndedJob]:
        """Pass on rows; add to `found` which of them are not as the journal says."""
        for job in jobs:
            found.extend(self.against((job,)))
            yield job

    def against(
        self, jobs: Iterable[Job | EndedJob], freeruns: Iterable[Freerun] = ()
    ) -> Iterator[Violation]:
        """Yield which rows are not as the journal says. Rows older than it need no line."""
        for job in jobs:
            key = JobKey(job.process, job.timeperiod)
            known, rev = self.known(key), job.rev if isinstance(job, Job) else None
            if known is None:
                if isinstance(job, Job) and self._is_since(job.changed_at):
                    yield _violation(key, f'rev {job.rev} is not in the journal')
            elif rev is not None and rev != known.rev:
                yield _violation(key, f'is at rev {rev}, in the journal at {known.rev}')
            elif known.state is not None and known.state is not job.state:
                yield _violation(key, f'is {_said(job.state)}, in the journal {_said(known.state)}')
        for freerun in freeruns:
            last = self._freeruns.get(freerun.name)
            is_missing = last is None and self._is_since(freerun.changed_at)
            if is_missing or (last is not None and last != freerun.rev):
                told = 'nowhere' if last is None else f'at {last}'
                key = _freerun_key(freerun.name)
                yield _violation(key, f'is at rev {freerun.rev}, in the journal {told}')

    def _is_since(self, at: datetime) -> bool:
        return self.begun_at is not None and at > self.begun_at


def violation_of(line: Line, text: str) -> Violation:
    """Return what is wrong with a line."""
    return _violation(line.key or _freerun_key(line.process), text)


def _violation(key: JobKey, text: str) -> Violation:
    return Violation(invariant=_KIND, key=key, text=text)


def _freerun_key(name: ProcessName) -> JobKey:
    return JobKey(name, Timeperiod(Qualifier.REAL_TIME, 0))


def _said(state: JobState | None) -> str:
    return 'unknown' if state is None else state.word
