"""What a process said last: the exception, the error, the last line; as a log file has them."""

from __future__ import annotations

import logging
from pathlib import Path

from synergy import logs
from synergy.core.last_words import LENGTH_MAX, last_words

RECORD = '2026-11-29 09:14:24,287 {level:<7} {event} synergy.x {text}\n'


def record(text: str, level: str = 'ERROR', event: str = 'ended') -> str:
    return RECORD.format(level=level, event=event, text=text)


def test_the_exception_of_the_last_error_is_told_as_the_log_really_writes_it(
    tmp_path: Path,
) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    file = tmp_path / 'worker.log'
    try:
        logs.set_up(title='P', level='INFO', file=file, bytes_max=10_000, count=1, is_console=False)
        try:
            try:
                raise KeyError('first')
            except KeyError as error:
                raise ModuleNotFoundError("No module named 'requests'\nand more") from error
        except ModuleNotFoundError:
            logging.getLogger('synergy.x').exception('P ended', extra={'event': 'ended'})
        logging.getLogger('stdout').info('a last print')
    finally:
        logging.shutdown()
        root.handlers[:], root.level = before

    assert last_words(file.read_text()) == "ModuleNotFoundError: No module named 'requests'"


def test_an_error_without_a_traceback_is_told_by_its_message() -> None:
    log = record('P ended: store /x is locked') + record('goes on', 'INFO')

    assert last_words(log) == 'P ended: store /x is locked'


def test_what_was_printed_past_the_log_is_told_when_the_log_says_nothing() -> None:
    printed = (
        'Traceback (most recent call last):\n  File "x", line 1\n    boom\n    ^^^\nOSError: 5\n'
    )

    assert last_words(record('started', 'INFO'), printed) == 'OSError: 5'
    assert last_words('', 'context is refused:\n  - one problem\n') == '- one problem'
    assert last_words(record('started', 'INFO')) is None
    assert last_words('') is None


def test_an_exception_group_is_told_by_its_inner_exception() -> None:
    log = record('P ended') + ''.join(
        f'    {line}\n'
        for line in (
            '  + Exception Group Traceback (most recent call last):',
            '  | ExceptionGroup: two (2 sub-exceptions)',
            '  +-+---------------- 1 ----------------',
            '    | Traceback (most recent call last):',
            '    |   File "x", line 1, in f',
            '    | ValueError: inner',
            '    +------------------------------------',
        )
    )

    assert last_words(log) == 'ValueError: inner'


def test_what_is_told_is_short_hides_secrets_and_steers_nothing() -> None:
    told = last_words(record('P ended: mysql://root:hunter2@db/x \x1b[2J' + 'x' * 1000))

    assert told is not None
    assert 'hunter2' not in told
    assert '\x1b' not in told
    assert len(told) == LENGTH_MAX


def test_a_file_that_is_not_python_is_named() -> None:
    printed = (
        'Traceback (most recent call last):\n'
        '  File "/lib/importlib/__init__.py", line 126, in import_module\n    return _gcd()\n'
        '  File "/p/workers/site_daily.py", line 21\n    def x(:\n          ^\n'
        'SyntaxError: invalid syntax\n'
    )

    assert last_words('', printed) == 'SyntaxError: invalid syntax (site_daily.py line 21)'
