"""The JSON form of groups of dead letters."""

from __future__ import annotations

from synergy.view.encode import instant
from synergy.view.group_documents import LetterGroupDocument
from synergy.view.letter_groups import GroupView


def encode_group(view: GroupView) -> LetterGroupDocument:
    """Return a group as JSON."""
    group = view.group
    return {
        'process': group.process,
        'error': group.kind.error,
        'said': group.error,
        'count': group.count,
        'held': view.held_count,
        'first_timeperiod': str(group.first),
        'last_timeperiod': str(group.last),
        'first_at': instant(group.first_at),
        'last_at': instant(group.last_at),
        'newest_id': group.newest,
        'holds_up': [
            {'process': process, 'count': count} for process, count in view.holds_up.items()
        ],
    }
