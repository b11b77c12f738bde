"""`launch.py chaos`: proof by force; see `bench.chaos`."""

from __future__ import annotations

import json
import random
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_table
from synergy.cli.numbers import MANY, real, whole

if TYPE_CHECKING:
    from bench.chaos.report import Report

_BACKENDS: Final = ('embedded', 'production')


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        '--minutes',
        type=real(0.01, 10_000),
        default=2.0,
        metavar='N',
        help='how long faults go on (default 2)',
    )
    parser.add_argument(
        '--until',
        action='append',
        default=[],
        metavar='KIND',
        help='go on beyond that until a fault of this kind has happened, such as "kill leader"; '
        'may be given several times',
    )
    parser.add_argument('--seed', type=whole(-MANY), metavar='S', help='what to draw faults from')
    parser.add_argument('--backend', choices=_BACKENDS, help='only this one; otherwise both')
    parser.add_argument(
        '--boxes', type=whole(1, 100), default=2, metavar='N', help='how many boxes (default 2)'
    )
    parser.add_argument(
        '--unruly',
        action='store_true',
        help='user code misbehaves, too: it forks, pools, detaches, prints noise, ignores signals; '
        'nothing of it may be left after its run',
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the reports to FILE')


def _run(options: Namespace) -> ExitCode:
    try:
        from bench.chaos import round as rounds
    except ModuleNotFoundError as error:
        raise CommandError(
            f'chaos needs the folder bench/ of a checkout ({error}); run it there',
            ExitCode.UNAVAILABLE,
        ) from error
    if options.minutes <= 0 or options.boxes < 2:
        raise CommandError('--minutes must be above 0, and --boxes 2 or more', ExitCode.USAGE)
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    found = []
    for backend in _BACKENDS if options.backend is None else (options.backend,):
        settings = rounds.RoundSettings(
            backend=backend,
            minutes=options.minutes,
            seed=seed,
            box_count=options.boxes,
            kinds=frozenset(options.until),
            is_unruly=options.unruly,
            say=lambda text: print(text, flush=True),
        )
        try:
            result = rounds.run(settings)
        except rounds.UnknownFault as error:
            raise CommandError(str(error), ExitCode.USAGE) from error
        _print(result)
        found.append(result)
    if options.json is not None:
        rows = [item.encoded() for item in found]
        options.json.write_text(json.dumps(rows, indent=2) + '\n')
    return ExitCode.FOUND if any(item.problems for item in found) else ExitCode.OK


def _print(found: Report) -> None:
    print()
    print_table(
        ('fault', 'count', 'lasted (s)', 'recovered, median (s)', 'longest (s)', 'rescued (s)'),
        [
            (
                item.kind,
                item.count,
                item.lasted_seconds,
                _shown(item.heal_seconds_median),
                _shown(item.heal_seconds_max),
                _shown(item.rescue_seconds_max),
            )
            for item in found.kinds
        ],
    )
    times = ' '.join(f'{seconds:.1f}' for seconds in found.take_over_seconds)
    print(f'\ntake-overs after (s): {times or "none"}')
    print(
        f'{found.intervals} intervals, {found.requests} requests; {found.starts} starts, of which '
        f'{found.started_again} were tries after a failure; {found.fault_seconds:g} s of faults, '
        f'finished {found.finish_seconds:g} s after the last'
    )
    for problem in found.problems:
        print(f'BROKEN: {problem}')
    print('a promise was broken' if found.problems else 'every promise was kept', flush=True)


def _shown(seconds: float | None) -> str:
    return '-' if seconds is None else f'{seconds:.2f}'


COMMAND = CliCommand(
    name='chaos',
    summary='Prove by force: run a pipeline on several boxes, kill, freeze, cut and fill what it '
    'runs on, and check that no interval was lost, doubled or out of order; exit 1 with a list if '
    'a promise was broken.',
    example='chaos --minutes 10 --seed 7 --backend production',
    add_arguments=_add_arguments,
    run=_run,
)
