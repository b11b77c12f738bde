"""What comes of what operators ask of alerts: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from synergy.core.alert_records import Alerts, Mute, acknowledge
from synergy.core.alert_requests import (
    MUTE_MAX,
    AlertRequest,
    AlertRequestKind,
    AlertRequestState,
)
from synergy.core.alert_rules import AlertRule, Receiver
from synergy.core.nearest import nearest
from synergy.core.structs import replace


class AskedTest(NamedTuple):
    """A message that was asked for, to everybody whom a rule tells of anything."""

    request: AlertRequest
    rule: AlertRule


class Applied(NamedTuple):
    """What is remembered from now on, the requests as they have ended, and tests to be sent."""

    alerts: Alerts
    ended: Sequence[AlertRequest]
    tests: Sequence[AskedTest]


def applied(
    before: Alerts, asked: Sequence[AlertRequest], rules: Sequence[AlertRule], now: datetime
) -> Applied:
    """Return what comes of requests, in their order."""
    alerts, ended, tests = before, list[AlertRequest](), list[AskedTest]()
    by_name = {str(rule.name): rule for rule in rules}
    for request in asked:
        rule = by_name.get(request.named)
        changed, outcome = _outcome(alerts, request, rule, now)
        is_done = changed is not None
        if changed is not None:
            alerts = changed
            if request.kind is AlertRequestKind.TEST and rule is not None:
                tests.append(AskedTest(request, rule))
        elif rule is None and request.kind is not AlertRequestKind.ACK:
            outcome += nearest(request.named, by_name)
        state = AlertRequestState.DONE if is_done else AlertRequestState.REFUSED
        ended.append(replace(request, state=state, ended_at=now, outcome=outcome))
    return Applied(alerts, ended, tests)


def _outcome(
    before: Alerts, request: AlertRequest, rule: AlertRule | None, now: datetime
) -> tuple[Alerts | None, str]:
    """Return what is remembered then, None: as before, for it is refused; and a sentence."""
    name, until = request.named, request.until
    match request.kind:
        case AlertRequestKind.ACK:
            alerts, count = acknowledge(before, name, request.by, now)
            if not count:
                return None, f'no alert of {name} is open that nobody has acknowledged'
            return alerts, f'{count} {"alert" if count == 1 else "alerts"} acknowledged'
        case _ if rule is None:
            return None, f'there is no alert {name}'
        case AlertRequestKind.MUTE:
            if until is None or not now < until <= now + MUTE_MAX:
                return None, f'give an instant from now on, at most {MUTE_MAX.days} days ahead'
            mute = Mute(rule=rule.name, until=until, by=request.by, reason=request.reason)
            told = f'{name} tells nothing until {until:%Y-%m-%d %H:%M} UTC'
            return replace(before, mutes=(*_without(before, rule), mute)), told
        case AlertRequestKind.UNMUTE:
            if all(mute.rule != rule.name or mute.until <= now for mute in before.mutes):
                return None, f'{name} is not muted'
            return replace(before, mutes=_without(before, rule)), f'{name} tells again'
        case AlertRequestKind.TEST:
            return before, f'sent to {len(receivers_of(rule))} receivers'


def receivers_of(rule: AlertRule) -> Sequence[Receiver]:
    """Return everybody whom a rule tells of anything, each once."""
    return list(dict.fromkeys((*rule.to, *rule.escalate_to)))


def _without(alerts: Alerts, rule: AlertRule) -> tuple[Mute, ...]:
    return tuple(mute for mute in alerts.mutes if mute.rule != rule.name)
