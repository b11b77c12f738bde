"""The command line as a page: every command, its flags and an example, from the parsers themselves.

`docs/cli.md` is what `document` returns; a test compares the two. `options_of` is also what shell
completion is made from.
"""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from synergy.core.exit_codes import ExitCode
from synergy.core.structs import Struct

_INTRODUCTION: Final = """\
# Command line

`./launch.py COMMAND` in a checkout, `synergy COMMAND` with the installed package; both do the same.
`synergy` works on the project in the current folder, `launch.py` on its own; `SYNERGY_PROJECT`
names another. This page is made from the code; `COMMAND --help` shows the same.

Tables lose their colours when stdout is not a terminal, or with `NO_COLOR` set; `--json` prints one
JSON document for scripts. Shell completion: `eval "$(./launch.py completion bash)"`, or `zsh`.

| exit code | meaning |
|---|---|
{codes}

A timeperiod is an interval: `2013`, `2013-01`, `2013-01-15`, `2013-01-15 07` (also
`2013-01-15T07`), `2013-01-15 07:30` where intervals are minutes, or the digits alone, without the
zeros at their end: `201301`, `20130115`, `2013011507`. A week is called by its first day, or by its
number, `2013-W03`. Hours and minutes are named in UTC, days and longer ones by the date in the time
zone of their tree. Words count from now: `today`, `yesterday`, `yesterday 07`, `now`, `this hour`,
`last month`, `last week`, `next day`, `3 days ago`; `last` means the one before the present one. As
the argument T they need no quotes; after an option they do, or a hyphen: `--to last-month`.

On a terminal, `reprocess`, `skip`, `cancel`, `mark-done`, `requests cancel`, `dead retry | drop
--all` and `freerun cancel` show what they would touch and ask, when it is more than 100; with
`--yes` they do not ask. A script, whose standard input is not a terminal, is not asked: they go on,
as with `--yes`. `db --reset`, `mq purge`, `recut` and `user rm` of the last admin lose what cannot
be had back, or cannot be taken back, and are refused to a script without `--yes`.
"""


class Described(Struct, frozen=True, kw_only=True):
    """One command. example: a command line without the door."""

    name: str
    summary: str
    example: str
    parser: ArgumentParser


class Option(Struct, frozen=True, kw_only=True):
    """One argument. shown: as on the command line; words: what it may be, where that is known."""

    flags: Sequence[str]
    shown: str
    text: str
    words: Sequence[str]


def document(commands: Sequence[Described]) -> str:
    """Return the page."""
    codes = '\n'.join(f'| {code.value} | {code.meaning} |' for code in ExitCode)
    introduction = _INTRODUCTION.format(codes=codes)
    lines = [introduction, '| command | what it does |', '|---|---|']
    lines += [f'| [{item.name}](#{item.name}) | {item.summary} |' for item in commands]
    for item in commands:
        lines += ['', *_section(item)]
    return '\n'.join(lines) + '\n'


def options_of(parser: ArgumentParser) -> Iterator[Option]:
    """Yield the arguments of a parser, those of its sub-commands included."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        if '--help' in action.option_strings or action.help == SUPPRESS:
            continue
        children = _children(action)
        if children:
            yield Option(flags=(), shown=_shown(action), text='', words=tuple(children))
            for name, child in children.items():
                for option in options_of(child):
                    yield Option(
                        flags=option.flags,
                        shown=f'{name} {option.shown}',
                        text=option.text,
                        words=option.words,
                    )
        else:
            words = tuple(map(str, action.choices or ()))
            yield Option(
                flags=tuple(action.option_strings),
                shown=_shown(action),
                text=action.help or '',
                words=words,
            )


def _children(action: Action) -> dict[str, ArgumentParser]:
    choices = action.choices
    if not isinstance(choices, dict):
        return {}
    return {name: item for name, item in choices.items() if isinstance(item, ArgumentParser)}


def _shown(action: Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else None
    words = '{' + ','.join(map(str, action.choices)) + '}' if action.choices else None
    value = metavar or words or action.dest.upper()
    if not action.option_strings:
        return {'?': f'[{value}]', '*': f'[{value} ...]'}.get(str(action.nargs), value)
    flags = ', '.join(action.option_strings)
    if action.nargs == 0:
        return flags
    return f'{flags} [{value}]' if action.nargs == '?' else f'{flags} {value}'


def _section(item: Described) -> Iterable[str]:
    yield f'## {item.name}'
    yield ''
    yield item.summary
    yield ''
    options = list(options_of(item.parser))
    if options:
        yield '| argument | meaning |'
        yield '|---|---|'
        yield from (f'| `{option.shown}` | {option.text} |' for option in options)
        yield ''
    yield f'Example: `./launch.py {item.example}`'
