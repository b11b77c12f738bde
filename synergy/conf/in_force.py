"""The settings as they are in force, by their documented names, and where each was given."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from synergy.conf.model import Settings
from synergy.conf.setting_table import SETTINGS, Setting
from synergy.core.secret_text import SecretHeaders, SecretText
from synergy.core.secret_url import SecretUrl
from synergy.core.structs import Struct

_UNITS: Final = ('seconds', 'hours', 'days')


class InForce(Struct, frozen=True, kw_only=True):
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
            value=_value(settings, setting),
            place=place_by_name.get(setting.name),
        )
        for setting in SETTINGS
    ]


def _value(settings: Settings, setting: Setting) -> object:
    """Return a value in force, a duration as a number of the unit in the setting's name."""
    if setting.name == 'debug':
        return settings.log_level == 'DEBUG'
    value = getattr(settings, setting.attribute or setting.name)
    if isinstance(value, timedelta):
        unit = next(unit for unit in _UNITS if unit in setting.name)
        return value / timedelta(**{unit: 1})
    if isinstance(value, SecretUrl | SecretText | SecretHeaders):
        return str(value)
    return value
