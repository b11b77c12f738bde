"""Settings: one documented list with defaults, overridden by `settings.py` and by the environment.

The project's module (SYNERGY_SETTINGS_MODULE, default `settings`) defines `settings = dict(...)`.
Any setting can also be given as an environment variable, `SYNERGY_` and its name in capitals; the
environment wins. Unknown keys, mistyped values and keys of Synergy 2.x that have no counterpart
are refused, all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from synergy.conf import typed
from synergy.conf.boxes import DEFAULT_BOX_ID, written_box_id
from synergy.conf.errors import SettingsError
from synergy.conf.model import Settings
from synergy.conf.project_module import ModuleProblem, import_project_module
from synergy.core.bounded import shortened
from synergy.core.nearest import nearest
from synergy.core.redaction import redacted
from synergy.core.timeperiod import Qualifier, parse
from synergy.core.uri import without_password, without_secrets_of
from synergy.private import UMASK

#: Environment variables with these beginnings are not settings.
#: Read elsewhere: which module has the settings; which dashboard the command line speaks to.
_NOT_SETTINGS: Final = (
    'SYNERGY_SETTINGS_MODULE', 'SYNERGY_PROJECT', 'SYNERGY_SERVER', 'SYNERGY_TOKEN',
)  # fmt: skip
_FOREIGN_PREFIXES: Final = ('SYNERGY_TEST_', 'SYNERGY_INTERNAL_')


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. read: value or text -> value, raising ValueError that says what is expected."""

    name: str
    read: Callable[[object], Any]
    default: Any
    shown_default: str | None = None
    text: str

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return 'SYNERGY_' + self.name.upper().removeprefix('SYNERGY_')


