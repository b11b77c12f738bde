"""What a request has reset in a commit that broke off before the request itself was saved.

A store without transactions may keep some of the jobs of a batch and not the request, which is
saved last (`synergy.core.effects.in_stages`). So much has been done of it, then, that it can be
neither refused nor dropped: what waits for those jobs must be reset with them.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from synergy.core.chosen import stretches
from synergy.core.closure import Plan, PlanRefused, consequences, keys_of, plan, ranges_of
from synergy.core.commands import RESETTING_KINDS, Command, CommandState, Ranges
from synergy.core.records import ProcessName
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable


def begun_by(timetable: Timetable, request: Command) -> list[JobKey]:
    """Return the jobs that a request has reset and that are not final again, in order of time."""
    return [
        key
        for name in timetable.hierarchy.nodes
        for key in sorted(
            job.key for job in timetable.open_jobs_of(name) if job.request_id == request.id
        )
    ]


def is_interrupted(timetable: Timetable, request: Command) -> bool:
    """Tell whether a request has reset jobs that it does not count yet."""
    if request.kind not in RESETTING_KINDS or request.state not in (
        CommandState.REQUESTED,
        CommandState.APPLYING,
    ):
        return False
    counted = list(keys_of(timetable.hierarchy, request.plan or {}))[: request.applied_count]
    return not set(counted).issuperset(begun_by(timetable, request))


def plan_of(timetable: Timetable, command: Command, failed: Collection[int] = ()) -> Plan:
    """Return what a command touches that has no plan yet; raise PlanRefused when it may not.

    One of which a part was done before its plan was saved is planned around that part, whatever
    has become of the rest of its selection, and of the set that the operator was shown. failed: see
    `plan`.
    """
    begun = begun_by(timetable, command) if command.kind in RESETTING_KINDS else []
    if not begun:
        planned = plan(timetable, command, failed)
        if command.plan_hash not in (None, planned.hash):
            raise PlanRefused(
                'what it touches has changed since it was shown; look and confirm again'
            )
        return planned
    touched = _as_runs(ranges_of(begun))
    parts = [touched, _as_runs(consequences(timetable, touched).ranges)]
    with suppress(PlanRefused):  # There may be nothing left to begin with.
        parts.append(_as_runs(plan(timetable, command, failed).ranges))
    found: Ranges = {
        name: tuple((run.start, run.stop) for run in runs)
        for name in timetable.hierarchy.nodes
        if (runs := stretches([run for part in parts for run in part.get(name, [])]))
    }
    return Plan(ranges=found)


def _as_runs(ranges: Ranges) -> dict[ProcessName, list[range]]:
    return {process: [range(*run) for run in runs] for process, runs in ranges.items()}
