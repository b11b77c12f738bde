"""The one handler of a process, and what user code may do to logging without silencing it."""

from __future__ import annotations

import errno
import io
import logging
import logging.config
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from synergy import logs
from synergy.output.outlet import LoggingBaseline, Outlet


class Kept:
    """A log of a run."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.is_long = False
        self.about: str | None = None

    def add(self, level: str, text: str) -> None:
        self.lines.append((level, text))

    def extend(self, level: str, texts: Sequence[str]) -> None:
        self.lines += [(level, text) for text in texts]

    def follow(self, flush: Callable[[], None] | None) -> None:
        """Look at nothing."""


class Full(io.StringIO):
    """A file on a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'logs' / 'x.log'


@pytest.fixture
def outlet(file: Path) -> Iterator[Outlet]:
    root = logging.getLogger()
    handlers, level, names = list(root.handlers), root.level, set(root.manager.loggerDict)
    # As logging.basicConfig would: those of pytest are not closed.
    root.handlers.clear()
    found = logs.set_up(
        title='x', level='INFO', file=file, bytes_max=10_000_000, count=1, is_console=False
    )
    yield found
    for handler in found._handlers:
        with suppress(OSError):
            handler.close()
    logging.disable(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)
    root.disabled = False
    root.filters.clear()
    for name, logger in root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger):
            logger.disabled = False
            if name not in names:
                logger.handlers.clear()


def empty_configuration() -> None:
    logging.config.dictConfig({'version': 1, 'root': {'handlers': [], 'level': 'ERROR'}})


def own_configuration() -> None:
    logging.config.dictConfig(
        {
            'version': 1,
            'handlers': {'h': {'class': 'logging.NullHandler'}},
            'root': {'handlers': ['h'], 'level': 'DEBUG'},
            'loggers': {'synergy': {'level': 'CRITICAL', 'propagate': False}},
        }
    )


def filters_all() -> None:
    logging.getLogger().addFilter(lambda _: False)
    logging.getLogger().handlers[0].addFilter(lambda _: False)


def closes_the_handlers() -> None:
    for handler in list(logging.getLogger().handlers):
        handler.close()
    logging.shutdown()


def raises_levels() -> None:
    logging.getLogger().setLevel(logging.CRITICAL)
    logging.getLogger('synergy').setLevel(logging.CRITICAL)
    logging.getLogger('synergy.workers.runner').setLevel(logging.CRITICAL)
    logging.getLogger().handlers[0].setLevel(logging.CRITICAL)


