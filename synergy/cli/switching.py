"""What is asked to run again while its process is off: it is switched on, or that is said."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from synergy.cli.interface import Operations
from synergy.core.redaction import redacted_text


def add_switch_on(parser: ArgumentParser) -> None:
    """Let a command switch on what is off, too."""
    parser.add_argument(
        '--switch-on',
        action='store_true',
        help='switch the process on, too, if it is off, as after it was paused by itself',
    )


def settle_switch(ask: Operations, names: Iterable[str], options: Namespace) -> None:
    """Switch on those processes and free runs that are off, or say on stderr that they are."""
    on_by_name = {str(item['process']): item['is_on'] for item in ask.processes()}
    on_by_name |= {str(item['name']): item['is_on'] for item in ask.freeruns()}
    for name in dict.fromkeys(names):
        if on_by_name.get(name, True):
            continue
        is_freerun = '::' in name
        if not options.switch_on:
            command = f'./launch.py {"freerun" if is_freerun else "process"} on {name}'
            told = 'it does not fire by itself' if is_freerun else 'nothing of it runs'
            print(redacted_text(f'{name} is off: {told} until {command}'), file=sys.stderr)
        elif is_freerun:
            ask.switch_freerun(name, 'on', None, options.reason)
        else:
            ask.change_process(name, 'on', None, options.reason)
        if options.switch_on:
            print(f'{name} is switched on', file=sys.stderr if options.json else sys.stdout)
