"""Where the dashboard is found."""

from __future__ import annotations

import ipaddress
import socket

from synergy.conf.model import Settings


def address_of(settings: Settings, port: int | None = None) -> str:
    """Return the address of the dashboard for people of this machine."""
    host = settings.mx_host
    if host in ('0.0.0.0', '::'):
        host = socket.gethostname()
    shown = f'[{host}]' if ':' in host else host
    return f'http://{shown}:{settings.mx_port if port is None else port}/'


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def free_port(settings: Settings) -> int:
    """Return the port of the settings if nothing listens there yet, else a free one."""
    for port in (settings.mx_port, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.mx_host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return settings.mx_port
