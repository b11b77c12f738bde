"""One request, as views see it: who asks, for what, of which store, at which instant."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Request

from synergy.conf.model import Context, Settings
from synergy.core.bounded import BODY, OutOfBounds, loads
from synergy.core.calendar import Calendar, UtcCalendar
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.readers import spelled, whole
from synergy.core.records import Json, ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import YEAR_MAX, YEAR_MIN, JobKey, Timeperiod, start_utc
from synergy.core.users import Role
from synergy.core.written_timeperiod import UnreadTimeperiod, at_level, begin_at, end_at, written
from synergy.mx.live.read_model import LOOK_PATIENCE_SECONDS, ReadModel
from synergy.mx.web.errors import Refused, unknown, wrong
from synergy.mx.web.route import Route
from synergy.mx.web.security import Session
from synergy.mx.web.shown import Shown
from synergy.mx.web.site import Site
from synergy.ports.store import Store
from synergy.view.jobs import outside

#: Pages and lists are no longer than this, whatever is asked for.
LIMIT_MAX: Final = 1000
LIMIT_DEFAULT: Final = 100
TEXT_LENGTH_MAX: Final = 500
#: Under this the body that was read is kept with its request: each field asks for it.
_BODY: Final = 'synergy.body'
#: Under this, its form token: each form of a page asks for it.
_TOKEN: Final = 'synergy.form_token'
_UTC_CALENDAR: Final = UtcCalendar()
_SWITCHES: Final = {'true': True, '1': True, 'yes': True, 'on': True} | {
    'false': False, '0': False, 'no': False, 'off': False,
}  # fmt: skip


class Visitor(Struct, frozen=True, kw_only=True):
    """Who asks. role: None for one who has not logged in.

    via: open, session, token or nothing; closed where there is no user, and it is not open.
    session: whose form token changes must carry; None for tokens of the API, which browsers never
    send by themselves.
    """

    name: str
    role: Role | None
    via: str
    session: Session | None = None

    def may(self, needed: Role) -> bool:
        """Tell whether the visitor may do what needs a role."""
        return self.role is not None and self.role.may(needed)


class RequestContext(Struct, frozen=True, kw_only=True):
    """A request with everything that answers it. http: as it was sent.

    problem: why a form was not taken; the page of the form then says so. past: which instant is
    shown instead of now, by a site, a store and a clock of then.
    """

    site: Site
    http: Request
    urls: MapAdapter
    route: Route
    visitor: Visitor
    store: Store
    now: datetime
    problem: Refused | None = None
    past: Shown | None = None

    @property
    def model(self) -> ReadModel:
        """Return the read model."""
        return self.site.model

    def look(self) -> None:
        """Bring the read model up to date; leave it to the feed while tabs follow a busy system."""
        self.model.look(self.store, LOOK_PATIENCE_SECONDS)
        if self.past is None:
            self.site.feed.heed()

    @property
    def context(self) -> Context:
        """Return the context."""
        return self.site.context

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        return self.site.settings

    @property
    def actor(self) -> str:
        """Return who asks and from where, for the audit."""
        return f'{self.visitor.name}@{self.http.remote_addr or "unknown"}'

    def url(self, endpoint: str, **values: object) -> str:
        """Return the address of a page."""
        return self.urls.build(endpoint, values)

    def form_token(self) -> str:
        """Return the token that forms of this visitor carry, the same in all of one answer."""
        session = self.visitor.session
        if session is None:
            return ''
        kept: dict[str, Any] = self.http.environ
        token: str = kept.setdefault(_TOKEN, self.site.sessions.form_token(session))
        return token

    def text(self, name: str, default: str | None = None) -> str:
        """Return a value of the form or the address; raise Refused when it is missing."""
        value = self.optional(name)
        if value is None:
            if default is None:
                is_program = self.http.path.startswith('/api/')
                advice = 'give it' if is_program else 'fill it in and send the form again'
                raise wrong(f'{name} is missing', advice)
            return default
        return value

    def optional(self, name: str) -> str | None:
        """Return a value of the form or the address, or None when it is absent or blank."""
        value = (self._value(name) or self.http.args.get(name) or '').strip()
        if len(value) > TEXT_LENGTH_MAX * 20:
            raise wrong(f'{name} has {len(value)} characters', 'give a shorter one')
        return value or None

    def given(self, name: str) -> str | None:
        """Return a value, '' when it is there and blank, and None only when it is absent."""
        found = self.optional(name)
        if found is None and (self._value(name) is not None or name in self.http.args):
            return ''
        return found

    def _value(self, name: str) -> str | None:
        if self.http.method != 'POST':
            return self.http.args.get(name)
        if self.http.mimetype != 'application/json':
            return self.http.form.get(name)
        value = self.body().get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return 'true' if value else None
        raise wrong(f'{name} is {value!r:.60}', 'give a text')

    def body(self) -> dict[str, Json]:
        """Return the JSON object that was sent; raise Refused when it is none."""
        known: dict[str, Json] | None = self.http.environ.get(_BODY)
        if known is not None:
            return known
        if not self.http.get_data():
            return {}
        try:
            found = loads(self.http.get_data(), BODY)
        except OutOfBounds as error:
            raise wrong(f'the body cannot be taken: {error}', 'send a JSON object') from error
        if not isinstance(found, dict):
            raise wrong('the body is not a JSON object', 'send an object, as in {"kind": "skip"}')
        self.http.environ[_BODY] = found
        return found

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within [least, most]."""
        is_json = self.http.method == 'POST' and self.http.mimetype == 'application/json'
        given = self.body().get(name) if is_json else None
        is_whole = isinstance(given, int) and not isinstance(given, bool)
        value = given if is_whole else self.optional(name)
        if value is None:
            return default
        try:
            return spelled(whole(least, most))(value)
        except ValueError as error:
            raise wrong(f'{name} is {value!r:.60}', str(error)) from error

    def switch(self, name: str) -> bool:
        """Return whether a value says yes; absent is no."""
        value = self.optional(name) or 'false'
        word = value.lower()
        if word not in _SWITCHES:
            raise wrong(f'{name} is {value!r:.60}', 'give true or false')
        return _SWITCHES[word]

    def choice(self, name: str, known: tuple[str, ...], default: str) -> str:
        """Return one of `known`."""
        value = self.optional(name) or default
        if value not in known:
            raise wrong(
                f'{name} is {value!r:.60}{nearest(value, known)}', f'one of {", ".join(known)}'
            )
        return value

    def written(self, name: str, calendar: Calendar = _UTC_CALENDAR) -> Timeperiod | None:
        """Return a timeperiod of any level, as people write it. calendar: which day is today."""
        text = self.optional(name)
        if text is None:
            return None
        try:
            found = written(text, self.now, calendar)
        except UnreadTimeperiod as error:
            raise wrong(f'{name}: {error.what}', error.advice) from error
        if not YEAR_MIN < start_utc(found).year < YEAR_MAX:
            raise wrong(
                f'{name} is {text!r:.40}, which is out of range',
                f'give a year from {YEAR_MIN + 1} to {YEAR_MAX - 1}',
            )
        return found

    def node(self, name: str) -> Node:
        """Return the node of a managed process; raise Refused when there is none."""
        node = self.model.hierarchy.nodes.get(ProcessName(name))
        if node is None:
            known = list(self.model.hierarchy.nodes)
            raise unknown(
                f'there is no managed process {name!r:.80}{nearest(name, known)}',
                'choose one from the list of processes',
                '/processes',
            )
        return node

    def timeperiod(self, node: Node, text: str, *, is_range: bool = False) -> Timeperiod:
        """Return an interval of a node's process; raise Refused when `text` names none.

        is_range: it is the first of a range whose end is given, and may be of any longer level.
        """
        read = begin_at if is_range else at_level
        try:
            return read(node.process.qualifier, text, self.now, node.calendar)
        except UnreadTimeperiod as error:
            raise _unread(error, node) from error

    def end(self, node: Node, text: str) -> Timeperiod:
        """Return the end of a range of a node's intervals, exclusive; of any level."""
        try:
            return end_at(node.calendar, node.process.qualifier, text, self.now)
        except UnreadTimeperiod as error:
            raise _unread(error, node) from error

    def key(self, process: str, timeperiod: str) -> JobKey:
        """Return the job of names from an address; raise Refused when its tree has none of them."""
        node = self.node(process)
        key = JobKey(node.process.name, self.timeperiod(node, timeperiod))
        if (reach := outside(self.model.hierarchy, key)) is not None:
            raise unknown(reach, 'choose an interval in it')
        return key


def _unread(error: UnreadTimeperiod, node: Node) -> Refused:
    process = node.process
    refused = wrong if error.is_other_level else unknown
    told_of = f'(for {process.name}, which is {process.qualifier.word})'
    return refused(f'{error.what} {told_of}', error.advice)
