"""Everything else through the library apprise, which is an extra: mail, Slack, Teams, ntfy ..."""

from __future__ import annotations

import importlib
import logging
from typing import Any, Final

from synergy.core.alert_outbox import Refused
from synergy.core.alert_rules import Receiver
from synergy.core.alert_urls import for_apprise, is_hook, scheme_of
from synergy.ports.sender import Letter

_PIP: Final = 'python -m pip install "synergy-scheduler[alerts]"'
_TYPES: Final = {'notice': 'info', 'warning': 'warning', 'error': 'failure', 'critical': 'failure'}


class AppriseSender:
    """Sends through apprise. It is a `Sender`; without the library it says what is missing."""

    def can_send(self, receiver: Receiver) -> bool:
        """Tell whether an address is not of a webhook: all others are for apprise."""
        return not is_hook(receiver.url)

    def send(self, receiver: Receiver, letter: Letter) -> Refused | None:
        """Send once. The library bounds the time of each step (`cto` and `rto` of an address)."""
        # It logs addresses, secrets and all.
        logging.getLogger('apprise').disabled = True
        scheme = scheme_of(receiver.url)
        try:
            library: Any = importlib.import_module('apprise')
        except ImportError:
            told = f'apprise is not installed, which sends to {scheme}://; {_PIP}'
            return Refused(error=told)
        try:
            plugin = library.Apprise.instantiate(for_apprise(receiver.url))
            if plugin is None:
                return Refused(error=f'apprise cannot read this address of {scheme}')
            services = library.Apprise()
            services.add(plugin)
            # It is told that this is plain text: what a service takes for HTML is escaped then.
            is_sent = services.notify(
                title=letter.title,
                body=letter.text,
                notify_type=_TYPES[letter.severity],
                body_format='text',
            )
        except Exception as error:  # noqa: BLE001 - a hundred services, each with errors of its own
            return Refused(error=f'apprise failed with {type(error).__name__}')
        return None if is_sent else Refused(error=f'{scheme} did not take it')
