"""What a heat map is about: a tree or a process, at which day or hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from synergy.core.node import Node
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import Struct
from synergy.core.timeperiod import YEAR_MIN, Qualifier, Timeperiod
from synergy.mx.web.request_context import RequestContext

ZOOMS: Final = ('all', 'year', 'month', 'week', 'day', 'hour')
YEARS_MAX: Final = 60
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7


class Moment(Struct, frozen=True, kw_only=True):
    """What a map shows: the year, month or week that holds a day, that day, or an hour of it."""

    day: date
    hour: Timeperiod


class Focus(Struct, frozen=True, kw_only=True):
    """What a heat map is about. processes: of its tree. node: the one whose days make the year.

    kept: what addresses of other heat maps take along. first_weekday: on which day the weeks of its
    tree begin, 0 for Monday. has_weeks, has_minutes: trees that the map shows have such levels.
    """

    name: str
    tree: str
    node: Node
    processes: Sequence[ProcessName]
    kept: str = ''
    first_weekday: int = 0
    has_weeks: bool = False
    has_minutes: bool = False

    @property
    def zooms(self) -> tuple[str, ...]:
        """Return the maps that say something of their own here."""
        without = {'week': self.has_weeks, 'hour': self.has_minutes}
        return tuple(zoom for zoom in ZOOMS if without.get(zoom, True))

    def address(self, zoom: str, at: str) -> str:
        """Return the address of another heat map of the same."""
        return f'/t/{self.name}?z={zoom}&at={at}{self.kept}'

    def week_of(self, day: date) -> Sequence[date]:
        """Return the seven days of the week in which a day lies."""
        first = day - _DAY * ((day.weekday() - self.first_weekday) % _WEEK)
        return [first + _DAY * number for number in range(_WEEK)]


def trees_around(request: RequestContext, focus: Focus) -> Sequence[Tree]:
    """Return the tree, then those it depends on or that depend on it."""
    trees = {node.tree.name: node.tree for node in request.model.hierarchy}
    own = trees[focus.tree]
    shown = [
        tree
        for tree in trees.values()
        if tree is own or tree.name in own.dependent_on or own.name in tree.dependent_on
    ]
    return sorted(shown, key=lambda tree: tree is not own)


def years_of(node: Node, ordinals: range) -> range:
    """Return the years, as its dates say, from the first to the last of some intervals."""
    if not ordinals:
        return range(0)
    first, last = (
        node.calendar.parent(Timeperiod(node.process.qualifier, item), Qualifier.YEARLY)
        for item in (ordinals.start, ordinals.stop - 1)
    )
    return range(YEAR_MIN + first.ordinal, YEAR_MIN + last.ordinal + 1)


def date_of(day: Timeperiod) -> date:
    """Return the date by which a day is called."""
    return date.fromordinal(date(YEAR_MIN, 1, 1).toordinal() + day.ordinal)