class Raising(logging.Handler):
    """A handler of the user that fails at every record."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(record)


def raising_filter(record: logging.LogRecord) -> bool:
    raise RuntimeError(record)


def raising_factory(*_: object, **__: object) -> logging.LogRecord:
    raise RuntimeError


def other_class() -> None:
    logging.setLoggerClass(type('Silent', (logging.Logger,), {'isEnabledFor': lambda *_: False}))
    logging.getLogger('user.code.of.other.class')


def own_handler_first() -> None:
    logging.getLogger().handlers.insert(0, logging.NullHandler())
    logging.addLevelName(logging.INFO, 'Hint')
    logging.addLevelName(5, 'TRACE')


@pytest.mark.parametrize(
    'work',
    [
        own_handler_first,
        other_class,
        lambda: logging.setLogRecordFactory(raising_factory),
        lambda: setattr(logging, 'raiseExceptions', False),
        empty_configuration,
        own_configuration,
        filters_all,
        closes_the_handlers,
        raises_levels,
        lambda: logging.disable(logging.CRITICAL),
        lambda: logging.basicConfig(force=True),
        lambda: logging.getLogger().handlers.clear(),
        lambda: setattr(logging.getLogger(), 'disabled', True),
        lambda: setattr(logging.getLogger('synergy.workers.runner'), 'disabled', True),
        lambda: setattr(logging.getLogger('synergy.workers.runner'), 'propagate', False),
        lambda: setattr(logging.getLogger('synergy.workers'), 'level', logging.CRITICAL),
        lambda: logging.getLogger().handlers[0].setFormatter(logging.Formatter('%(no_such)s')),
    ],
)
def test_the_next_run_and_the_worker_log_whatever_one_does(
    work: Callable[[], None], outlet: Outlet, file: Path
) -> None:
    users, own = logging.getLogger('user.code'), logging.getLogger('synergy.workers.runner')
    standing = LoggingBaseline(outlet)
    kept = outlet.sink = Kept()

    work()
    standing.restore()
    users.info('rows %d', 3)
    own.info('claimed')

    assert kept.lines == [('INFO', 'rows 3'), ('INFO', 'claimed')]
    assert 'user.code rows 3' in file.read_text()
    assert 'synergy.workers.runner claimed' in file.read_text()


def test_a_logger_of_the_worker_that_is_of_another_class_is_looked_at_after_each_run(
    outlet: Outlet,
) -> None:
    own = logging.getLogger('synergy.made.by.a.library')
    own.__class__ = type('Silent', (logging.Logger,), {})
    standing = LoggingBaseline(outlet)
    for _ in range(2):
        kept = outlet.sink = Kept()

        own.disabled = True
        standing.restore()
        own.info('claimed')

        assert kept.lines == [('INFO', 'claimed')]


def test_a_worker_that_logs_is_told_of_changes_in_every_run(outlet: Outlet) -> None:
    own = logging.getLogger('synergy.workers.runner')
    standing = LoggingBaseline(outlet)
    for _ in range(2):
        kept = outlet.sink = Kept()

        own.setLevel(logging.CRITICAL)
        own.propagate = False
        standing.restore()
        own.info('claimed')

        assert kept.lines == [('INFO', 'claimed')]


@pytest.mark.parametrize(
    'work',
    [
        lambda: logging.getLogger().addHandler(Raising()),
        lambda: logging.getLogger().handlers.insert(0, Raising()),
        lambda: logging.getLogger('synergy').addHandler(Raising()),
        lambda: logging.getLogger('synergy.workers.runner').addFilter(raising_filter),
    ],
)
def test_what_raises_in_logging_harms_user_code_alone(
    work: Callable[[], None], outlet: Outlet, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, root = logging.getLogger('synergy.workers.runner'), logging.getLogger()
    standing = LoggingBaseline(outlet)
    kept = outlet.sink = Kept()
    try:
        work()
        standing.restore()
        own.info('claimed')
    finally:
        own.filters.clear()
        logging.getLogger('synergy').handlers.clear()

    assert 'RuntimeError' in capsys.readouterr().err
    if any(isinstance(handler, Raising) for handler in root.handlers):
        assert kept.lines == [('INFO', 'claimed')]
        with pytest.raises(RuntimeError):
            logging.getLogger('user.code').warning('told')
        assert 'user.code told' in file.read_text()


def test_what_holds_for_all_loggers_is_undone(outlet: Outlet) -> None:
    standing = LoggingBaseline(outlet)
    before = (logging.getLogRecordFactory(), logging.getLoggerClass())

    own_handler_first()
    other_class()
    logging.setLogRecordFactory(raising_factory)
    logging.raiseExceptions = False
    standing.restore()

    assert (logging.getLogRecordFactory(), logging.getLoggerClass()) == before
    assert logging.raiseExceptions
    assert [logging.getLevelName(level) for level in (logging.INFO, 5)] == ['INFO', 'TRACE']


def test_what_setup_has_chosen_stays(outlet: Outlet) -> None:
    standing = LoggingBaseline(outlet)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger('noisy').disabled = True
    standing.settle()
    kept = outlet.sink = Kept()

    empty_configuration()
    standing.restore()
    logging.getLogger('noisy').error('noise')
    logging.getLogger('user.code').info('detail')
    logging.getLogger('user.code').warning('seen')

    assert kept.lines == [('WARNING', 'seen')]


def test_a_later_setup_is_taken_as_the_first_one_is(outlet: Outlet) -> None:
    standing = LoggingBaseline(outlet)
    logging.getLogger('user.late').disabled = True
    standing.settle()
    own = logging.getLogger('synergy.workers.late')
    standing.settle()
    own.setLevel(logging.ERROR)
    standing.settle()

    own.setLevel(logging.CRITICAL)
    empty_configuration()
    standing.restore()

    assert (own.disabled, own.level) == (False, logging.ERROR)
    assert logging.getLogger('user.late').disabled
    assert not logging.getLogger('user.code').disabled


def test_a_handler_of_the_user_stays(outlet: Outlet) -> None:
    standing = LoggingBaseline(outlet)
    own = logging.NullHandler()

    logging.getLogger().addHandler(own)
    standing.restore()

    assert logging.getLogger().handlers[0] is outlet
    assert own in logging.getLogger().handlers


def test_a_file_that_cannot_be_written_ends_nothing(
    outlet: Outlet, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = outlet.sink = Kept()
    (inner,) = outlet._handlers
    assert isinstance(inner, logging.StreamHandler)
    inner.stream.close()
    inner.stream = Full()

    logging.getLogger('user.code').info('goes on')

    assert kept.lines == [('INFO', 'goes on')]
    assert capsys.readouterr().err == ''


@pytest.mark.usefixtures('outlet')
def test_a_record_of_many_lines_is_bounded_in_the_file(file: Path) -> None:
    logging.getLogger('user.code').info('%s', '\n'.join(map(str, range(100_000))))

    text = file.read_text()
    assert text.count('\n') == 10_001
    assert '\n    ... 90,000 lines left out ...\n' in text
    assert text.endswith(' 99999\n')


def test_a_record_reaches_other_handlers_untouched(outlet: Outlet) -> None:
    seen: list[logging.LogRecord] = []

    class Other(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)

    logging.getLogger().addHandler(Other())

    try:
        raise ValueError('no')
    except ValueError:
        logging.getLogger('user.code').exception('%s rows', 3)

    assert seen[0].args == (3,)
    assert seen[0].exc_info is not None
    assert outlet in logging.getLogger().handlers


def test_a_flood_is_written_down_whole_and_in_its_order(outlet: Outlet, file: Path) -> None:
    kept = outlet.sink = Kept()
    kept.is_long = True
    for number in range(500):
        outlet.put('stdout', logging.INFO, [f'line {number} of many'], kept)
    outlet.put('stderr', logging.WARNING, ['careful'], kept)
    logging.getLogger('user.code').info('done')
    outlet.put('stdout', logging.INFO, ['one more'], kept)
    outlet.flush()

    written = [line.split()[-4:] for line in file.read_text().splitlines()]
    order = [f'line {number} of many'.split() for number in range(500)]
    assert written[:500] == order
    assert [line[-1] for line in written[500:]] == ['careful', 'done', 'more']
    assert [text for _, text in kept.lines[500:]] == ['careful', 'done', 'one more']


def test_a_record_of_many_lines_keeps_its_end_in_the_file(outlet: Outlet, file: Path) -> None:
    del outlet
    logging.getLogger('user.code').error('%s', '\n'.join(f'frame {n}' for n in range(30_011)))

    text = file.read_text()
    assert 'frame 0\n' in text
    assert '... 20,011 lines left out ...' in text
    assert text.rstrip().endswith('frame 30010')
