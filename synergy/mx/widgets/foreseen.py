"""What a forecast says, as pages say it: ends with their bands, chances, what decides and helps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final
from urllib.parse import urlencode

from synergy.core.node import Node
from synergy.core.pool_record import Pool
from synergy.core.structs import Struct
from synergy.core.timeperiod import Measure, Timeperiod, parse, start_utc
from synergy.mx.widgets.gantt import Expected
from synergy.view.clock import abbreviation
from synergy.view.forecast import (
    AT_RISK,
    HelpDocument,
    JobForecastDocument,
    LikelyDocument,
    LinkDocument,
    TreeForecastDocument,
    chance_said,
)
from synergy.view.forecast_stuck import RootDocument

_WAITS: Final = {
    'interval': 'begins as soon as its interval is over',
    'input': 'begins once {of} has ended',
    'process': 'waits until one of {of} has ended: no more may run at once',
    'workers': 'waits for a worker of {of}',
    'pool': 'waits for pool {of}',
    'retry': 'is tried again after a failure',
    'running': 'runs now',
    'closed': 'waits until {of} is no longer closed or frozen',
}


class Clock(Struct, frozen=True, kw_only=True):
    """How instants are read: on the clock of a zone, with the day where it is not today."""

    now: datetime
    zone: tzinfo

    @property
    def name(self) -> str:
        """Return what the time of the zone is called."""
        return abbreviation(self.now, self.zone)

    def at(self, instant: datetime | None) -> str:
        """Return an instant: `05:40`, `Mon 05:40`, `12 Dec 05:40`."""
        if instant is None:
            return ''
        read, today = instant.astimezone(self.zone), self.now.astimezone(self.zone)
        if read.date() == today.date():
            return f'{read:%H:%M}'
        is_near = abs(read.date() - today.date()) < timedelta(days=6)
        return f'{read:%a %H:%M}' if is_near else f'{read.day} {read:%b %H:%M}'

    def between(self, low: datetime | None, high: datetime | None) -> str:
        """Return a band: `05:12 – 05:40`; the day once where it is the same."""
        if low is None:
            return 'not known: it is left to an operator'
        if high is None:
            return f'from {self.at(low)} on'
        if self.at(low) == self.at(high):
            return self.at(low)
        is_one_day = low.astimezone(self.zone).date() == high.astimezone(self.zone).date()
        end = f'{high.astimezone(self.zone):%H:%M}' if is_one_day else self.at(high)
        return f'{self.at(low)} – {end}'


class Foreseen(Struct, frozen=True, kw_only=True):
    """What is expected of one job, with instants. chance: that it ends in time, in words.

    is_at_risk: its deadline is yet to come, and may well be missed. is_late: it has passed. root:
    what it waits for, where it does not start by itself.
    """

    process: str
    timeperiod: str
    started: datetime | None
    start: datetime | None
    end: datetime | None
    low: datetime | None
    high: datetime | None
    late_at: datetime | None
    chance: str
    is_at_risk: bool
    is_late: bool
    path: Sequence[LinkDocument]
    action: HelpDocument | None
    root: RootDocument | None

    @property
    def href(self) -> str:
        """Return the page of its interval."""
        return f'/i/{self.process}/{self.timeperiod}'


def foreseen_of(item: LikelyDocument, at: datetime) -> Foreseen:
    """Return what a document says of one job. at: when the forecast was made."""
    holds, late_at = item['holds'], read(item['late_at'])
    is_late = late_at is not None and late_at <= at
    return Foreseen(
        process=item['process'],
        timeperiod=item['timeperiod'],
        started=read(item['started']),
        start=read(item['start']),
        end=read(item['end']),
        low=read(item['low']),
        high=read(item['high']),
        late_at=late_at,
        chance='' if holds is None else chance_said(holds),
        is_at_risk=holds is not None and holds < AT_RISK and not is_late,
        is_late=is_late,
        path=item['path'],
        action=item['action'],
        root=item['root'],
    )


def read(text: str | None) -> datetime | None:
    """Return the instant that a document has."""
    return None if text is None else datetime.fromisoformat(text)


def expected_of(
    item: Foreseen, clock: Clock, deciding: Collection[tuple[str, str]] = ()
) -> Expected:
    """Return what is drawn of a job: its deadline alone where it does not start by itself.

    deciding: jobs that decide deadlines at risk.
    """
    is_deciding = (item.process, item.timeperiod) in deciding
    return Expected(
        timeperiod=item.timeperiod,
        start=item.started or item.start,
        end=item.end,
        low=item.low,
        high=item.high,
        late_at=item.late_at,
        is_running=item.started is not None,
        is_at_risk=item.is_at_risk or item.is_late,
        is_deciding=is_deciding,
        text=f'{said_of(item, clock)}{"; it decides" if is_deciding else ""}',
    )


def said_of(item: Foreseen, clock: Clock) -> str:
    """Return all that is expected of a job, in a line."""
    said = f'{item.process} {item.timeperiod}: {_run_said(item, clock)}'
    if item.is_late:
        return f'{said}; late since {clock.at(item.late_at)}'
    if item.late_at is not None:
        risk = ', at risk' if item.is_at_risk else ''
        said += f'; deadline {clock.at(item.late_at)} holds: {item.chance}{risk}'
    return said


def _run_said(item: Foreseen, clock: Clock) -> str:
    if item.root is not None:
        return f'does not start by itself: {item.root["text"]}'
    begun = f'likely from {clock.at(item.start)}'
    if item.started is not None:
        begun = f'runs since {clock.at(item.started)}'
    end = f'done by {clock.at(item.end)}' if item.end else 'an operator may have to act'
    band = '' if item.low is None else f', 4 in 5 {clock.between(item.low, item.high)}'
    return f'{begun}, {end}{band}'


class TreeLine(Struct, frozen=True, kw_only=True):
    """What the owner of a tree asks, answered in a line."""

    text: str
    href: str
    is_at_risk: bool


def tree_line(found: TreeForecastDocument, node: Node, now: datetime) -> TreeLine:
    """Return when the newest day of a tree, or what is longer, is likely to be done."""
    item, clock = foreseen_of(found['likely'], now), Clock(now=now, zone=node.calendar.zone)
    what = interval_said(parse(node.process.qualifier, item.timeperiod), node, now)
    if item.root is not None:
        text = f'{what} does not end by itself: {item.root["text"]}'
        is_bad = item.root['cause'] not in ('later', 'behind')
        return TreeLine(text=text, href=item.href, is_at_risk=is_bad or item.is_at_risk)
    if item.low is None:
        text = f'{what} likely not done without an operator'
    else:
        text = f'{what} likely done {clock.between(item.low, item.high)}'
    if item.is_late:
        text += f', late since {clock.at(item.late_at)}'
    elif item.late_at is not None:
        text += f', {item.chance} by {clock.at(item.late_at)}'
    if node.tree.zone != 'UTC':
        text += f' {clock.name}'
    return TreeLine(text=text, href=item.href, is_at_risk=item.is_at_risk)


def interval_said(timeperiod: Timeperiod, node: Node, now: datetime) -> str:
    """Return how people call an interval: `yesterday`, `November`, `week of 23 Nov`."""
    zone = node.calendar.zone
    begin, today = start_utc(timeperiod), now.astimezone(zone).date()
    match timeperiod.qualifier.measure:
        case Measure.YEAR:
            return f'{begin:%Y}'
        case Measure.MONTH:
            return f'{begin:%B}' if begin.year == today.year else f'{begin:%B %Y}'
        case Measure.WEEK:
            return f'week of {begin.day} {begin:%b}'
        case Measure.DAY:
            names = {0: 'today', -1: 'yesterday', 1: 'tomorrow'}
            days = (begin.date() - today).days
            return names.get(days) or f'{begin.day} {begin:%b}'
        case _:
            return Clock(now=now, zone=zone).at(node.calendar.start(timeperiod))


def capitalized(text: str) -> str:
    """Return a text as the beginning of a sentence; a name stays as it is."""
    return text if '_' in text.split(' ', 1)[0] else f'{text[:1].upper()}{text[1:]}'


def waits_said(link: LinkDocument) -> str:
    """Return why a run of a critical path begins no earlier."""
    return _WAITS.get(link['waits'], link['waits']).format(of=link['of'])


class Step(Struct, frozen=True):
    """Where what helps is done."""

    label: str
    href: str


def step_of(action: HelpDocument, pool: Pool | None = None) -> Step:
    """Return where an action is done. pool: the one that it is about, as it is now."""
    of, more = action['of'], action['more']
    match action['kind']:
        case 'workers':
            return Step('Boxes and workers', '/boxes')
        case 'pool':
            wanted = {} if pool is None else {'slots': pool.slots + more}
            return Step('Change its size', f'/pools/{of}/set?{urlencode(wanted)}')
        case 'rate':
            rate = None if pool is None else pool.per_minute
            wanted = {} if rate is None else {'per_minute': rate + more}
            return Step('Change its rate', f'/pools/{of}/set?{urlencode(wanted)}')
        case 'max_running':
            return Step('Its rule', '/config')
        case 'switch_on':
            return Step('Switch it on', f'/processes/{of}/on')
        case 'thaw':
            return Step('End the freeze', f'/freezes/{of}/thaw')
        case 'resume':
            return Step('Resume the request', f'/requests/{of}/resume')
        case _:
            job = urlencode({'process': of, 'first': action['timeperiod'] or ''})
            return Step('Run it again', f'/change/reprocess?{job}')


def place_of(root: RootDocument) -> Step:
    """Return where something is done about what does not start by itself."""
    match root['cause']:
        case 'off':
            return Step('Switch it on', f'/processes/{root["process"]}/on')
        case 'frozen':
            return Step('Freezes', '/freezes')
        case 'paused':
            return Step('The request', f'/requests/{root["of"]}')
        case 'workers':
            return Step('Boxes and workers', '/boxes')
        case _:
            return Step('Why', f'/i/{root["process"]}/{root["timeperiod"]}')


class JobForecast(Struct, frozen=True, kw_only=True):
    """What a page says of one job. is_awaited: nothing is known yet, and is being worked out.

    likely: when it is done; holds: of its deadline; decided: by what. at: the job that decides.
    """

    is_awaited: bool = False
    likely: str = ''
    holds: str = ''
    is_at_risk: bool = False
    decided: str = ''
    at: tuple[str, str] | None = None
    made_at: datetime | None = None


def job_forecast_of(found: JobForecastDocument, clock: Clock) -> JobForecast | None:
    """Return what is said of one job; None: nothing is expected of it."""
    if found['likely'] is None:
        return None
    made_at = read(found['at']) or clock.now
    item = foreseen_of(found['likely'], made_at)
    holds = ''
    if item.late_at is not None and not item.is_late:
        holds = f'deadline holds: {item.chance}'
    decided, at = _decided(item)
    likely = 'not by itself'
    if item.root is None:
        likely = clock.between(item.low, item.high)
        likely += ' (80 %)' if item.low is not None else ''
    return JobForecast(
        likely=likely,
        holds=holds,
        is_at_risk=item.is_at_risk,
        decided=decided,
        at=at,
        made_at=made_at,
    )


def _decided(item: Foreseen) -> tuple[str, tuple[str, str] | None]:
    """Return what decides when a job ends, and the other job that does, if it is one."""
    own = item.process, item.timeperiod
    if item.root is not None:
        root = item.root['process'], item.root['timeperiod']
        return item.root['text'], None if root == own else root
    if not item.path:
        return '', None
    first = item.path[0]
    job = first['process'], first['timeperiod']
    return waits_said(first), None if job == own else job
