"""What answers a command line: this machine's store, or the dashboard that `--server` names."""

from __future__ import annotations

from argparse import Namespace
from contextlib import AbstractContextManager

from synergy.cli.interface import Operations


def opened(options: Namespace, *, creates: bool = False) -> AbstractContextManager[Operations]:
    """Return what answers a command line, for a `with`. creates: a store that is not there.

    What comes back is shown within the `with`: whatever answers at an address may turn out to be
    no dashboard only then.
    """
    if options.server:
        from synergy.cli.remote import open_remote

        return open_remote(options.server, options.token)
    from synergy.cli.local import open_local

    return open_local(creates=creates)
