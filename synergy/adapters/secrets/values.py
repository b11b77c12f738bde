"""Values of references to secrets, as they are now."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from synergy.adapters.secrets.vault import Vault
from synergy.core.secret_references import VALUE_LENGTH_MAX, UnresolvedReference


class SecretValues:
    """Looks secrets up. Used by the main thread of a worker."""

    def __init__(self, environment: Mapping[str, str], monotonic: Callable[[], float]) -> None:
        """Look nothing up yet. environment: names the Vault, too, as its own tools have it."""
        self._environment = environment
        self._vault = Vault(environment, monotonic)

    def __call__(self, reference: str) -> str:
        """Return the value of a sound reference; raise UnresolvedReference without it."""
        scheme, _, place = reference.partition(':')
        match scheme:
            case 'env':
                value = self._environment.get(place)
                if value is None:
                    raise _unavailable(
                        reference, 'the worker has no such variable', 'set it and restart the box'
                    )
            case 'file':
                value = _file(reference, Path(place))
            case _:
                value = self._vault.value(reference, place)
        if not value:
            raise _unavailable(reference, 'it is empty', 'give it a value')
        if len(value.encode(errors='surrogateescape')) > VALUE_LENGTH_MAX:
            raise _unavailable(reference, 'it has more than 64 KiB', 'is this the right place?')
        return value


def _file(reference: str, path: Path) -> str:
    try:
        # A pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = error.strerror or 'it cannot be opened'
        raise _unavailable(
            reference, why, 'the user of the worker must be able to read it'
        ) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unavailable(reference, 'it is not a file', 'name a file')
        # A newline, and one byte that is too many.
        data = os.read(descriptor, VALUE_LENGTH_MAX + 3)
        return data.decode().removesuffix('\n').removesuffix('\r')
    except OSError as error:
        raise _unavailable(reference, error.strerror or 'unreadable', 'look at it') from None
    except UnicodeDecodeError:
        raise _unavailable(reference, 'it is not UTF-8', 'give it as a text') from None
    finally:
        os.close(descriptor)


def _unavailable(reference: str, why: str, hint: str) -> UnresolvedReference:
    return UnresolvedReference(f'the secret {reference} cannot be had: {why}; {hint}')
