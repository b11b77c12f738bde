"""The one logging handler of a process: to its file, its terminal, and the run under way.

Its own, so that what user code does to logging can be undone at the end of each run without
touching what is the user's, see `LoggingBaseline`. Handlers that user code adds stay where
they are.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable, Sequence
from itertools import islice
from operator import attrgetter
from typing import Final, Protocol

from synergy.output.concealed import Concealed
from synergy.output.lines import cut, gap_text

#: A record with more lines is cut in files; the log of a run has a bound of its own.
_RECORD_LINES_MAX: Final = 10_000
_RECORD_HEAD: Final = 2_000
#: How much of a flood, and for how long, is held to be written at once.
_HELD_CHARACTERS: Final = 30_000
_HELD_SECONDS: Final = 0.1
#: A logger that nobody uses: disabled means that a configuration has disabled all that existed.
_CANARY: Final = 'synergy-canary'
#: Of a logger: what LoggingBaseline looks at after each run, in one call.
_STANDING: Final = attrgetter('disabled', 'propagate', 'level')


#: By number; there is no public way to all of them.
_LEVEL_NAMES: Final[dict[int, str]] = logging._levelToName  # noqa: SLF001


class Sink(Protocol):
    """The log of a run."""

    @property
    def about(self) -> str | None:
        """Return what the log of the process calls the run; None: nothing, it has no other."""
        ...

    @property
    def is_long(self) -> bool:
        """Tell whether its beginning is complete; of what comes now it keeps only the last."""
        ...

    def add(self, level: str, text: str) -> None:
        """Take a line."""
        ...

    def extend(self, level: str, texts: Sequence[str]) -> None:
        """Take lines."""
        ...

    def follow(self, flush: Callable[[], None] | None) -> None:
        """Take what brings the newest lines, for when somebody looks; None: there are no more."""
        ...


class Outlet(logging.Handler):
    """Hands records and printed lines to the handlers of the process, and to a run's log."""

    def __init__(self, *handlers: logging.Handler) -> None:
        """Hand on to `handlers`, which must not raise."""
        super().__init__()
        # Of its own: logging.basicConfig gives another to a handler that has none.
        self.setFormatter(logging.Formatter())
        self._handlers = handlers
        #: What is hidden of all that goes through here.
        self.concealed = Concealed()
        self._pid = os.getpid()
        #: The log of the run under way.
        self.sink: Sink | None = None
        #: Called before a record, so that what was printed before it comes before it.
        self.before: Callable[[], None] | None = None
        #: Takes what a forked child logs: it has a copy of this handler, and of the run's log.
        self.of_child: Callable[[int, str], None] | None = None
        self._held: list[str] = []
        self._held_of = ('', 0)
        self._held_characters = 0
        self._flushed_at = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on a record; one that cannot be formatted is told on stderr, as usual."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - user code: arguments that do not fit, or that raise
            self.handleError(record)
            return
        text = self.concealed.text(text)
        if self.of_child is not None and os.getpid() != self._pid:
            self.of_child(record.levelno, text)
            return
        if self.before is not None:
            self.before()
        else:
            self.flush()
        lines = [cut(line) for line in text.splitlines()]
        sink = self.sink
        self._hand_on(record, _told('\n'.join(_bounded(lines)), sink))
        if sink is not None:
            sink.extend(record.levelname, lines)

    def put(self, name: str, level: int, lines: Sequence[str], sink: Sink | None) -> None:
        """Hand on lines that were printed to the stream `name`."""
        lines = [self.concealed.text(line) for line in lines]
        if sink is not None and sink.is_long:
            self._hold(name, level, lines, sink)
        else:
            self.flush()
            for line in lines:
                self._write(name, level, _told(line, sink))
        if sink is not None:
            sink.extend(logging.getLevelName(level), lines)

    def flush(self) -> None:
        """Write down what is held."""
        if self._held:
            held, self._held = self._held, []
            self._held_characters = 0
            self._flushed_at = time.monotonic()
            self._write(*self._held_of, '\n'.join(held))

    def _hold(self, name: str, level: int, lines: Sequence[str], sink: Sink) -> None:
        """Write lines of a flood many at a time, for each record costs more than its text.

        What comes after a pause is written at once, and what is held then once somebody looks.
        """
        if self._held_of != (name, level):
            self.flush()
            self._held_of = (name, level)
        self._held += lines if sink.about is None else [_told(line, sink) for line in lines]
        self._held_characters += sum(map(len, lines))
        is_late = time.monotonic() - self._flushed_at > _HELD_SECONDS
        if is_late or self._held_characters > _HELD_CHARACTERS:
            self.flush()

    def _write(self, name: str, level: int, text: str) -> None:
        record = logging.LogRecord(name, level, '', 0, text, None, None)
        for handler in self._handlers:
            handler.handle(record)

    def _hand_on(self, record: logging.LogRecord, text: str) -> None:
        # A copy, formatted already; the record is for other handlers, too.
        whole = logging.makeLogRecord(record.__dict__)
        whole.msg, whole.args = text, None
        whole.exc_info = whole.exc_text = whole.stack_info = None
        for handler in self._handlers:
            handler.handle(whole)


def _told(text: str, sink: Sink | None) -> str:
    """Return what the log of the process says of a run, with its name where it runs others, too."""
    return text if sink is None or sink.about is None else f'[{sink.about}] {text}'


def _bounded(lines: list[str]) -> list[str]:
    left_out = len(lines) - _RECORD_LINES_MAX
    if left_out <= 0:
        return lines
    # The end, too: there a traceback says what was wrong.
    return [*lines[:_RECORD_HEAD], gap_text(left_out), *lines[_RECORD_HEAD + left_out :]]


