"""A form that came too late: what was typed is shown, kept through a login, and can be sent again.

Only forms of this site's own pages are kept. Nothing is done by itself: the visitor sees what would
be sent and presses the button again, now with a token that is valid.
"""

from __future__ import annotations

import json
from typing import Any, Final

from werkzeug.wrappers import Request

from synergy.core.bounded import ROW, loads
from synergy.core.structs import Struct
from synergy.mx.web.access import FORM_TOKEN, check_origin
from synergy.mx.web.errors import Refused

#: The field in which a kept form travels through the form of the login.
KEPT: Final = 'kept'
#: Those of users carry passwords.
_NOT_KEPT: Final = ('/login', '/logout', '/theme', '/users', '/api/')


class LateForm(Struct, frozen=True):
    """What was sent, and where to. fields: name and value, in the order of the form."""

    address: str
    fields: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """Return it as it travels through the form of the login."""
        return json.dumps([self.address, self.fields])

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        """Return the fields in which a person has typed or chosen something."""
        return tuple((name, value) for name, value in self.fields if value and name != 'form_id')


def late_form_of(http: Request, error: Refused) -> LateForm | None:
    """Return the form of a refused request, if nothing but its login or token was missing."""
    if http.method != 'POST' or not error.is_resubmittable or not _is_kept(http.path):
        return None
    try:
        check_origin(http)
    except Refused:
        return None
    fields = [*http.form.items(multi=True)]
    return LateForm(
        http.full_path.rstrip('?'),
        tuple((name, value) for name, value in fields if name != FORM_TOKEN),
    )


def late_form_in(text: str | None) -> LateForm | None:
    """Return the form that came with a login; None when there is none, or it is not one of ours."""
    try:
        found: Any = loads(text or 'null', ROW)
        address, fields = found
        pairs = tuple((str(name), str(value)) for name, value in fields)
    except (ValueError, TypeError):
        return None
    is_ours = isinstance(address, str) and address.isprintable() and _is_kept(address)
    return LateForm(address, pairs) if is_ours else None


def _is_kept(address: str) -> bool:
    is_local = address.startswith('/') and address[1:2] not in ('/', '\\')
    return is_local and not address.startswith(_NOT_KEPT)
