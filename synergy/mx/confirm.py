"""One step before a change that is made with one button: what would happen, and why it is wanted.

Each such address answers a GET with this page, and its form asks for the change by a POST to the
same address. So a link leads here from any page, live or not, with scripts or without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from werkzeug.wrappers import Response

from synergy.mx.ask import Ask
from synergy.mx.errors import wrong
from synergy.mx.orders import fresh_form_id, reason_of
from synergy.mx.render import page


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the page says. title: what is asked for; says: what then happens, in sentences.

    back: where the reader came from. needs_reason: what takes something away is not done without.
    hidden: further values that the form sends.
    """

    title: str
    button: str
    says: Sequence[str]
    back: str
    back_text: str
    needs_reason: bool = False
    hidden: Sequence[tuple[str, str]] = ()


def confirm(ask: Ask, step: Step) -> Response:
    """Show the step."""
    return page(ask, 'confirm.html', step=step, form_id=fresh_form_id())


def need_reason(ask: Ask) -> None:
    """Refuse a form without a reason."""
    if reason_of(ask) is None:
        raise wrong('the reason is missing', 'say why, so that others understand it later')
