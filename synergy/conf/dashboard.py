"""Where people find the dashboard: on this machine, and behind the links of messages."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from synergy.conf.model import Settings


def address_of(settings: Settings, port: int | None = None) -> str:
    """Return the address of the dashboard for people of this machine."""
    host = settings.mx_host
    if host in ('0.0.0.0', '::'):
        host = socket.gethostname()
    shown = f'[{host}]' if ':' in host else host
    return f'http://{shown}:{settings.mx_port if port is None else port}/'


def linked_site(settings: Settings) -> str | None:
    """Return the address to which links in messages lead, without a slash at its end.

    None: nobody knows it, for `mx_url` is not set and the port is taken as it comes.
    """
    if settings.mx_url is not None:
        return settings.mx_url
    return address_of(settings).rstrip('/') if settings.mx_port else None


def linked_host(settings: Settings) -> str | None:
    """Return the name by which those who follow links address the dashboard; None: its own."""
    return None if settings.mx_url is None else urlsplit(settings.mx_url).hostname
