"""Why an operator's action is not done: one exception, which every shell tells in its own way."""

from __future__ import annotations

from enum import Enum

from synergy.core.exit_codes import ExitCode


class RefusalKind(Enum):
    """What is wrong with what was asked for. status: of HTTP; exit_code: of the command line."""

    MALFORMED = 400, ExitCode.USAGE, 'That cannot be read'
    FORBIDDEN = 403, ExitCode.UNAVAILABLE, 'Not allowed'
    UNKNOWN = 404, ExitCode.UNKNOWN, 'Not found'
    CONFLICT = 409, ExitCode.CONFLICT, 'Not as things stand'
    LAST_ADMIN = 409, ExitCode.CONFLICT, 'The last admin stays'
    ITSELF = 409, ExitCode.USAGE, 'Not from here'
    NOTHING = 422, ExitCode.UNKNOWN, 'Nothing to do'
    REUSED = 422, ExitCode.UNKNOWN, 'The key was used before'

    def __init__(self, status: int, exit_code: ExitCode, title: str) -> None:
        """Keep what the shells answer by."""
        self.status = status
        self.exit_code = exit_code
        self.title = title


class OperationRefused(Exception):
    """An action was not done, and nothing was changed.

    title: what happened. what: to which thing. advice: what to do next on a page. listed_at: the
    page that the advice names. As a text: what a terminal says.
    """

    def __init__(
        self,
        kind: RefusalKind,
        what: str,
        advice: str,
        *,
        title: str | None = None,
        in_terminal: str | None = None,
        listed_at: str | None = None,
    ) -> None:
        """Say it; every part is a sentence without its full stop, or a short text.

        in_terminal: what a terminal says where that differs from what and advice.
        """
        super().__init__(in_terminal or f'{what}; {advice}')
        self.kind = kind
        self.title = title or kind.title
        self.what = what
        self.advice = advice
        self.listed_at = listed_at


def malformed(what: str, advice: str, in_terminal: str | None = None) -> OperationRefused:
    """Return the refusal of what makes no sense."""
    return OperationRefused(RefusalKind.MALFORMED, what, advice, in_terminal=in_terminal)
