"""What the leader says of itself, as JSON carries it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from synergy.core.leader_standing import Isolated, LeaderStanding, Subject, SubjectKind


def encode(standing: LeaderStanding) -> dict[str, Any]:
    """Return it as JSON carries it."""
    return {
        'isolated': [
            {
                'kind': item.subject.kind.value,
                'name': item.subject.name,
                'reason': item.reason,
                'since': item.since.isoformat(),
                'refusal_count': item.refusal_count,
                'next_at': None if item.next_at is None else item.next_at.isoformat(),
            }
            for item in standing.isolated
        ],
        'stuck_since': None if standing.stuck_since is None else standing.stuck_since.isoformat(),
        'stuck_because': standing.stuck_because,
    }


def decode(value: object) -> LeaderStanding:
    """Return what was encoded; what somebody else has written there says nothing."""
    try:
        assert isinstance(value, Mapping)
        return LeaderStanding(
            isolated=tuple(
                Isolated(
                    subject=Subject(SubjectKind(item['kind']), str(item['name'])),
                    reason=str(item['reason']),
                    since=datetime.fromisoformat(item['since']),
                    refusal_count=int(item['refusal_count']),
                    next_at=_instant(item['next_at']),
                )
                for item in value['isolated']
            ),
            stuck_since=_instant(value['stuck_since']),
            stuck_because=value['stuck_because'],
        )
    except (AssertionError, KeyError, TypeError, ValueError):
        return LeaderStanding()


def _instant(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
