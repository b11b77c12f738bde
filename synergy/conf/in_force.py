"""The settings as they are in force, by their documented names, and where each was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from synergy.conf.model import Settings
from synergy.conf.settings import SETTINGS, Setting

_SECOND: Final = timedelta(seconds=1)
_HOUR: Final = timedelta(hours=1)
#: Fields of Settings that have another name than the setting, and the unit of the latter.
_FIELDS: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    'box_vanished_seconds': ('box_vanished', _SECOND),
    'synergy_start_timeperiod': ('start_timeperiod', None),
    'synergy_end_timeperiod': ('end_timeperiod', None),
    'leader_lease_seconds': ('leader_lease', _SECOND),
    'sweep_seconds': ('sweep_period', _SECOND),
    'uow_lease_seconds': ('uow_lease', _SECOND),
    'uow_age_hours_max': ('uow_age_max', _HOUR),
    'log_retention_days': ('log_retention', timedelta(days=1)),
    'stop_grace_seconds': ('stop_grace', _SECOND),
    'restart_delay_seconds': ('restart_delay', _SECOND),
    'restart_delay_seconds_max': ('restart_delay_max', _SECOND),
    'quick_exit_seconds': ('quick_exit', _SECOND),
    'mx_allow_open': ('is_mx_open_allowed', None),
    'mx_session_hours': ('mx_session', _HOUR),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A setting by its documented name, its value, and where that was given; None: the default."""

    setting: Setting
    value: object
    place: str | None


def in_force(settings: Settings) -> list[InForce]:
    """Return all settings as they are in force, in the order of the reference."""
    place_by_name = dict(settings.places)
    return [
        InForce(
            setting=setting,
            value=_value(settings, setting.name),
            place=place_by_name.get(setting.name),
        )
        for setting in SETTINGS
    ]


def _value(settings: Settings, name: str) -> object:
    if name == 'debug':
        return settings.log_level == 'DEBUG'
    field, unit = _FIELDS.get(name, (name, None))
    value = getattr(settings, field)
    return value / unit if isinstance(value, timedelta) and unit is not None else value
