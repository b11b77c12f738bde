"""Calendars of a context: days as their libraries and files say them, and what is refused."""

from __future__ import annotations

import importlib
import sys
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from synergy.conf.calendars import (
    CalendarProblem,
    Calendars,
    Span,
    dates_from,
    exchange_days,
    last_working_day_of_month,
    weekdays,
    working_days,
)
from synergy.core.timeperiod import Qualifier, date_of, of_date
from synergy.core.working import WorkingDays

SPAN = Span(date(2026, 1, 1), date(2027, 1, 1))
GIVEN = {
    'bavaria': working_days(country='DE', subdivision='BY'),
    'nyse': exchange_days('XNYS'),
    'ours': ['2026-11-23', date(2026, 11, 25)],
    'file': dates_from('days.txt'),
    'office': weekdays('Mon-Thu, Fri'),
    'round': weekdays('Sat-Mon'),
    'closing': last_working_day_of_month('bavaria'),
}


def calendars(tmp_path: Path, given: dict[str, object] | None = None) -> Calendars:
    (tmp_path / 'days.txt').write_text('# ours\n2026-11-24\n\n2026-11-26  # late\n')
    return Calendars(given or GIVEN, SPAN, project=tmp_path, folder=tmp_path / 'kept')


def works(days: WorkingDays, *texts: str) -> list[bool]:
    return [
        days.works(of_date(Qualifier.DAILY, date.fromisoformat(text)).ordinal) for text in texts
    ]


def test_each_says_its_days(tmp_path: Path) -> None:
    known = calendars(tmp_path)

    # Epiphany is one in Bavaria only; 3 October is a Saturday, 26 November Thanksgiving.
    assert works(known.of('bavaria'), '2026-01-06', '2026-01-07', '2026-10-04') == [0, 1, 0]
    assert works(known.of('nyse'), '2026-11-25', '2026-11-26', '2026-11-27', '2026-11-28') == [
        1, 0, 1, 0,
    ]  # fmt: skip
    assert works(known.of('ours'), '2026-11-23', '2026-11-24', '2026-11-25') == [1, 0, 1]
    assert works(known.of('file'), '2026-11-23', '2026-11-24', '2026-11-26') == [0, 1, 1]
    assert works(known.of('office'), '2026-11-27', '2026-11-28', '2026-11-30') == [1, 0, 1]
    assert works(known.of('round'), '2026-11-27', '2026-11-28', '2026-11-30') == [0, 1, 1]
    # 31 May 2026 is a Sunday, and New Year's Eve is no holiday.
    assert works(known.of('closing'), '2026-05-29', '2026-05-31', '2026-12-31') == [1, 0, 1]


def test_what_a_library_has_said_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = calendars(tmp_path).of('bavaria')
    monkeypatch.setitem(sys.modules, 'holidays', None)

    assert calendars(tmp_path).of('bavaria') == before
    (kept,) = (tmp_path / 'kept').iterdir()
    kept.write_text('{}')
    with pytest.raises(CalendarProblem, match=r'holidays is not installed.*pip install holidays'):
        calendars(tmp_path).of('bavaria')


@pytest.mark.parametrize(
    ('given', 'complaint'),
    [
        ({'x': working_days('DEE')}, "country 'DEE' is not known to holidays"),
        ({'x': working_days(['DE'])}, "country is list of 1 items; give a text, as in 'DE'"),  # type: ignore[arg-type]
        ({'x': working_days(contry='DE')}, r"unknown keyword 'contry' \(did you mean 'country'"),  # type: ignore[call-arg]
        ({'x': exchange_days('xnys')}, "did you mean 'XNYS'"),
        ({'x': exchange_days(5)}, 'code is 5; give a text'),  # type: ignore[arg-type]
        ({'x': [datetime(2026, 1, 5, tzinfo=UTC)]}, 'which is not a date'),
        ({'x': ['2019-01-01']}, 'none of its dates lies from 2026-01-01 to 2026-12-31'),
        ({'x': dates_from('a\0b')}, 'is not a file; correct the path'),
        ({'x': dates_from('/dev/zero')}, 'is not a file; correct the path'),
        ({'x': working_days('DE', 'BYY')}, r"subdivision 'BYY' of DE .*did you mean 'BY'"),
        ({'x': exchange_days('XNYX')}, r"exchange 'XNYX' is not known.*did you mean 'XNYS'"),
        ({'x': []}, 'has no date'),
        ({'x': ['2026-01-01', '2026-01-01']}, 'has 2026-01-01 twice'),
        ({'x': ['1.1.2026']}, 'which is not a date; write it as YYYY-MM-DD'),
        ({'x': dates_from('none.txt')}, 'is not a file'),
        ({'x': weekdays('Mon-Fry')}, 'does not name days of the week'),
        ({'x': 4}, 'make it with working_days'),
        ({'x': last_working_day_of_month('y')}, "there is no calendar 'y'"),
        (
            {'x': last_working_day_of_month('y'), 'y': last_working_day_of_month('x')},
            'x <- y <- x: these calendars need each other',
        ),
        ({'xx': ['2026-01-01']}, "there is no calendar 'x' .*did you mean 'xx'"),
    ],
)
def test_what_cannot_be_used_says_what_helps(
    tmp_path: Path, given: dict[str, object], complaint: str
) -> None:
    with pytest.raises(CalendarProblem, match=complaint):
        calendars(tmp_path, given).of('x')


def test_a_file_may_begin_with_a_mark(tmp_path: Path) -> None:
    known = calendars(tmp_path, {'x': dates_from('marked.txt')})
    (tmp_path / 'marked.txt').write_text('2026-11-24\r\n', encoding='utf-8-sig')

    assert works(known.of('x'), '2026-11-24') == [1]


def test_each_says_where_its_days_end(tmp_path: Path) -> None:
    given = {**GIVEN, 'bombay': exchange_days('XBOM'), 'end': last_working_day_of_month('file')}
    longer = Span(date(2026, 1, 1), date(2029, 1, 1))
    folder = tmp_path / 'kept'
    calendars(tmp_path)  # Writes the file.

    for _ in range(2):  # The second time from what was kept.
        known = Calendars(given, longer, project=tmp_path, folder=folder)
        told = {}
        for name in ('bavaria', 'nyse', 'ours', 'file', 'office', 'end', 'bombay'):
            source = known.of(name).source
            told[name] = None if source is None else (date_of(source.until - 1), source.is_list)

        assert told.pop('bombay') == (exchange_bound('XBOM'), False)
        assert told == {
            'bavaria': None,
            'nyse': None,
            'office': None,
            'ours': (date(2026, 11, 25), True),
            'file': (date(2026, 11, 26), True),
            'end': (date(2026, 11, 26), True),
        }


def exchange_bound(code: str) -> date:
    with warnings.catch_warnings():
        # About its own use of other libraries.
        warnings.simplefilter('ignore')
        library: Any = importlib.import_module('exchange_calendars')
        found: date = library.get_calendar(code).bound_max().date()
    return found
