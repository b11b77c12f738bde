"""Load the settings: defaults, overridden by `settings.py` and by the environment.

What there is to set stands in `synergy.conf.setting_table`. The project's module
(SYNERGY_SETTINGS_MODULE, default `settings`) defines `settings = dict(...)`.
Any setting can also be given as an environment variable, `SYNERGY_` and its name in capitals; the
environment wins. Unknown keys, mistyped values and keys of Synergy 2.x that have no counterpart
are refused, all of them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from synergy.conf.boxes import DEFAULT_BOX_ID, written_box_id
from synergy.conf.errors import SettingsError
from synergy.conf.model import Settings
from synergy.conf.project_module import ModuleProblem, import_project_module
from synergy.conf.retired_settings import RETIRED
from synergy.conf.setting_table import SETTINGS, Setting
from synergy.core.bounded import shortened
from synergy.core.nearest import nearest
from synergy.core.redaction import redacted
from synergy.core.secret_url import SecretUrl
from synergy.core.structs import replace
from synergy.core.uri import MASK, without_password, without_secrets_of

#: Environment variables with these beginnings are not settings.
#: Read elsewhere: which module has the settings; which dashboard the command line speaks to.
_NOT_SETTINGS: Final = (
    'SYNERGY_SETTINGS_MODULE', 'SYNERGY_PROJECT', 'SYNERGY_SERVER', 'SYNERGY_TOKEN',
)  # fmt: skip
_SECRET_URLS: Final = ('heartbeat_url', 'otlp_endpoint', 'openlineage_url')
_SECRETS: Final = ('otlp_headers', 'openlineage_api_key')
_FOREIGN_PREFIXES: Final = ('SYNERGY_TEST_', 'SYNERGY_INTERNAL_')


def load_settings(environ: Mapping[str, str], project: Path) -> Settings:
    """Return the settings of the project in folder `project`; raise SettingsError."""
    problems: list[str] = []
    module_name = environ.get('SYNERGY_SETTINGS_MODULE', 'settings')
    given = {
        name: (value, f'{module_name}.py')
        for name, value in _from_module(module_name, environ, project, problems).items()
    }
    given |= _from_environment(environ, problems)
    values = {setting.name: setting.default_value for setting in SETTINGS}
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
            problems.append(f'{name} = {shortened(shown)} in {place}: {why}')
    if problems:
        raise SettingsError(tuple(problems))
    found = _settings(values, module_name, project)
    return replace(found, places=tuple((name, place) for name, (_, place) in given.items()))


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
    if name in _SECRET_URLS:
        return str(SecretUrl(str(value)))
    if name in _SECRETS:
        return MASK
    return (
        without_password(value)
        if isinstance(value, str) and '_uri' in name
        else redacted(value, name)
    )


def _unknown(name: str, place: str, known: Mapping[str, Setting]) -> str:
    for beginning, advice in RETIRED.items():
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
    found = {
        setting.attribute or setting.name: values[setting.name]
        for setting in SETTINGS
        if setting.name != 'debug'
    }
    found |= {
        'home': home,
        'store_uri': values['store_uri'] or f'sqlite://{quote(str(home / "store.db"))}',
        'broker_uri': values['broker_uri'] or f'embedded://{quote(str(home / "broker"))}',
        'box_id': values['box_id'] or written_box_id(home) or DEFAULT_BOX_ID,
        'log_directory': _folder(values['log_directory'], home / 'logs', project),
        'pid_directory': _folder(values['pid_directory'], home / 'run', project),
        'log_level': 'DEBUG' if values['debug'] else values['log_level'],
    }
    return Settings(
        project=project,
        settings_module=module_name,
        is_box_id_set=values['box_id'] is not None,
        **found,
    )


def _folder(given: str | None, default: Path, project: Path) -> Path:
    return default if given is None else (project / Path(given).expanduser()).resolve()
