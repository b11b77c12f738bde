"""Requests that are refused: what happened, to what, what to do next."""

from __future__ import annotations

from synergy.operations.refusal import OperationRefused


class Refused(Exception):
    """A request that gets an error page, or a problem document.

    status: of HTTP. title: what happened. detail: to what. advice: what to do next. headers: to be
    sent along. is_form_kept: a form that was sent can be sent again once its cause is gone.
    back: address and name of where a page leads to; it may be set.
    href: the page of this site that the advice names.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        advice: str,
        headers: dict[str, str] | None = None,
        *,
        is_resubmittable: bool = False,
    ) -> None:
        """Say it; every part is a sentence without its full stop, or a short text."""
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.advice = advice
        self.headers = headers or {}
        self.is_resubmittable = is_resubmittable
        self.back: tuple[str, str] | None = None
        self.href: str | None = None


class ReasonMissing(Refused):
    """A change that is not made without a reason came without one; its page asks for it again."""

    def __init__(self) -> None:
        """Say it."""
        super().__init__(
            400,
            'That cannot be read',
            'the reason is missing',
            'say why, so that others understand it later',
        )


def unknown(what: str, advice: str, href: str | None = None) -> Refused:
    """Return the refusal of a thing that does not exist. href: the page that the advice names."""
    found = Refused(404, 'Not found', what, advice)
    found.href = href
    return found


def wrong(what: str, advice: str) -> Refused:
    """Return the refusal of a request that makes no sense."""
    return Refused(400, 'That cannot be read', what, advice)


def wrong_cursor(cursor: str) -> Refused:
    """Return the refusal of a cursor that no answer gave."""
    return wrong(f'cursor is {cursor!r:.60}', 'give the next_cursor of the answer before')


def refused_by(error: OperationRefused) -> Refused:
    """Return the answer to an action that an operator may not take, or not like this."""
    found = Refused(error.kind.status, error.title, error.what, error.advice)
    found.href = error.listed_at
    return found