SETTINGS: Final = (
    Setting(
        name='home',
        read=typed.optional_text,
        default=None,
        shown_default='`.synergy` in the project folder',
        text='Folder of data, logs and pid files. One home is one installation.',
    ),
    Setting(
        name='store_uri',
        read=typed.uri('sqlite', 'mongodb', 'mongodb+srv'),
        default=None,
        shown_default='`sqlite:///HOME/store.db`',
        text='Where the ledger lives: a file, or a MongoDB replica set (see below).',
    ),
    Setting(
        name='broker_uri',
        read=typed.uri('embedded', 'amqp', 'amqps'),
        default=None,
        shown_default='`embedded:///HOME/broker`',
        text='Where messages pass. RabbitMQ: `amqp://USER:PASSWORD@HOST:5672/VIRTUAL_HOST` (`%2F` '
        'is the default one), `amqps://` with TLS, its authority in `?ssl_options=` as in pika.',
    ),
    Setting(
        name='broker_quorum_queues',
        read=typed.switch,
        default=False,
        text='RabbitMQ only. True: queues are replicated over the nodes of a cluster. A queue '
        'cannot change its kind: stop everything and `./launch.py mq purge --delete QUEUE` first.',
    ),
    Setting(
        name='context_module',
        read=typed.text,
        default='context',
        text='Module that registers processes and trees.',
    ),
    Setting(
        name='box_id',
        read=typed.text,
        default=None,
        shown_default='what `launch.py super --boxid` wrote into `HOME/box_id`, else `dev`',
        text='Name of this machine; `present_on_boxes` of the context entries is matched with it.',
    ),
    Setting(
        name='box_vanished_seconds',
        read=typed.seconds(1),
        default=15.0,
        text='A box whose Supervisor was not heard of for so long has vanished; every third of it '
        'the Supervisor tells the store that it lives.',
    ),
    Setting(
        name='process_prefix',
        read=typed.text,
        default='Synergy',
        text='Beginning of the title under which processes show in `ps`.',
    ),
    Setting(
        name='log_directory',
        read=typed.optional_text,
        default=None,
        shown_default='`HOME/logs`',
        text='Folder of log files.',
    ),
    Setting(
        name='pid_directory',
        read=typed.optional_text,
        default=None,
        shown_default='`HOME/run`',
        text='Folder of pid files.',
    ),
    Setting(
        name='umask',
        read=typed.umask,
        default=UMASK,
        shown_default="`'077'`",
        text='Rights that are taken from files which processes make, workers and commands '
        "included, in octal digits; `'022'` lets others read results. Home, store, logs and pid "
        'files are private whatever it says.',
    ),
    Setting(
        name='log_level',
        read=typed.one_of('DEBUG', 'INFO', 'WARNING', 'ERROR'),
        default='INFO',
        text='Least level that is logged.',
    ),
    Setting(
        name='debug',
        read=typed.switch,
        default=False,
        text='True is the same as log_level DEBUG. Libraries go on with INFO.',
    ),
    Setting(
        name='log_file_bytes_max',
        read=typed.whole(10_000),
        default=2 * 1024 * 1024,
        text='Size in bytes at which a log file is rotated.',
    ),
    Setting(
        name='log_file_count',
        read=typed.whole(1),
        default=10,
        text='Number of rotated log files that are kept.',
    ),
    Setting(
        name='synergy_start_timeperiod',
        read=typed.hour,
        default='2020050100',
        text='First hour (UTC, YYYYMMDDHH) of trees that name no start of their own.',
    ),
    Setting(
        name='synergy_end_timeperiod',
        read=typed.optional_hour,
        default=None,
        shown_default='none',
        text='Hour (exclusive) at which every tree ends, whatever its own end.',
    ),
    Setting(
        name='store_busy_seconds_max',
        read=typed.seconds(0.1),
        default=30.0,
        text='How long to wait for a locked store or broker file, or for a primary and its '
        'answers, before giving up.',
    ),
    Setting(
        name='sqlite_synchronous',
        read=typed.one_of('NORMAL', 'FULL'),
        default='NORMAL',
        text='NORMAL: a power cut may undo the last commits (never their order); the death of a '
        'process loses nothing. FULL: every commit waits for the disk.',
    ),
    Setting(
        name='inbox_batch_max',
        read=typed.whole(1),
        default=256,
        text='Messages that the Scheduler takes together.',
    ),
    Setting(
        name='leader_lease_seconds',
        read=typed.seconds(1),
        default=6.0,
        text='Lease of the leading Scheduler; a standby takes over at the latest after it.',
    ),
    Setting(
        name='sweep_seconds',
        read=typed.seconds(0.1),
        default=5.0,
        text='How often the Scheduler looks for what was lost between two steps.',
    ),
    Setting(
        name='uow_lease_seconds',
        read=typed.seconds(1),
        default=15.0,
        text='Lease of a unit of work, renewed while it runs; after it the unit is rescued.',
    ),
    Setting(
        name='uow_age_hours_max',
        read=typed.number(0.001, 'hours', 1e6),
        default=48.0,
        text='After an attempt that a worker held for longer than this and that failed, or whose '
        'worker fell silent, none follows: the job is given up, as its on_failure says. Time in '
        'which no worker held the unit does not count, so an outage gives nothing up.',
    ),
    Setting(
        name='log_retention_days',
        read=typed.number(0.001, 'days', 1e5),
        default=90.0,
        text='How long logs of runs, and ended units of free runs, are kept.',
    ),
    Setting(
        name='stop_grace_seconds',
        read=typed.seconds(0),
        default=10.0,
        text='How long a worker that is asked to stop may go on before it hands its run back.',
    ),
    Setting(
        name='run_log_lines_max',
        read=typed.whole(10),
        default=10_000,
        text='Lines of log that are kept with one attempt.',
    ),
    Setting(
        name='restart_delay_seconds',
        read=typed.seconds(0.01),
        default=1.0,
        text='Delay before a process that ended is started again; doubles with every quick exit.',
    ),
    Setting(
        name='restart_delay_seconds_max',
        read=typed.seconds(0.01),
        default=60.0,
        text='Longest such delay.',
    ),
    Setting(
        name='quick_exit_seconds',
        read=typed.seconds(0),
        default=10.0,
        text='An exit sooner than this after the start is a quick one.',
    ),
    Setting(
        name='quick_exit_count_max',
        read=typed.whole(1),
        default=5,
        text='Quick exits in a row after which a process is FATAL and left to an operator.',
    ),
    Setting(
        name='mx_host',
        read=typed.text,
        default='127.0.0.1',
        text='Address on which the dashboard listens. Beyond this machine it does so only once a '
        'user exists (`./launch.py user add`).',
    ),
    Setting(
        name='mx_port',
        read=typed.whole(0, 65_535),
        default=5000,
        text='Port of the dashboard; 0 takes a free one and writes it to the log.',
    ),
    Setting(
        name='mx_title',
        read=typed.text,
        default='Synergy Scheduler',
        text='Name of this installation in the titles of its pages.',
    ),
    Setting(
        name='mx_host_names',
        read=typed.words,
        default=(),
        shown_default='`localhost`, this machine, `mx_host`',
        text='Further names by which browsers may address the dashboard, separated by commas.',
    ),
    Setting(
        name='mx_trusted_proxy',
        read=typed.optional_address,
        default=None,
        text='IP address of the proxy with TLS before the dashboard. What it says in '
        '`X-Forwarded-For` and `X-Forwarded-Proto` is believed, from nobody else: where a change '
        'came from, and that cookies go over HTTPS only.',
    ),
    Setting(
        name='mx_allow_open',
        read=typed.switch,
        default=False,
        text='True lets the dashboard listen beyond this machine although nobody has to log in, '
        'and be open again after all its users were removed.',
    ),
    Setting(
        name='mx_session_hours',
        read=typed.number(0.01, 'hours', 1e5),
        default=12.0,
        text='How long a login to the dashboard lasts.',
    ),
    Setting(
        name='mx_viewers_max',
        read=typed.whole(1, 10_000),
        default=64,
        text='Pages that may follow the system live at once, a quarter of them of one user, three '
        'quarters from one address; further ones are refreshed by hand.',
    ),
)

