"""`launch.py completion bash|zsh`: a script for the shell, made from the commands themselves."""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.interface import Reading
from synergy.cli.opening import opened
from synergy.cli.parsing import parser_of
from synergy.cli.registry import RECORDS
from synergy.conf.errors import ConfigurationError
from synergy.core.commands import OPEN_COMMAND_STATES
from synergy.operations.refusal import OperationRefused
from synergy.ports.errors import PortError
from synergy.view.command_doc import options_of

#: Of which the open ones are offered.
_REQUESTS_MAX: Final = 200
#: Zsh understands the script of bash when told to.
_ZSH: Final = 'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n'
_SCRIPT: Final = """\
_synergy() {{
    local words word="${{COMP_WORDS[COMP_CWORD]}}" head=""
    # A name with colons comes in pieces; what stands before the last colon is typed already.
    if [ -n "${{COMP_LINE-}}" ]; then
        word="${{COMP_LINE:0:$COMP_POINT}}"
        word="${{word##* }}"
        head="${{word%"${{word##*:}}"}}"
    fi
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}}" in
{cases}
        esac
        case "${{COMP_WORDS[1]}}" in
            {named}) case "$word" in
                -*) ;;
                *) words="$words $("${{COMP_WORDS[0]}}" completion bash \\
                    --names-for "${{COMP_WORDS[1]}}" 2>/dev/null || true)" ;;
            esac ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    COMPREPLY=("${{COMPREPLY[@]#"$head"}}")
}}
complete -o default -F _synergy synergy launch.py ./launch.py
"""


def script(words_by_command: Mapping[str, Sequence[str]], shell: str) -> str:
    """Return the script. words_by_command: what may follow each command."""
    cases = '\n'.join(
        f'            {name}) words="{" ".join(words)}" ;;'
        for name, words in words_by_command.items()
    )
    text = _SCRIPT.format(
        commands=' '.join(words_by_command), cases=cases, named='|'.join(NAMES_BY_COMMAND)
    )
    return (_ZSH if shell == 'zsh' else '') + text


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('shell', choices=['bash', 'zsh'], help='which shell')
    # What the script asks for itself.
    parser.add_argument('--names-for', choices=list(NAMES_BY_COMMAND), help=SUPPRESS)


def _run(options: Namespace) -> ExitCode:
    if options.names_for is not None:
        _print_names(NAMES_BY_COMMAND[options.names_for])
        return ExitCode.OK
    words_by_command = {
        record.name: _words(parser_of(record)) for record in RECORDS if record.is_here
    }
    print(script(words_by_command, options.shell), end='')
    return ExitCode.OK


def _print_names(kind: Callable[[Reading], Iterable[str]]) -> None:
    """Print names, one a line; nothing when what knows them cannot be asked."""
    server = os.environ.get('SYNERGY_SERVER')
    asked = Namespace(server=server, token=os.environ.get('SYNERGY_TOKEN'))
    unknown = (CommandError, ConfigurationError, PortError, OperationRefused)
    with suppress(*unknown), opened(asked) as ask:
        print('\n'.join(kind(ask)))


def _processes(ask: Reading) -> Iterable[str]:
    return [item['process'] for item in ask.processes()]


def _jobs(ask: Reading) -> Iterable[str]:
    return [*_processes(ask), *(item['name'] for item in ask.freeruns())]


def _freeruns(ask: Reading) -> Iterable[str]:
    return [item['name'] for item in ask.freeruns()]


def _requests(ask: Reading) -> Iterable[str]:
    states = [state.value for state in OPEN_COMMAND_STATES]
    return [item['id'] for item in ask.requests(_REQUESTS_MAX) if item['state'] in states]


def _letters(ask: Reading) -> Iterable[str]:
    return [item['id'] for item in ask.dead_letters()]


#: What the words of a command name.
NAMES_BY_COMMAND: Final[Mapping[str, Callable[[Reading], Iterable[str]]]] = {
    'jobs': _processes,
    'job': _processes,
    'why': _processes,
    'inputs': _processes,
    'log': _jobs,
    'try': _jobs,
    'reprocess': _processes,
    'skip': _processes,
    'cancel': _processes,
    'process': _processes,
    'freerun': _freeruns,
    'requests': _requests,
    'dead': _letters,
}


def _words(parser: ArgumentParser) -> Sequence[str]:
    """Return flags and known words, once each."""
    found = [word for option in options_of(parser) for word in (*option.flags, *option.words)]
    return [*dict.fromkeys(found), '--help']


COMMAND = CliCommand(
    name='completion',
    summary='Print a script that lets the shell complete commands, flags and words; put it in your '
    'shell\'s start file: eval "$(./launch.py completion bash)".',
    example='completion bash',
    add_arguments=_add_arguments,
    run=_run,
)
