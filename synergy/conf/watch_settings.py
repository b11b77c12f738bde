"""The settings of what Watch does beside alerts, as a part of the table of settings."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

from synergy.conf.setting_kinds import Setting
from synergy.core import readers
from synergy.core.secret_text import secret_headers, secret_text
from synergy.core.secret_url import secret_url


def _with_library(
    module: str, extra: str, read: Callable[[object], Any]
) -> Callable[[object], Any]:
    """Return a reader of what is only good for something where an extra is installed."""

    def found(value: object) -> Any:
        known = read(value)
        if find_spec(module) is None:
            raise ValueError(
                f'{module} is not installed; `python -m pip install "synergy-scheduler[{extra}]"`'
            )
        return known

    return found


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
    Setting(
        name='otlp_endpoint',
        read=readers.optional(_with_library('opentelemetry', 'traces', secret_url)),
        default=None,
        shown_default='none',
        text='Address of a collector of OpenTelemetry to which Watch sends [traces]'
        '(howto/traces.md) over OTLP/HTTP, as in `http://localhost:4318`; needs the extra `traces`.'
        ' Only its host is ever shown.',
    ),
    Setting(
        name='otlp_headers',
        read=readers.optional(secret_headers),
        default=None,
        shown_default='none',
        text='Headers of these requests, as in `x-api-key=KEY,x-tenant=blue`. Never shown.',
    ),
    Setting(
        name='openlineage_url',
        read=readers.optional(_with_library('openlineage', 'lineage', secret_url)),
        default=None,
        shown_default='none',
        text='Address to which Watch sends [events of OpenLineage](howto/lineage.md), as in '
        '`http://localhost:5000` (`/api/v1/lineage` unless it names a path); needs the extra '
        '`lineage`. Only its host is ever shown.',
    ),
    Setting(
        name='openlineage_api_key',
        read=readers.optional(secret_text),
        default=None,
        shown_default='none',
        text='Key that goes with them, as `Authorization: Bearer KEY`. Never shown.',
    ),
    Setting(
        name='openlineage_namespace',
        read=readers.text(),
        default='synergy',
        text='Namespace of the jobs of this installation, and of data sets without one.',
    ),
)
