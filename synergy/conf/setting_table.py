"""The table of settings: name, reader, default and meaning of each; docs/settings.md shows it."""

from __future__ import annotations

from typing import Final

from synergy.conf.mx_settings import MX_SETTINGS
from synergy.conf.setting_kinds import Setting as Setting  # Of what the table is made.
from synergy.conf.setting_kinds import duration, seconds, whole, word
from synergy.conf.watch_settings import WATCH_SETTINGS
from synergy.core import readers
from synergy.core.lanes import lane_shares
from synergy.private import UMASK

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
        read=duration('seconds', 1),
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
        read=word('DEBUG', 'INFO', 'WARNING', 'ERROR'),
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
        read=whole(10_000),
        default=2 * 1024 * 1024,
        text='Size in bytes at which a log file is rotated.',
    ),
    Setting(
        name='log_file_count',
        read=whole(1),
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
        read=seconds(0.1),
        default=30.0,
        text='How long to wait for a locked store or broker file, or for a primary and its answer.',
    ),
    Setting(
        name='sqlite_synchronous',
        read=word('NORMAL', 'FULL'),
        default='NORMAL',
        text='NORMAL: a power cut may undo the last commits (never their order); the death of a '
        'process loses nothing. FULL: every commit waits for the disk.',
    ),
    Setting(
        name='inbox_batch_max',
        read=whole(1),
        default=256,
        text='Messages that the Scheduler takes together.',
    ),
    Setting(
        name='leader_lease_seconds',
        attribute='leader_lease',
        read=duration('seconds', 1),
        default=6.0,
        text='Lease of the leading Scheduler; a standby takes over at the latest after it.',
    ),
    Setting(
        name='sweep_seconds',
        attribute='sweep_period',
        read=duration('seconds', 0.1),
        default=5.0,
        text='How often the Scheduler looks for what was lost between two steps.',
    ),
    Setting(
        name='uow_lease_seconds',
        attribute='uow_lease',
        read=duration('seconds', 1),
        default=15.0,
        text='Lease of a unit of work, renewed while it runs; after it the unit is rescued.',
    ),
    Setting(
        name='uow_age_hours_max',
        attribute='uow_age_max',
        read=duration('hours', 0.001, 1e6),
        default=48.0,
        text='After an attempt that a worker held for longer than this and that failed, or whose '
        'worker fell silent, none follows: the job is given up, as its on_failure says. Time in '
        'which no worker held the unit does not count, so an outage gives nothing up.',
    ),
    Setting(
        name='equal_failures_max',
        read=whole(0),
        default=25,
        text='After so many runs in a row of one process, or free run, that failed for good with '
        'the same error (numbers and ids in it left out), it is paused by itself with that reason, '
        'until somebody switches it on again. 0: never.',
    ),
    Setting(
        name='metrics_processes_max',
        read=whole(0, 5_000),
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
        read=duration('days', 0.001, 1e5),
        default=90.0,
        text='How long logs of runs, and ended units of free runs, are kept.',
    ),
    Setting(
        name='journal_days',
        attribute='journal_retention',
        read=duration('days', 1, 3650),
        default=30.0,
        text='How long the journal is kept: what happened, line by line.',
    ),
    Setting(
        name='snapshot_days',
        attribute='snapshot_retention',
        read=duration('days', 1, 36500),
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
        read=duration('seconds', 0),
        default=10.0,
        text='How long a worker that is asked to stop may go on before it hands its run back.',
    ),
    Setting(
        name='run_log_lines_max',
        read=whole(10),
        default=10_000,
        text='Lines of log that one attempt keeps: a fifth of them its first, the others its last.',
    ),
    Setting(
        name='restart_delay_seconds',
        attribute='restart_delay',
        read=duration('seconds', 0.01),
        default=1.0,
        text='Delay before a process that ended is started again; doubles with every quick exit.',
    ),
    Setting(
        name='restart_delay_seconds_max',
        attribute='restart_delay_max',
        read=duration('seconds', 0.01),
        default=60.0,
        text='Longest such delay.',
    ),
    Setting(
        name='quick_exit_seconds',
        attribute='quick_exit',
        read=duration('seconds', 0),
        default=10.0,
        text='An exit sooner than this after the start is a quick one.',
    ),
    Setting(
        name='quick_exit_count_max',
        read=whole(1),
        default=5,
        text='Quick exits in a row after which a process is FATAL and left to an operator.',
    ),
    *MX_SETTINGS,
    *WATCH_SETTINGS,
)
