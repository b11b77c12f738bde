"""`launch.py completion bash|zsh`: a script for the shell, made from the commands themselves."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Final

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.parsing import parser_of
from synergy.cli.registry import RECORDS
from synergy.view.command_doc import options_of

#: Zsh understands the script of bash when told to.
_ZSH: Final = 'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n'
_SCRIPT: Final = """\
_synergy() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" words
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}}" in
{cases}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _synergy synergy launch.py ./launch.py
"""


def script(words_by_command: Mapping[str, Sequence[str]], shell: str) -> str:
    """Return the script. words_by_command: what may follow each command."""
    cases = '\n'.join(
        f'            {name}) words="{" ".join(words)}" ;;'
        for name, words in words_by_command.items()
    )
    text = _SCRIPT.format(commands=' '.join(words_by_command), cases=cases)
    return (_ZSH if shell == 'zsh' else '') + text


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('shell', choices=['bash', 'zsh'], help='which shell')


def _run(options: Namespace) -> ExitCode:
    words_by_command = {
        record.name: _words(parser_of(record)) for record in RECORDS if record.is_here
    }
    print(script(words_by_command, options.shell), end='')
    return ExitCode.OK


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
