"""Ids of units: the same for the same run, in the order in which units are made, never twice."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NewType

from synergy.core.timeperiod import WEEKS, JobKey, Qualifier

UowId = NewType('UowId', str)


def uow_id_of(key: JobKey, run: int) -> UowId:
    """Return the id of a job's unit `run`: the same for the same run, whoever computes it.

    24 hexadecimal digits, the width of the ids in databases of Synergy 2.x: 11 of a digest of the
    process, one of its level, 8 of the ordinal of the timeperiod and 4 of the run, so that ids
    sort as units are made, and their indexes grow at few places. A run or place that has more
    digits gets a digest of the whole: live intervals run very often, and a dead letter stays.
    Weeks share a digit; the digest of those that do not begin on a Monday is of their level, too.
    """
    process, (qualifier, ordinal) = key
    if run > RUN_IN_ID_MAX or ordinal > ORDINAL_IN_ID_MAX:
        return _digest_id_of(key, run)
    return UowId(f'{_prefix_of(process, qualifier)}{ordinal << 16 | run:012x}')


def uow_ids_of(key: JobKey, run: int) -> tuple[UowId, UowId]:
    """Return the id of a job's unit `run`, and the one that schema versions below 18 gave it."""
    return uow_id_of(key, run), _digest_id_of(key, run)


def id_prefixes_of(process: str) -> Collection[str]:
    """Return with what the ids of a process's units begin, but those that are digests."""
    return {_prefix_of(process, level)[:-1] for level in _DIGIT_BY_QUALIFIER}


def _digest_id_of(key: JobKey, run: int) -> UowId:
    name = f'{key.process}@{key.timeperiod}#{run}'
    return UowId(blake2b(name.encode(), digest_size=12).hexdigest())


@lru_cache(maxsize=16_384)
def _prefix_of(process: str, qualifier: Qualifier) -> str:
    said = f'{process}\0{qualifier}' if qualifier in _OTHER_WEEKS else process
    digest = blake2b(said.encode(), digest_size=6).hexdigest()[:11]
    return f'{digest}{_DIGIT_BY_QUALIFIER[qualifier]}'


#: What the digits of an id hold.
RUN_IN_ID_MAX: Final = 0xFFFF
ORDINAL_IN_ID_MAX: Final = 0xFFFF_FFFF
_OTHER_WEEKS: Final = frozenset(WEEKS) - {Qualifier.WEEKLY}
#: Part of ids, and so never to be changed.
_DIGIT_BY_QUALIFIER: Final = {
    Qualifier.YEARLY: '1',
    Qualifier.MONTHLY: '2',
    Qualifier.DAILY: '3',
    Qualifier.HOURLY: '4',
    Qualifier.REAL_TIME: '5',
    **dict.fromkeys(WEEKS, '6'),
    Qualifier.MINUTELY_30: '7',
    Qualifier.MINUTELY_20: '8',
    Qualifier.MINUTELY_15: '9',
    Qualifier.MINUTELY_12: 'a',
    Qualifier.MINUTELY_10: 'b',
    Qualifier.MINUTELY_6: 'c',
    Qualifier.MINUTELY_5: 'd',
    Qualifier.MINUTELY_3: 'e',
    Qualifier.MINUTELY_2: 'f',
    Qualifier.MINUTELY_1: '0',
}
