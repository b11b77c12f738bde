"""Alerts: acknowledge, mute, unmute and test; asked of Watch, which alone keeps what is remembered.

What is asked for is a request in the store under the id of its audit record, so that asking twice
is asking once. What makes no sense is refused here; what changes until Watch looks, it refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from synergy.core.alert_records import Alert
from synergy.core.alert_requests import (
    MUTE_MAX,
    AlertRequest,
    AlertRequestKind,
    AlertRequestState,
)
from synergy.core.alert_rules import AlertRule
from synergy.core.commands import Command, CommandKind
from synergy.core.nearest import nearest
from synergy.core.records import Json
from synergy.core.structs import replace
from synergy.operations.caller import Caller
from synergy.operations.freezes import until_of
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import (
    asked_before,
    check_bounds,
    record_for,
    used_before,
    write_down,
)
from synergy.ports.store.alerts import AlertReader
from synergy.view.alerts import (
    REQUESTS_MAX,
    History,
    Rules,
    history,
    mute_of,
    remembered,
    watcher_of,
)

ACTIONS: Final = tuple(kind.value for kind in AlertRequestKind)
_LIST: Final = './launch.py alert ls lists what there is'
_PAGE: Final = '/alerts'


def ask(caller: Caller, action: str, named: str | None, until: str | None = None) -> AlertRequest:
    """Ask for one of ACTIONS; return the request as the store has it, done or not.

    named: a rule; to acknowledge, a rule or a group, `night/12`. until: of a mute.
    """
    kind = kind_of(action)
    if not named:
        raise malformed('no alert is named', 'name one, as in night')
    record = record_for(caller, CommandKind.ALERT, named, {'action': kind.value})
    if (known := _known(caller, record)) is not None:
        return known
    check_bounds(record)
    now = caller.store.store_now()
    end = _checked(caller, kind, named, until, now)
    request = AlertRequest(
        id=record.id,
        kind=kind,
        named=named,
        by=caller.actor,
        at=now,
        until=end,
        reason=caller.reason or '',
    )
    caller.store.insert_alert_request(request)
    _write_down(caller, record, end)
    return caller.store.alert_request(request.id) or request


def kind_of(action: str) -> AlertRequestKind:
    """Return what is asked for; refuse what cannot be."""
    if action not in ACTIONS:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'{action!r:.40} cannot be done to an alert{nearest(action, ACTIONS)}',
            f'one of {", ".join(ACTIONS)}',
            listed_at=_PAGE,
        )
    return AlertRequestKind(action)


def known_request(store: AlertReader, request_id: str) -> AlertRequest:
    """Return what was asked for under an id."""
    found = store.alert_request(request_id)
    if found is None:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'nothing was asked of alerts under {request_id!r:.80}, or long ago',
            'the audit keeps it',
            listed_at='/audit',
        )
    return found


def told(
    store: AlertReader,
    rules: Rules,
    limit: int,
    before: int | None = None,
    named: str | None = None,
) -> History:
    """Return what was told, the newest first; refuse a name of which nothing was and no alert is.

    before: what has a smaller number. named: a rule, or a group, `night/12`.
    """
    found = history(store, rules, limit, before, named)
    known = [str(rule.name) for rule in rules]
    if named is None or named in known or found.items or before is not None:
        return found
    raise OperationRefused(
        RefusalKind.UNKNOWN,
        f'nothing was told of {named!r:.80}, and there is no such alert{nearest(named, known)}',
        _LIST,
        listed_at=_PAGE,
    )


def rule_named(caller: Caller, named: str) -> AlertRule:
    """Return a rule of the context."""
    rules = caller.context.alerts
    for rule in rules:
        if rule.name == named:
            return rule
    if not rules:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no alert {named!r:.80}: context.py defines none',
            'add one to alert_context',
            listed_at=_PAGE,
        )
    raise OperationRefused(
        RefusalKind.UNKNOWN,
        f'there is no alert {named!r:.80}{nearest(named, [rule.name for rule in rules])}',
        _LIST,
        listed_at=_PAGE,
    )


def check(caller: Caller, action: str, named: str | None) -> None:
    """Refuse what cannot be asked for now; of a mute, whatever its instant."""
    if not named:
        raise malformed('no alert is named', 'name one, as in night')
    kind = kind_of(action)
    now = caller.store.store_now()
    _check_named(caller, kind, named, now)


def _known(caller: Caller, record: Command) -> AlertRequest | None:
    """Return what was asked for before under the same id."""
    earlier, request = asked_before(caller, record), caller.store.alert_request(record.id)
    if earlier is not None and _about(earlier) != _about(record):
        raise used_before(caller, earlier)
    if earlier is None and request is not None:
        # Whoever asked died in between.
        _write_down(caller, record, request.until)
    if earlier is None or request is not None:
        return request
    # Requests are kept less long than the audit.
    return AlertRequest(
        id=record.id,
        kind=AlertRequestKind(str(record.details['action'])),
        named=record.process,
        by=earlier.actor,
        at=earlier.created_at,
        state=AlertRequestState.DONE,
        outcome='done long ago',
    )


def _about(record: Command) -> tuple[object, str]:
    return record.details.get('action'), record.process


def _write_down(caller: Caller, record: Command, until: datetime | None) -> None:
    details: dict[str, Json] = dict(record.details)
    if until is not None:
        details['until'] = until.isoformat()
    write_down(caller, replace(record, details=details))


def _checked(
    caller: Caller, kind: AlertRequestKind, named: str, until: str | None, now: datetime
) -> datetime | None:
    """Return until when something is to hold; refuse what makes no sense."""
    if until is not None and kind is not AlertRequestKind.MUTE:
        raise malformed(f'until is given to {kind.value}', 'leave it out: it is of mute')
    _check_named(caller, kind, named, now)
    return _end_of(until, now) if kind is AlertRequestKind.MUTE else None


def _check_named(caller: Caller, kind: AlertRequestKind, named: str, now: datetime) -> None:
    store = caller.store
    match kind:
        case AlertRequestKind.ACK:
            _check_open(caller, named)
        case AlertRequestKind.MUTE:
            rule_named(caller, named)
        case AlertRequestKind.UNMUTE:
            rule = rule_named(caller, named)
            asked = [item for item in store.open_alert_requests(REQUESTS_MAX) if _mutes(item)]
            is_asked = any(item.named == named for item in asked)
            if mute_of(remembered(store)[0], rule.name, now) is None and not is_asked:
                raise OperationRefused(
                    RefusalKind.NOTHING, f'{named} is not muted', _LIST, listed_at=_PAGE
                )
        case AlertRequestKind.TEST:
            rule_named(caller, named)
            if watcher_of(store, now) is None:
                raise OperationRefused(
                    RefusalKind.CONFLICT,
                    'no Watch runs, so nothing would be sent',
                    'start it with ./launch.py start Watch, then test again',
                    listed_at=_PAGE,
                )


def _mutes(request: AlertRequest) -> bool:
    return request.kind is AlertRequestKind.MUTE


def _end_of(until: str | None, now: datetime) -> datetime:
    if not until:
        raise malformed(
            'until is missing', 'say until when nothing is to be told, as in "+2 hours"'
        )
    end = until_of(until, now)
    if end <= now:
        raise malformed(f'until {end:%Y-%m-%d %H:%M} UTC is in the past', 'give a later instant')
    if end - now > MUTE_MAX:
        raise malformed(
            f'until {end:%Y-%m-%d %H:%M} UTC is more than {MUTE_MAX.days} days',
            'give an earlier instant, or take the alert out of alert_context in context.py',
        )
    return end


def _check_open(caller: Caller, named: str) -> None:
    """Refuse to acknowledge what is not open, or what somebody sees to."""
    found = [alert for alert in _open(caller.store) if named in (alert.group, alert.rule)]
    if not found:
        raise _not_open(caller, named)
    if all(alert.acknowledged_at is not None for alert in found):
        last = max(found, key=lambda alert: alert.acknowledged_at or alert.began_at)
        raise OperationRefused(
            RefusalKind.NOTHING,
            f'{named} was acknowledged by {last.acknowledged_by} at '
            f'{last.acknowledged_at:%Y-%m-%d %H:%M} UTC',
            'nothing is left to do',
            listed_at=_PAGE,
        )


def _open(store: AlertReader) -> Sequence[Alert]:
    return remembered(store)[0].open


def _not_open(caller: Caller, named: str) -> OperationRefused:
    if any(rule.name == named for rule in caller.context.alerts):
        return OperationRefused(
            RefusalKind.NOTHING, f'nothing of {named} is open', _LIST, listed_at=_PAGE
        )
    if caller.store.deliveries(1, group=named):
        return OperationRefused(
            RefusalKind.NOTHING,
            f'{named} is over',
            './launch.py alert history says since when',
            listed_at=_PAGE,
        )
    known = {name for alert in _open(caller.store) for name in (alert.group, alert.rule) if name}
    return OperationRefused(
        RefusalKind.UNKNOWN,
        f'there is no alert {named!r:.80} that is open{nearest(named, known)}',
        _LIST,
        listed_at=_PAGE,
    )
