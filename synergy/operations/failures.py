"""Failed jobs by what is wrong: which kind of error is meant, and a command about those alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from synergy.core.commands import Command, Only
from synergy.core.letter_groups import ERROR, LetterGroup, folded_once, grouped, meant
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.ports.failed import failed_ordinals, failures

_SHOWN_MAX: Final = 5
_ERROR_SHOWN_MAX: Final = 100


def about_error(caller: Caller, command: Command, text: str) -> Command:
    """Return a command about those jobs of its range that failed with one kind of error.

    text: the error as it was said or folded, or a part that no other kind in the range has. Raises
    OperationRefused where several have it, and for a command about skipped jobs.
    """
    if command.only is Only.SKIPPED:
        raise malformed(
            'an error says which failed jobs are meant, and only says skipped',
            'leave one of the two out; nothing was changed',
        )
    failed = replace(command, only=Only.FAILED)
    keys = [
        JobKey(command.process, Timeperiod(command.start.qualifier, ordinal))
        for ordinal in failed_ordinals(caller.store, failed)
    ]
    return of_kind(failed, grouped(failures(caller.store, keys)), text)


def of_kind(command: Command, groups: Sequence[LetterGroup], text: str) -> Command:
    """Return a command about failed jobs with the kind of error that a text means.

    groups: those of the failed jobs that the command is about. Where none has that error, the plan
    of the command is empty, which says so. Raises OperationRefused where several have it.
    """
    found = meant(groups, text)
    if len(found) > 1:
        said = '; '.join(repr(group.error[:_ERROR_SHOWN_MAX]) for group in found[:_SHOWN_MAX])
        more = len(found) - _SHOWN_MAX
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'{text!r:.80} is part of {len(found):,} kinds of error of {command.process}: {said}'
            f'{f" and {more:,} more" if more > 0 else ""}',
            'give more of the one that you mean; nothing was changed',
        )
    kind = found[0].kind.error if found else folded_once(text)
    return replace(command, details={**command.details, ERROR: kind})
