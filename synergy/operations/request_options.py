"""How the jobs of a request are to run, checked once for every door."""

from __future__ import annotations

from collections.abc import Mapping

from synergy.conf.code_arguments import are_arguments_code
from synergy.core.commands import Command
from synergy.core.records import ProcessName
from synergy.core.request_options import ARGUMENTS, details_of
from synergy.core.structs import replace
from synergy.operations.caller import Caller
from synergy.operations.code_arguments import CODE_NAMES
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.secrets import refuse_secrets


def with_options(caller: Caller, command: Command, wanted: Mapping[str, object]) -> Command:
    """Return a request whose jobs run as is wanted; raise OperationRefused where that cannot be.

    wanted: by the names of `core.request_options.OPTIONS`. Arguments that are code are an
    administrator's.
    """
    try:
        details = details_of(command.kind, wanted)
    except ValueError as error:
        raise malformed(str(error), 'correct it; nothing was changed', str(error)) from error
    if not details:
        return command
    if ARGUMENTS in details:
        refuse_secrets(caller, command.process, details[ARGUMENTS])
    if ARGUMENTS in details and not caller.is_admin:
        _check_arguments(caller, command.process, details[ARGUMENTS])
    return replace(command, details={**command.details, **details})


def _check_arguments(caller: Caller, process: str, arguments: object) -> None:
    entry, project = caller.context.managed.get(ProcessName(process)), caller.context.project
    names = CODE_NAMES & set(arguments if isinstance(arguments, Mapping) else ())
    is_code = entry is None or project is None or are_arguments_code(entry.classname, project)
    if names or is_code:
        raise OperationRefused(
            RefusalKind.FORBIDDEN,
            f'{caller.actor.rpartition("@")[0]} is not an admin; arguments of {process} may be '
            'code that its worker runs, so giving others needs the role admin',
            'ask an admin, or leave the arguments out. Nothing was changed',
        )
