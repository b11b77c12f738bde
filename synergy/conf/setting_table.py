"""The table of settings: name, reader, default and meaning of each; docs/settings.md shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from synergy.core import readers
from synergy.core.lanes import lane_shares
from synergy.core.readers import Reader
from synergy.core.structs import Struct
from synergy.private import UMASK

T = TypeVar('T')


class Setting(Struct, frozen=True, kw_only=True):
    """One setting.

    read: value or text -> value; its ValueError says what to give. default: as written, for `read`;
    None: none, or found out at load. attribute: of `conf.model.Settings`, if not the name.
    """

    name: str
    read: Callable[[object], Any]
    default: Any
    shown_default: str | None = None
    text: str
    attribute: str | None = None

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return 'SYNERGY_' + self.name.upper().removeprefix('SYNERGY_')

    @property
    def default_value(self) -> Any:
        """Return what the default means."""
        return None if self.default is None else self.read(self.default)


def _spelled(read: Reader[T]) -> Reader[T]:
    """Return a reader of numbers that takes texts as well, with blanks around them."""
    read_spelled = readers.spelled(read)
    return lambda value: read_spelled(value.strip() if isinstance(value, str) else value)


def _whole(least: int, most: int = readers.WHOLE_MAX) -> Reader[int]:
    return _spelled(readers.whole(least, most))


def _seconds(least: float) -> Reader[float]:
    return _spelled(readers.real(least, unit='seconds'))


def _duration(unit: str, least: float, most: float = readers.REAL_MAX) -> Reader[timedelta]:
    return _spelled(readers.duration(unit, least, most))


def _word(*words: str) -> Reader[str]:
    """Return a reader of one of `words`, in capitals or not."""
    read = readers.one_of(words)
    return lambda value: read(value.upper() if isinstance(value, str) else value)


SETTINGS: Final = (
    Setting(
        name='home',
        read=readers.optional(readers.text()),
        default=None,
        shown_default='`.synergy` in the project folder',
        text='Folder of data, logs and pid files. One home is one installation.',
    ),
    Setting(
        name='store_uri',
        read=readers.optional(readers.uri('sqlite', 'mongodb', 'mongodb+srv')),
        default=None,
        shown_default='`sqlite:///HOME/store.db`',
        text='Where the ledger lives: a file, or a MongoDB replica set (see below).',
    ),
    Setting(
        name='broker_uri',
        read=readers.optional(readers.uri('embedded', 'amqp', 'amqps')),
        default=None,
        shown_default='`embedded:///HOME/broker`',
        text='Where messages pass. Embedded, for one machine: the folder holds what wakes '
        'processes, and messages lie in the store where that is a SQLite file, else in the folder. '
        'RabbitMQ: `amqp://USER:PASSWORD@HOST:5672/VIRTUAL_HOST` (`%2F` is the default one), '
        '`amqps://` with TLS, its authority in `?ssl_options=` as in pika.',
    ),
    Setting(
        name='broker_quorum_queues',
        read=readers.spelled_boolean,
        default=False,
        text='RabbitMQ only. True: queues are replicated over the nodes of a cluster. A queue '
        'cannot change its kind: stop everything and `./launch.py mq purge --delete QUEUE` first.',
    ),
    Setting(
        name='context_module',
        read=readers.text(),
        default='context',
        text='Module that registers processes and trees.',
    ),
    Setting(
        name='box_id',
        read=readers.text(),
        default=None,
        shown_default='what `launch.py super --boxid` wrote into `HOME/box_id`, else `dev`',
        text='Name of this machine; `present_on_boxes` of the context entries is matched with it.',
    ),
    Setting(
        name='box_vanished_seconds',
        attribute='box_vanished',
        read=_duration('seconds', 1),
        default=15.0,
        text='A box whose Supervisor was not heard of for this long has vanished; every third of '
        'it the Supervisor tells the store that it lives.',
    ),
    Setting(
        name='process_prefix',
        read=readers.text(),
        default='Synergy',
        text='Beginning of the title under which processes show in `ps`.',
    ),
    Setting(
        name='log_directory',
        read=readers.optional(readers.text()),
        default=None,
        shown_default='`HOME/logs`',
        text='Folder of log files.',
    ),
    Setting(
        name='pid_directory',
        read=readers.optional(readers.text()),
        default=None,
        shown_default='`HOME/run`',
        text='Folder of pid files.',
    ),
    Setting(
        name='umask',
        read=readers.umask,
        default=UMASK,
        shown_default="`'077'`",
        text='Rights that are taken from files which processes make, workers and commands '
        "included, in octal digits; `'022'` lets others read results. Home, store, logs and pid "
        'files are private whatever it says.',
    ),
    Setting(
        name='log_level',
        read=_word('DEBUG', 'INFO', 'WARNING', 'ERROR'),
        default='INFO',
        text='Least level that is logged.',
    ),
    Setting(
        name='debug',
        read=readers.spelled_boolean,
        default=False,
        text='True is the same as log_level DEBUG. Libraries go on with INFO.',
    ),
    Setting(
        name='log_file_bytes_max',
        read=_whole(10_000),
        default=2 * 1024 * 1024,
        text='Size in bytes at which a log file is rotated.',
    ),
    Setting(
        name='log_file_count',
        read=_whole(1),
        default=10,
        text='Number of rotated log files that are kept.',
    ),
    Setting(
        name='synergy_start_timeperiod',
        attribute='start_timeperiod',
        read=readers.hour,
        default='2020050100',
        text='First hour of trees that name no start of their own, in UTC: YYYYMMDDHH, or as in '
        '2026-11-28.',
    ),
    Setting(
        name='synergy_end_timeperiod',
        attribute='end_timeperiod',
        read=readers.optional(readers.hour),
        default=None,
        shown_default='none',
        text='Hour (exclusive) at which every tree ends, whatever its own end.',
    ),
    Setting(
        name='store_busy_seconds_max',
        read=_seconds(0.1),
        default=30.0,
        text='How long to wait for a locked store or broker file, or for a primary and its answer.',
    ),
    Setting(
        name='sqlite_synchronous',
        read=_word('NORMAL', 'FULL'),
        default='NORMAL',
        text='NORMAL: a power cut may undo the last commits (never their order); the death of a '
        'process loses nothing. FULL: every commit waits for the disk.',
    ),
    Setting(
        name='inbox_batch_max',
        read=_whole(1),
        default=256,
        text='Messages that the Scheduler takes together.',
    ),
    Setting(
        name='leader_lease_seconds',
        attribute='leader_lease',
        read=_duration('seconds', 1),
        default=6.0,
        text='Lease of the leading Scheduler; a standby takes over at the latest after it.',
    ),
    Setting(
        name='sweep_seconds',
        attribute='sweep_period',
        read=_duration('seconds', 0.1),
        default=5.0,
        text='How often the Scheduler looks for what was lost between two steps.',
    ),
    Setting(
        name='uow_lease_seconds',
        attribute='uow_lease',
        read=_duration('seconds', 1),
        default=15.0,
        text='Lease of a unit of work, renewed while it runs; after it the unit is rescued.',
    ),
    Setting(
        name='uow_age_hours_max',
        attribute='uow_age_max',
        read=_duration('hours', 0.001, 1e6),
        default=48.0,
        text='After an attempt that a worker held for longer than this and that failed, or whose '
        'worker fell silent, none follows: the job is given up, as its on_failure says. Time in '
        'which no worker held the unit does not count, so an outage gives nothing up.',
    ),
    Setting(
        name='equal_failures_max',
        read=_whole(0),
        default=25,
        text='After so many runs in a row of one process, or free run, that failed for good with '
        'the same error (numbers and ids in it left out), it is paused by itself with that reason, '
        'until somebody switches it on again. 0: never.',
    ),
    Setting(
        name='metrics_processes_max',
        read=_whole(0, 5_000),
        default=300,
        text='So many processes, the first of the context, have numbers of their own in '
        '`/metrics`; all others are one, `other`. The Scheduler and every dashboard go by it.',
    ),
    Setting(
        name='lane_shares',
        read=lane_shares,
        default='live=4 history=1 rerun=4',
        text='How many of so many starts of a process each lane gets while it has live intervals, '
        'history and requests to work on; each gets at least one, so none starves another.',
    ),
    Setting(
        name='log_retention_days',
        attribute='log_retention',
        read=_duration('days', 0.001, 1e5),
        default=90.0,
        text='How long logs of runs, and ended units of free runs, are kept.',
    ),
    Setting(
        name='journal_days',
        attribute='journal_retention',
        read=_duration('days', 1, 3650),
        default=30.0,
        text='How long the journal is kept: what happened, line by line.',
    ),
    Setting(
        name='snapshot_days',
        attribute='snapshot_retention',
        read=_duration('days', 1, 36500),
        default=400.0,
        text='How long daily snapshots of the index are kept; at least as long as the journal.',
    ),
    Setting(
        name='closed',
        read=readers.spelled_closed_hours,
        default=(),
        shown_default='none',
        text='Closed hours of the whole installation: nothing starts in them. A list as in '
        "`['Sun 02:00-04:00 Europe/Berlin', 'the calendar migration_days']`, in a text separated "
        'by semicolons; without a zone in UTC. See [closed hours](context.md#closed-hours).',
    ),
    Setting(
        name='stop_grace_seconds',
        attribute='stop_grace',
        read=_duration('seconds', 0),
        default=10.0,
        text='How long a worker that is asked to stop may go on before it hands its run back.',
    ),
    Setting(
        name='run_log_lines_max',
        read=_whole(10),
        default=10_000,
        text='Lines of log that one attempt keeps: a fifth of them its first, the others its last.',
    ),
    Setting(
        name='restart_delay_seconds',
        attribute='restart_delay',
        read=_duration('seconds', 0.01),
        default=1.0,
        text='Delay before a process that ended is started again; doubles with every quick exit.',
    ),
    Setting(
        name='restart_delay_seconds_max',
        attribute='restart_delay_max',
        read=_duration('seconds', 0.01),
        default=60.0,
        text='Longest such delay.',
    ),
    Setting(
        name='quick_exit_seconds',
        attribute='quick_exit',
        read=_duration('seconds', 0),
        default=10.0,
        text='An exit sooner than this after the start is a quick one.',
    ),
    Setting(
        name='quick_exit_count_max',
        read=_whole(1),
        default=5,
        text='Quick exits in a row after which a process is FATAL and left to an operator.',
    ),
    Setting(
        name='mx_host',
        read=readers.text(),
        default='127.0.0.1',
        text='Address on which the dashboard listens. Beyond this machine it does so only once a '
        'user exists (`./launch.py user add`).',
    ),
    Setting(
        name='mx_port',
        read=_whole(0, 65_535),
        default=5000,
        text='Port of the dashboard; 0 takes a free one and writes it to the log.',
    ),
    Setting(
        name='mx_title',
        read=readers.optional(readers.text()),
        default=None,
        shown_default="the project's folder and `Synergy Scheduler`",
        text='Name of this installation in the titles of its pages.',
    ),
    Setting(
        name='mx_host_names',
        read=readers.spelled_names,
        default=(),
        shown_default='`localhost`, this machine, `mx_host`',
        text='Further names by which browsers may address the dashboard, separated by commas.',
    ),
    Setting(
        name='mx_trusted_proxy',
        read=readers.optional(readers.ip_address),
        default=None,
        text='IP address of the proxy with TLS before the dashboard. What it says in '
        '`X-Forwarded-For` and `X-Forwarded-Proto` is believed, from nobody else: where a change '
        'came from, and that cookies go over HTTPS only.',
    ),
    Setting(
        name='mx_metrics_networks',
        read=readers.networks,
        default=(),
        shown_default='none',
        text='Networks from which `/metrics` may be read without a token, separated by commas, as '
        'in `10.1.0.0/16`; else it needs the role viewer, as every page.',
    ),
    Setting(
        name='mx_allow_open',
        attribute='is_mx_open_allowed',
        read=readers.spelled_boolean,
        default=False,
        text='True lets the dashboard listen beyond this machine although nobody has to log in, '
        'and be open again after all its users were removed.',
    ),
    Setting(
        name='mx_session_hours',
        attribute='mx_session',
        read=_duration('hours', 0.01, 1e5),
        default=12.0,
        text='How long a login to the dashboard lasts.',
    ),
    Setting(
        name='mx_viewers_max',
        read=_whole(1, 10_000),
        default=64,
        text='Pages that may follow the system live at once, a quarter of them of one user, three '
        'quarters from one address; further ones are refreshed by hand.',
    ),
)
