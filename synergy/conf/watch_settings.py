"""The settings of what Watch does beside alerts, as a part of the table of settings."""

from __future__ import annotations

from typing import Final

from synergy.conf.setting_kinds import Setting
from synergy.core import readers
from synergy.core.secret_url import secret_url

WATCH_SETTINGS: Final = (
    Setting(
        name='heartbeat_url',
        attribute='heartbeat',
        read=readers.optional(secret_url),
        default=None,
        shown_default='none',
        text="Address of a dead man's switch, as in `https://hc-ping.com/UUID`: Watch asks for it "
        'each minute while a Scheduler leads and alerts are looked after. The service tells you '
        'when that stops. Only its host is ever shown.',
    ),
)