class _OwnLogger(logging.Logger):
    """One of this product, to which no handler or filter of the user can do harm.

    It tells of each change to it, so that none has to be looked for after each run.
    """

    tell: Callable[[], None]

    def __setattr__(self, name: str, value: object) -> None:
        """Change, and tell."""
        super().__setattr__(name, value)
        self.tell()

    def __delattr__(self, name: str) -> None:
        """Change, and tell."""
        super().__delattr__(name)
        self.tell()

    def handle(self, record: logging.LogRecord) -> None:
        """Hand on a record; what raises is told."""
        try:
            super().handle(record)
        except Exception:  # noqa: BLE001 - user code
            traceback.print_exc()


class LoggingBaseline:
    """How logging stands when no user code runs, and the way back to it.

    User code may do with logging what it wants; with the end of the run what would silence the
    next one, or the worker itself, is undone. What the user has added stays.
    """

    def __init__(self, outlet: Outlet) -> None:
        """Take logging as it is now."""
        self._outlet = outlet
        self._canary = logging.getLogger(_CANARY)
        self._silent: list[logging.Logger] = []
        # All loggers, and places in their hierarchy, in the order in which they were made.
        self._known: dict[str, logging.Logger | logging.PlaceHolder] = {}
        self._has_changed = True
        self.settle()

    def settle(self) -> None:
        """Take logging as it is now; `setup` of a worker may have changed it permanently."""
        root, outlet = logging.getLogger(), self._outlet
        self._level, self._disable = root.level, root.manager.disable
        self._filters = list(root.filters)
        self._outlet_is = (outlet.level, outlet.formatter, list(outlet.filters))
        self._module_is = (
            logging.getLogRecordFactory(), logging.getLoggerClass(), logging.raiseExceptions,
        )  # fmt: skip
        self._level_names = list(_LEVEL_NAMES.items())
        self._canary.disabled = False
        # A worker of a group settles for each process; what is new then is a logger, if anything.
        known, count = dict(root.manager.loggerDict), len(self._known)
        is_own_new = any(name.split('.')[0] == 'synergy' for name in islice(known, count, None))
        is_as_before = list(islice(known.values(), count)) == [*self._known.values()]
        if self._has_changed or self._silent or is_own_new or not is_as_before:
            known = self._own_taken(root.manager)
        self._known = known
        self._disabled = {
            name
            for name, found in known.items()
            if isinstance(found, logging.Logger) and found.disabled
        }
        self.restore()

    def _own_taken(
        self, manager: logging.Manager
    ) -> dict[str, logging.Logger | logging.PlaceHolder]:
        """Take the loggers of this product as they are now; return all that there are."""
        for name in ['synergy', *manager.loggerDict]:
            if name.split('.')[0] == 'synergy':
                # One that is only a place in the hierarchy so far could be configured, too.
                logging.getLogger(name)
        known = dict(manager.loggerDict)
        self._own = [
            found
            for name, found in known.items()
            if isinstance(found, logging.Logger)
            and (name == 'synergy' or name.startswith('synergy.'))
        ]
        for found in self._own:
            if type(found) in (logging.Logger, _OwnLogger):
                found.__dict__['tell'] = self._note_change
                found.__class__ = _OwnLogger
        # Those of a class that user code has set tell nothing.
        self._silent = [found for found in self._own if not isinstance(found, _OwnLogger)]
        self._own_are = [(False, True, found.level) for found in self._own]
        self._silent_are = [(False, True, found.level) for found in self._silent]
        self._has_changed = True
        return known

    def restore(self) -> None:
        """Undo what would silence the next run; costs next to nothing when nothing was changed."""
        root, outlet = logging.getLogger(), self._outlet
        if root.handlers[:1] != [outlet]:
            # First: one of the user's may raise.
            root.handlers[:] = [outlet, *(item for item in root.handlers if item is not outlet)]
        if root.level != self._level:
            root.setLevel(self._level)
        if root.filters != self._filters:
            root.filters = list(self._filters)
        if root.manager.disable != self._disable:
            logging.disable(self._disable)
        if (outlet.level, outlet.formatter, outlet.filters) != self._outlet_is:
            outlet.level, outlet.formatter = self._outlet_is[:2]
            outlet.filters = list(self._outlet_is[2])
        self._restore_module()
        root.disabled = False
        if self._canary.disabled:
            self._enable(root.manager)
        if self._has_changed or list(map(_STANDING, self._silent)) != self._silent_are:
            self._restore_own()

    def _note_change(self) -> None:
        self._has_changed = True

    def _restore_own(self) -> None:
        # First: a thread of user code may change one meanwhile.
        self._has_changed = False
        for logger, standing in zip(self._own, self._own_are, strict=True):
            if _STANDING(logger) != standing:
                logger.disabled = False
                logger.propagate = True
                logger.setLevel(standing[2])

    def _restore_module(self) -> None:
        """Undo what holds for all loggers, those of the worker itself included."""
        factory, logger_class, raises = self._module_is
        if logging.getLogRecordFactory() is not factory:
            logging.setLogRecordFactory(factory)
        if logging.getLoggerClass() is not logger_class:
            logging.setLoggerClass(logger_class)
        logging.raiseExceptions = raises
        for level, name in self._level_names:
            if _LEVEL_NAMES.get(level) != name:
                logging.addLevelName(level, name)

    def _enable(self, manager: logging.Manager) -> None:
        self._canary.disabled = False
        for name, found in manager.loggerDict.items():
            if isinstance(found, logging.Logger) and name not in self._disabled:
                found.disabled = False