#: Settings of Synergy 2.x that are gone, by the beginning of their name, and what to do instead.
_RETIRED: Final = {
    'mq_': 'the broker is named by broker_uri alone, as in amqp://USER:PASSWORD@HOST:PORT/VHOST',
    'gc_run_interval': 'use sweep_seconds',
    'gc_life_support_hours': 'use uow_age_hours_max',
    'gc_resubmit_after_hours': 'use uow_lease_seconds',
    'gc_release_lag_minutes': 'use retry_delay of the context entry',
    'mongo_db_name': 'store_uri names the database, as in mongodb://HOST/scheduler',
    'mongodb_host_list': 'the store is named by store_uri alone',
    'ds_type': 'the store is named by store_uri alone',
    'db_log_ttl_days': 'use log_retention_days',
    'perf_ticker_interval': './launch.py status shows what it printed',
    'bash_runnable_count': 'use max_running and instances of the context entry',
    'process_cwd': 'processes run in the project folder',
    'config_file': 'the box is named by box_id, or by ./launch.py super --boxid ID',
    'batch_size': 'batches need no setting',
    'under_test': 'tests use a home of their own',
    'version': 'the version is that of the package',
}


_MONGODB_REFERENCE: Final = """
## MongoDB

`store_uri = 'mongodb://USER:PASSWORD@HOST1,HOST2,HOST3/scheduler?replicaSet=NAME'`

- A replica set of version 6.0 or later; three members, so that one may be lost. `mongodb+srv://`
  works, too.
- The path names the database; without one it is `scheduler`, as in Synergy 2.x.
- Add `&authSource=admin` when the user is one of that database.
- The user needs the roles `readWrite` and `dbAdmin` on that database.
- An empty database is made ready when it is first opened. One that Synergy 2.x wrote, or an older
  version of this program, is refused until `./launch.py db --check` has shown what would change and
  `./launch.py db --update` has changed it.
- Writes wait for a majority of the members and their journals; reads see what a majority has.
- `store_busy_seconds_max` is how long a call waits for a primary and for its answer. Options in the
  URI, such as `serverSelectionTimeoutMS`, win; TLS and certificates are options of the URI as well.
- Leases of units and of the leading Scheduler are judged by the clock of the primary.
- `log_retention_days` becomes the age at which MongoDB itself deletes logs (a TTL index).
"""


def load_settings(environ: Mapping[str, str], project: Path) -> Settings:
    """Return the settings of the project in folder `project`; raise SettingsError."""
    problems: list[str] = []
    module_name = environ.get('SYNERGY_SETTINGS_MODULE', 'settings')
    given = {
        name: (value, f'{module_name}.py')
        for name, value in _from_module(module_name, environ, project, problems).items()
    }
    given |= _from_environment(environ, problems)
    values: dict[str, Any] = {setting.name: setting.default for setting in SETTINGS}
    setting_by_name = {setting.name: setting for setting in SETTINGS}
    for name, (value, place) in given.items():
        setting = setting_by_name.get(name)
        if setting is None:
            problems.append(_unknown(name, place, setting_by_name))
            continue
        try:
            values[name] = setting.read(value)
        except ValueError as error:
            shown, why = _shown(name, value), without_secrets_of(str(error), str(value))
            problems.append(f'{name} = {shortened(shown)} in {place}: {why}; correct the value')
    if problems:
        raise SettingsError(tuple(problems))
    found = _settings(values, module_name, project)
    return replace(found, places=tuple((name, place) for name, (_, place) in given.items()))


def reference() -> str:
    """Return the reference of all settings as Markdown."""
    lines = [
        '# Settings',
        '',
        'Defined in `settings.py` as `settings = dict(...)`, or in the environment, which wins.',
        '`SYNERGY_SETTINGS_MODULE` names another module, `SYNERGY_PROJECT` another project folder.',
        '',
        '| setting | environment | default | meaning |',
        '|---|---|---|---|',
    ]
    for setting in SETTINGS:
        default = setting.shown_default or f'`{setting.default}`'
        lines.append(f'| `{setting.name}` | `{setting.variable}` | {default} | {setting.text} |')
    return '\n'.join(lines) + '\n' + _MONGODB_REFERENCE


