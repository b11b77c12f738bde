"""The settings of the dashboard, as a part of the table of settings."""

from __future__ import annotations

from typing import Final

from synergy.conf.setting_kinds import Setting, duration, whole
from synergy.core import readers

MX_SETTINGS: Final = (
    Setting(
        name='mx_host',
        read=readers.text(),
        default='127.0.0.1',
        text='Address on which the dashboard listens. Beyond this machine it does so only once a '
        'user exists (`./launch.py user add`).',
    ),
    Setting(
        name='mx_port',
        read=whole(0, 65_535),
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
        name='mx_url',
        read=readers.optional(readers.site_url),
        default=None,
        shown_default='`http://MX_HOST:MX_PORT`',
        text='Address of the dashboard as others reach it, as in `https://synergy.example.com`: '
        'links in messages of [alerts](howto/alerts.md) lead there. Its name counts as one of '
        '`mx_host_names`.',
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
        read=duration('hours', 0.01, 1e5),
        default=12.0,
        text='How long a login to the dashboard lasts.',
    ),
    Setting(
        name='mx_viewers_max',
        read=whole(1, 10_000),
        default=64,
        text='Pages that may follow the system live at once, a quarter of them of one user, three '
        'quarters from one address; further ones are refreshed by hand.',
    ),
)
