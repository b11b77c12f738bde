"""Read the rules of alerts, and find everything that is wrong with them.

An address of a receiver holds secrets: no message repeats more of it than its scheme.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

from synergy.conf.alert_entry import CRITICAL, RawAlert
from synergy.conf.closing import Closing
from synergy.conf.model import FreerunEntry
from synergy.core import readers
from synergy.core.alert_rules import (
    ESCALATE_MAX,
    GROUP_DEFAULT,
    GROUP_MAX,
    LIST_MAX,
    PIERCING,
    RULES_MAX,
    AlertKind,
    AlertName,
    AlertRule,
    Receiver,
    Scope,
    ScopeKind,
)
from synergy.core.alert_urls import for_apprise, is_hook, scheme_of, unknown_scheme, url_problem
from synergy.core.bounded import shortened
from synergy.core.closed import ClosedHours
from synergy.core.hierarchy import Hierarchy
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.structs import Struct

T = TypeVar('T')

_MINUTE: Final = timedelta(minutes=1)
_KINDS: Final = tuple(kind.value for kind in AlertKind)
_ESCALATE: Final = readers.optional(readers.duration('minutes', 1, ESCALATE_MAX / _MINUTE))
_GROUP: Final = readers.duration('minutes', 0, GROUP_MAX / _MINUTE)
#: Taken where a field is wrong; the rule is left out then.
_NO_HOURS: Final[tuple[ClosedHours, ...]] = ()
_NO_RECEIVERS: Final[tuple[Receiver, ...]] = ()


class Named(Struct, frozen=True, kw_only=True):
    """What rules may name. processes: of managed ones and of free runs. trees: their processes."""

    processes: frozenset[ProcessName]
    trees: Mapping[str, frozenset[ProcessName]]


def named_of(hierarchy: Hierarchy, freeruns: Iterable[FreerunEntry]) -> Named:
    """Return what rules may name."""
    trees: dict[str, set[ProcessName]] = {}
    for name, node in hierarchy.nodes.items():
        trees.setdefault(node.tree.name, set()).add(name)
    return Named(
        processes=frozenset([*hierarchy.nodes, *(entry.full_name for entry in freeruns)]),
        trees={name: frozenset(processes) for name, processes in trees.items()},
    )


class AlertReader:
    """Reads the rules of one context."""

    def __init__(self, named: Named | None, closing: Closing, note: Callable[[str], None]) -> None:
        """Read them; `note` is told what is wrong. named: None where that could not be read."""
        self._named, self._closing, self._note = named, closing, note
        self._place = ''
        self._is_sound = True

    def rules(self, given: object) -> tuple[AlertRule, ...]:
        """Return the sound rules of `alert_context`, by its order."""
        if not isinstance(given, Mapping):
            self._note(
                '`alert_context` is not a dict of alerts by their names; write it as in '
                "{'night': alert(on=['held'], to=['mailto://...'])}"
            )
            return ()
        if len(given) > RULES_MAX:
            self._note(
                f'`alert_context` has {len(given):,} alerts; give at most {RULES_MAX}, one may '
                'name many conditions and processes'
            )
            return ()
        found = []
        for name, raw in given.items():
            if (rule := self._rule(name, raw)) is not None:
                found.append(rule)
        return tuple(found)

    def _rule(self, name: object, raw: object) -> AlertRule | None:
        self._place, self._is_sound = f'alert {shortened(name)}', True
        try:
            known = AlertName(readers.name(name))
        except ValueError as error:
            self._refuse(f'its name: {error}')
            return None
        if not isinstance(raw, RawAlert):
            self._refuse("it is not an alert; make it with alert(on=['held'], to=['mailto://...'])")
            return None
        if raw.mistakes:
            for mistake in raw.mistakes:
                self._refuse(mistake)
            return None
        fields = raw.fields
        quiet_hours = self._read(fields, 'quiet_hours', readers.closed_hours, _NO_HOURS)
        rule = AlertRule(
            name=known,
            on=self._read(fields, 'on', self._kinds, frozenset()),
            scopes=self._read(fields, 'for_', self._scopes, ()),
            to=self._receivers(fields, 'to', least=1),
            quiet_hours=self._closing.quiet_hours(quiet_hours, known),
            piercing=self._read(fields, 'piercing', _piercing, frozenset()),
            escalate_after=self._read(fields, 'escalate_after', _ESCALATE, None),
            escalate_to=self._receivers(fields, 'escalate_to', least=0),
            group=self._read(fields, 'group_minutes', _GROUP, GROUP_DEFAULT),
        )
        if rule.escalate_to and fields['escalate_after'] is None:
            self._refuse('escalate_to is given, but not when; add escalate_after, in minutes')
        return rule if self._is_sound else None

    def _refuse(self, problem: str) -> None:
        self._is_sound = False
        self._note(f'{self._place}: {problem}')

    def _read(
        self, fields: Mapping[str, Any], field: str, read: Callable[[Any], T], otherwise: T
    ) -> T:
        try:
            return read(fields[field])
        except ValueError as error:
            # Not the value itself: somebody may have given an address there.
            self._refuse(f'{field}: {error}')
            return otherwise

    @staticmethod
    def _kinds(value: object) -> frozenset[AlertKind]:
        found = _kinds(value)
        if not found:
            raise ValueError(f'it names no condition; there are {", ".join(_KINDS)}')
        return found

    def _scopes(self, value: object) -> tuple[Scope, ...]:
        return tuple(self._scope(text) for text in _texts(value, 'tree:site'))

    def _scope(self, text: str) -> Scope:
        kind, colon, pattern = text.partition(':')
        if not colon or kind not in (known := [item.value for item in ScopeKind]):
            hint = nearest(kind, known) if colon else ''
            raise ValueError(
                f"{shortened(text)} says neither tree nor process{hint}; write 'tree:NAME', or "
                "'process:NAME', in which * stands for anything"
            )
        if self._named is None:
            return Scope(ScopeKind(kind), pattern)
        if kind == ScopeKind.TREE.value:
            if pattern not in self._named.trees:
                hint = nearest(pattern, self._named.trees)
                raise ValueError(f'there is no tree {shortened(pattern)}{hint}')
            return Scope(ScopeKind.TREE, pattern, self._named.trees[pattern])
        scope = Scope(ScopeKind.PROCESS, pattern)
        if not any(scope.has(process) for process in self._named.processes):
            hint = nearest(pattern, self._named.processes)
            raise ValueError(f'there is no process or free run {shortened(pattern)}{hint}')
        return scope

    def _receivers(
        self, fields: Mapping[str, Any], field: str, *, least: int
    ) -> tuple[Receiver, ...]:
        """Return who is told; each address that makes no sense is named by its place."""
        try:
            urls = _texts(fields[field], 'mailto://...')
        except ValueError as error:
            self._refuse(f'{field}: {error}')
            return _NO_RECEIVERS
        if len(urls) < least:
            self._refuse(f"{field}: nobody is told; give an address, as in ['mailto://...']")
        for number, url in enumerate(urls):
            if problem := url_problem(url) or _apprise_problem(url):
                scheme = scheme_of(url)
                shown = f' ({scheme}://...)' if scheme else ''
                self._refuse(f'{field}[{number}]{shown}: {problem}')
        return tuple(dict.fromkeys(map(Receiver, urls)))


def _texts(value: object, example: str) -> Sequence[str]:
    """Return the texts of a list; one may stand alone."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(item, str) for item in found):
        raise ValueError(f'give a list of texts, as in [{example!r}]')
    if len(found) > LIST_MAX:
        raise ValueError(f'give at most {LIST_MAX}')
    return found