def _from_module(
    name: str, environ: Mapping[str, str], project: Path, problems: list[str]
) -> Mapping[str, object]:
    try:
        module = import_project_module(name, project, 'SYNERGY_SETTINGS_MODULE')
    except ModuleProblem as error:
        problems.append(str(error))
        return {}
    if module is None:
        if 'SYNERGY_SETTINGS_MODULE' in environ:
            problems.append(
                f'settings module {name!r} (SYNERGY_SETTINGS_MODULE) was not found in {project}; '
                'correct the name or unset the variable'
            )
        return {}
    found = getattr(module, 'settings', None)
    if not isinstance(found, Mapping):
        problems.append(f'{name}.py defines no `settings`; add `settings = dict(...)`')
        return {}
    return found


def _from_environment(
    environ: Mapping[str, str], problems: list[str]
) -> dict[str, tuple[object, str]]:
    name_by_variable = {setting.variable: setting.name for setting in SETTINGS}
    given: dict[str, tuple[object, str]] = {}
    for variable, value in environ.items():
        if not variable.startswith('SYNERGY_') or variable.startswith(_FOREIGN_PREFIXES):
            continue
        if variable in _NOT_SETTINGS:
            continue
        if variable not in name_by_variable:
            hint = nearest(variable, name_by_variable)
            problems.append(
                f'environment variable {variable} names no setting{hint}; '
                'correct or unset it (docs/settings.md lists all)'
            )
            continue
        given[name_by_variable[variable]] = (value, f'environment variable {variable}')
    return given


def _shown(name: str, value: object) -> Any:
    """Return a value as it may be seen, which is wrong, and may be another setting's."""
    return (
        without_password(value)
        if isinstance(value, str) and '_uri' in name
        else redacted(value, name)
    )


def _unknown(name: str, place: str, known: Mapping[str, Setting]) -> str:
    for beginning, advice in _RETIRED.items():
        if name.startswith(beginning):
            return (
                f'{name} in {place} is a setting of Synergy 2.x without a counterpart: {advice}; '
                'remove it'
            )
    return f'unknown setting {name!r} in {place}{nearest(name, known)}; docs/settings.md lists all'


def _settings(values: Mapping[str, Any], module_name: str, project: Path) -> Settings:
    home = Path(values['home'] or project / '.synergy').expanduser()
    home = home if home.is_absolute() else (project / home)
    home = home.resolve()

    def seconds(name: str) -> timedelta:
        return timedelta(seconds=values[name])

    end = values['synergy_end_timeperiod']
    return Settings(
        project=project,
        home=home,
        store_uri=values['store_uri'] or f'sqlite://{quote(str(home / "store.db"))}',
        broker_uri=values['broker_uri'] or f'embedded://{quote(str(home / "broker"))}',
        broker_quorum_queues=values['broker_quorum_queues'],
        settings_module=module_name,
        context_module=values['context_module'],
        box_id=values['box_id'] or written_box_id(home) or DEFAULT_BOX_ID,
        is_box_id_set=values['box_id'] is not None,
        box_vanished=seconds('box_vanished_seconds'),
        process_prefix=values['process_prefix'],
        log_directory=_folder(values['log_directory'], home / 'logs', project),
        pid_directory=_folder(values['pid_directory'], home / 'run', project),
        umask=values['umask'],
        log_level='DEBUG' if values['debug'] else values['log_level'],
        log_file_bytes_max=values['log_file_bytes_max'],
        log_file_count=values['log_file_count'],
        start_timeperiod=parse(Qualifier.HOURLY, values['synergy_start_timeperiod']),
        end_timeperiod=None if end is None else parse(Qualifier.HOURLY, end),
        store_busy_seconds_max=values['store_busy_seconds_max'],
        sqlite_synchronous=values['sqlite_synchronous'],
        inbox_batch_max=values['inbox_batch_max'],
        leader_lease=seconds('leader_lease_seconds'),
        sweep_period=seconds('sweep_seconds'),
        uow_lease=seconds('uow_lease_seconds'),
        uow_age_max=timedelta(hours=values['uow_age_hours_max']),
        log_retention=timedelta(days=values['log_retention_days']),
        stop_grace=seconds('stop_grace_seconds'),
        run_log_lines_max=values['run_log_lines_max'],
        restart_delay=seconds('restart_delay_seconds'),
        restart_delay_max=seconds('restart_delay_seconds_max'),
        quick_exit=seconds('quick_exit_seconds'),
        quick_exit_count_max=values['quick_exit_count_max'],
        mx_host=values['mx_host'],
        mx_port=values['mx_port'],
        mx_title=values['mx_title'],
        mx_host_names=values['mx_host_names'],
        mx_trusted_proxy=values['mx_trusted_proxy'],
        is_mx_open_allowed=values['mx_allow_open'],
        mx_session=timedelta(hours=values['mx_session_hours']),
        mx_viewers_max=values['mx_viewers_max'],
    )


def _folder(given: str | None, default: Path, project: Path) -> Path:
    return default if given is None else (project / Path(given).expanduser()).resolve()
