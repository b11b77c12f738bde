"""What all tests share: real servers, started once, when the first test asks for one."""

from __future__ import annotations

import pytest

from tests.rabbit import amqp_uri, rabbit, rabbit_header, server_uri

__all__ = ['amqp_uri', 'rabbit', 'server_uri']


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers were used; at the end, where `-q` shows it, too."""
    terminalreporter.write_line(rabbit_header())
