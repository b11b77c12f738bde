"""One pass over stretches of rows finds what a look at each of them finds, in random histories."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import pytest

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.invariants import EndedJob, Under, Violation, check
from synergy.core.records import Job, Unit, UowId, uow_id_of
from synergy.core.states import Blocking, JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from tests.builders import instant, key, process, tree, two_trees
from tests.core.invariants_one_by_one import check_one_by_one

NOW = instant('2026112500')
REQUESTS = [None, CommandId('r1'), CommandId('r2')]


def chain() -> Hierarchy:
    """Return hours that wait for the same hours of another tree, by threes, with days above."""
    return build(
        [
            process('RawHourly'),
            process('FineHourly', grouping=3),
            process('FineDaily', blocking=Blocking.CHILDREN),
            process('LastHourly', blocking=Blocking.DEPENDENCIES),
        ],
        [
            tree('raw', ['RawHourly'], end='2026112420'),
            tree('fine', ['FineDaily', 'FineHourly'], start='2026112206', dependent_on=['raw']),
            tree('last', ['LastHourly'], dependent_on=['fine', 'raw']),
        ],
    )


HIERARCHIES: list[Callable[[], Hierarchy]] = [
    chain,
    lambda: two_trees(end='2026112400'),
    lambda: two_trees(AlertDaily={'blocking': Blocking.DEPENDENCIES}),
]


def job_of(where: JobKey, term: int) -> Job:
    return Job(
        process=where.process,
        timeperiod=where.timeperiod,
        state=JobState.PROCESSED,
        rev=2,
        run=1,
        uow_id=uow_id_of(where, 1),
        changed_at=NOW,
        term=term,
    )


def unit_of(job: Job, run: int = 1) -> Unit:
    return Unit(
        id=uow_id_of(job.key, run),
        process=job.process,
        timeperiod=job.timeperiod,
        start=job.timeperiod,
        end=job.timeperiod.shift(1),
        run=run,
        state=UnitState.PROCESSED,
        fence=1,
        created_at=NOW,
    )


#: What becomes of a row in whose store somebody, or a fault, has been.
BROKEN: list[Callable[[Job, random.Random], list[Job]]] = [
    lambda job, draw: [replace(job, state=draw.choice(list(JobState)))],
    lambda job, draw: [replace(job, term=max(0, job.term + draw.choice([-2, -1, 1, 2])))],
    lambda job, _: [replace(job, state=JobState.SKIPPED)],
    lambda job, _: [replace(job, reason='marked as done by anna')],
    lambda job, _: [replace(job, run=0)],
    lambda job, _: [replace(job, rev=0)],
    lambda job, _: [replace(job, state=JobState.IN_PROGRESS, uow_id=None)],
    lambda job, draw: [replace(job, state=JobState.EMBRYO, request_id=draw.choice(REQUESTS))],
    lambda job, draw: [replace(job, request_id=draw.choice(REQUESTS), term=job.term + 1)],
    lambda job, draw: [job, replace(job, state=draw.choice(list(JobState)))],
    lambda job, draw: [
        replace(job, timeperiod=job.timeperiod.shift(draw.choice([-900, 200, 900])))
    ],
    lambda _, __: [],
]


def with_faults(unit: Unit, draw: random.Random) -> Iterator[Unit]:
    """Yield what becomes of a unit likewise."""
    match draw.randrange(6):
        case 0:
            yield replace(unit, state=draw.choice(list(UnitState)), announced_at=NOW)
        case 1:
            yield replace(unit, lost_count=2)
        case 2:
            yield replace(unit, fence=0)
        case 3:
            yield replace(unit, state=UnitState.REQUESTED, announced_at=NOW)
            yield replace(unit, id=UowId('second'), run=2, state=UnitState.IN_PROGRESS)
        case 4:
            yield replace(
                unit, state=UnitState.IN_PROGRESS, owner='w', lease_until=NOW, announced_at=NOW
            )
        case _:
            return


def history(hierarchy: Hierarchy, draw: random.Random) -> tuple[list[Job], list[Unit]]:
    """Return rows, in order, of which few are broken."""
    rate = draw.choice([0.0, 0.01, 0.05, 0.3])
    jobs: list[Job] = []
    units: list[Unit] = []
    for name, node in hierarchy.nodes.items():
        # Later intervals were finished by later leaders; what waits no earlier than its inputs.
        stop = hierarchy.begun_until(node, NOW)
        for ordinal in range(node.first, stop - draw.choice([0, 0, 3])):
            term = hierarchy.interval(node, ordinal)[1].day
            job = job_of(JobKey(name, hierarchy.timeperiod(node, ordinal)), term)
            found = draw.choice(BROKEN)(job, draw) if draw.random() < rate else [job]
            jobs += found
            for one in found:
                unit = unit_of(one)
                units += with_faults(unit, draw) if draw.random() < rate else [unit]
    jobs += [job_of(JobKey(name, Timeperiod(Qualifier.YEARLY, 56)), 1) for name in hierarchy.nodes]
    jobs.append(job_of(key('OtherHourly@2026112200'), 1))
    jobs.sort(key=lambda job: (job.process, str(job.timeperiod)))
    units.sort(key=lambda unit: (unit.process, str(unit.timeperiod), unit.run))
    return jobs, units


def told(job: Job, draw: random.Random) -> Job | EndedJob:
    """Return what a store tells of a row that is plainly right."""
    is_plain = job.state.is_final and job.rev > 0 and job.run > 0 and job.reason is None
    if not is_plain or draw.random() < 0.1:
        return job
    return EndedJob(job.process, job.timeperiod, job.state, job.term, job.request_id)


def is_told(unit: Unit, draw: random.Random) -> bool:
    """Tell whether a store tells of a unit: of one that is plainly right only now and then."""
    is_right = unit.lost_count <= unit.attempt and (
        unit.state is not UnitState.PROCESSED or unit.fence > 0
    )
    return unit.state.is_live or not is_right or draw.random() < 0.1


def circumstances(hierarchy: Hierarchy, draw: random.Random) -> Under:
    name, node = draw.choice(list(hierarchy.nodes.items()))
    start = hierarchy.timeperiod(node, node.first)
    request = Command(
        id=CommandId('r1'),
        kind=CommandKind.REPROCESS,
        process=name,
        start=start,
        end=start.shift(5),
        actor='anna',
        plan={name: ((node.first, node.first + draw.randrange(9)),)},
        created_at=NOW,
    )
    return Under(applying=draw.choice([(), (request,), (replace(request, plan=None),)]))


def texts(found: Iterable[Violation]) -> list[str]:
    return sorted(map(str, found))


@pytest.mark.parametrize('seed', range(60))
def test_one_pass_finds_what_a_look_at_each_row_finds(seed: int) -> None:
    draw = random.Random(seed)
    hierarchy = HIERARCHIES[seed % len(HIERARCHIES)]()
    jobs, units = history(hierarchy, draw)
    under = circumstances(hierarchy, draw)

    found = check(
        hierarchy,
        [told(job, draw) for job in jobs],
        draw.sample(left := [unit for unit in units if is_told(unit, draw)], len(left)),
        NOW,
        under,
    )

    assert texts(found) == texts(check_one_by_one(hierarchy, jobs, units, NOW, under))


def test_every_kind_of_broken_promise_is_among_them() -> None:
    kinds = set()
    for seed in range(30):
        draw = random.Random(seed)
        hierarchy = HIERARCHIES[seed % len(HIERARCHIES)]()
        jobs, units = history(hierarchy, draw)
        kinds |= {item.invariant for item in check_one_by_one(hierarchy, jobs, units, NOW)}

    assert kinds == {'I1', 'I2', 'I3', 'I4', 'I5', 'I7'}
