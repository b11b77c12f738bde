"""Where the dashboard is found."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from synergy.conf.model import Settings

#: Ports that are tried after that of the settings, before any at all is taken.
_NEAR_COUNT: Final = 20
_PORT_MAX: Final = 65_535


def site_named_in(url: str) -> str | None:
    """Return the host and port that a URL of a header names; None when it is not a URL.

    Headers are what anybody wrote: whoever goes by them takes one that is malformed for foreign.
    """
    try:
        parts = urlsplit(url)
        # Malformed numbers of ports are found out only when somebody asks for them.
        is_port = parts.port is None or parts.port >= 0
        return parts.netloc.lower() if is_port and url.isprintable() else None
    except ValueError:
        return None


def taken_text(settings: Settings) -> str | None:
    """Return that something listens where the dashboard would, as a sentence; None: nothing."""
    if not settings.mx_port:
        return None
    family = socket.AF_INET6 if ':' in settings.mx_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.mx_host, settings.mx_port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            free = free_port(settings)
            return (
                f'no dashboard of this project: port {settings.mx_port} of {settings.mx_host} '
                f'cannot be had ({reason}), maybe it is the dashboard of another one; give this '
                f'project a port of its own, mx_port={free} in settings.py or '
                f'SYNERGY_MX_PORT={free}, then start again'
            )
    return None


def title_of(settings: Settings) -> str:
    """Return the name of this installation in the titles of pages: the project's, unless said."""
    return settings.mx_title or f'{settings.project.name or "/"} · Synergy Scheduler'


def refusal_of(settings: Settings, *, has_users: bool) -> str | None:
    """Return why the dashboard must not listen; None when it may."""
    if has_users or settings.is_mx_open_allowed or is_loopback(settings.mx_host):
        return None
    return (
        f'MX does not listen on {settings.mx_host}, beyond this machine, while nobody has to log '
        'in; make a user with ./launch.py user add NAME --role admin, then ./launch.py start MX'
    )


def is_open(settings: Settings, *, had_users: bool) -> bool:
    """Tell whether everybody may use the dashboard while there is no user.

    had_users: there was one once, who may have been removed by mistake, or by somebody else.
    """
    return settings.is_mx_open_allowed or (is_loopback(settings.mx_host) and not had_users)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def free_port(settings: Settings) -> int:
    """Return the port of the settings if nothing listens there yet, else the next free one."""
    near = range(settings.mx_port, min(settings.mx_port + _NEAR_COUNT, _PORT_MAX) + 1)
    for port in (*near, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.mx_host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return settings.mx_port
