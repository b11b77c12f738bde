"""Secrets of a Vault: its key-value engine, version 2.

Vault is found as its own tools find it: VAULT_ADDR, VAULT_TOKEN (or the file VAULT_TOKEN_FILE, read
for each question), VAULT_NAMESPACE, VAULT_CACERT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from synergy.core.secret_references import UnresolvedReference

#: An answer serves the runs of one batch; a secret that was rotated is seen after this.
CACHE_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = 5
_CACHED_MAX: Final = 256
_TOKEN_LENGTH_MAX: Final = 16_384


class Vault:
    """Asks a Vault; keeps each answer for two seconds."""

    def __init__(self, environment: Mapping[str, str], monotonic: Callable[[], float]) -> None:
        """Ask nothing yet."""
        self._environment = environment
        self._monotonic = monotonic
        self._answers: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def value(self, reference: str, place: str) -> str:
        """Return the value under `mount/path#key`; raise UnresolvedReference."""
        path, _, key = place.partition('#')
        now = self._monotonic()
        known = self._answers.get(path)
        if known is None or now - known[0] > CACHE_SECONDS:
            if len(self._answers) >= _CACHED_MAX:
                self._answers.clear()
            known = self._answers[path] = (now, self._asked(reference, path))
        if key not in known[1]:
            raise _unavailable(reference, 'Vault knows no such key there')
        value = known[1][key]
        if not isinstance(value, str):
            raise _unavailable(reference, 'its value is not a text')
        return value

    def _asked(self, reference: str, path: str) -> Mapping[str, Any]:
        self._answers.pop(path, None)
        try:
            import hvac
            from requests import RequestException
        except ImportError:
            hint = 'python -m pip install "synergy-scheduler[vault]"'
            raise _unavailable(reference, f'hvac is not installed; `{hint}`') from None
        address = self._environment.get('VAULT_ADDR')
        if not address:
            raise _unavailable(reference, 'VAULT_ADDR is not set for the worker')
        mount, _, rest = path.partition('/')
        try:
            client = hvac.Client(
                url=address,
                token=self._token(reference),
                namespace=self._environment.get('VAULT_NAMESPACE'),
                timeout=_TIMEOUT_SECONDS,
                verify=self._environment.get('VAULT_CACERT') or True,
                allow_redirects=False,
            )
            answer = client.secrets.kv.v2.read_secret_version(
                path=rest, mount_point=mount, raise_on_deleted_version=True
            )
            found = answer['data']['data']
        except hvac.exceptions.Forbidden:
            raise _unavailable(reference, 'Vault forbids it; look at its policy') from None
        except hvac.exceptions.InvalidPath:
            raise _unavailable(reference, 'Vault has nothing there, or it was deleted') from None
        except (hvac.exceptions.VaultError, RequestException) as error:
            why = f'Vault cannot be asked ({type(error).__name__})'
            raise _unavailable(reference, why) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            found = None
        if not isinstance(found, Mapping):
            raise _unavailable(reference, 'Vault answers as its key-value engine 2 does not')
        return found

    def _token(self, reference: str) -> str:
        file = self._environment.get('VAULT_TOKEN_FILE')
        if not file:
            if token := self._environment.get('VAULT_TOKEN'):
                return token
            raise _unavailable(reference, 'neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set')
        try:
            with Path(file).open(encoding='utf-8') as opened:
                return opened.read(_TOKEN_LENGTH_MAX).strip()
        except (OSError, ValueError):
            raise _unavailable(reference, 'VAULT_TOKEN_FILE cannot be read') from None


def _unavailable(reference: str, why: str) -> UnresolvedReference:
    return UnresolvedReference(f'the secret {reference} cannot be had: {why}')