def _kinds(value: object) -> frozenset[AlertKind]:
    found = set()
    for text in _texts(value, 'held'):
        if text not in _KINDS:
            told = nearest(text, _KINDS) or f'; there are {", ".join(_KINDS)}'
            raise ValueError(f'{shortened(text)} is not a condition{told}')
        found.add(AlertKind(text))
    return frozenset(found)


def _piercing(value: object) -> frozenset[AlertKind]:
    """Return what is told in quiet hours, too: `critical` stands for all of that."""
    texts = _texts(value, CRITICAL)
    own = _kinds([text for text in texts if text != CRITICAL])
    return own | (PIERCING if CRITICAL in texts else frozenset())


def _apprise_problem(url: str) -> str | None:
    """Return that apprise makes nothing of an address; None: it does, or is not there to ask."""
    if is_hook(url):
        return None
    with _silent_apprise():
        try:
            library = importlib.import_module('apprise')
        except ImportError:
            return None
        made = library.Apprise.instantiate(for_apprise(url), suppress_exceptions=True)
    return unknown_scheme(url) if made is None else None


@contextmanager
def _silent_apprise() -> Iterator[None]:
    """Let apprise warn and log of nothing: it would tell the whole address."""
    logger = logging.getLogger('apprise')
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.disabled = was_disabled
