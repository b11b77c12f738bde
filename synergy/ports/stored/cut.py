"""Where intervals begin since a recut, as a JSON text."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from synergy.core.bounded import shortened
from synergy.core.cut import Cut
from synergy.core.timeperiod import Qualifier
from synergy.ports.rows import Malformed

#: Longest text that is read; who asked and why are in it.
_TEXT_MAX: Final = 100_000


def encode(cut: Cut | None) -> str | None:
    """Return the text form; None of none."""
    if cut is None:
        return None
    return json.dumps(
        {
            'request': cut.request,
            'level': cut.qualifier.value,
            'zone': cut.zone,
            'first': cut.first,
            'runs': cut.runs,
            'others': {level.value: runs for level, runs in cut.others},
            'at': cut.at.isoformat(),
            'by': cut.by,
        }
    )


def decode(text: object) -> Cut | None:
    """Return what a text says; None of none. Raises Malformed."""
    if text is None:
        return None
    try:
        if not isinstance(text, str) or len(text) > _TEXT_MAX:
            raise ValueError(f'a text of at most {_TEXT_MAX} characters is expected')
        read = json.loads(text)
        at = datetime.fromisoformat(str(read['at']))
        if at.tzinfo is None:
            raise ValueError('at has no time zone')
        return Cut(
            request=str(read['request']),
            qualifier=Qualifier(str(read['level'])),
            zone=str(read['zone']),
            first=_whole(read['first']),
            runs=_whole(read['runs']),
            # Of recuts before there was such a field nothing is known.
            others=tuple(
                (Qualifier(level), _whole(runs)) for level, runs in read.get('others', {}).items()
            ),
            at=at,
            by=str(read['by']),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Malformed(f"field 'cut' is {shortened(text)}: {error!r:.100}") from error


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise ValueError(f'{value!r:.50} where a whole number is expected')
    return value
