"""What an operator sees of a dashboard as it was at an instant."""

from __future__ import annotations

from collections.abc import Sequence

from synergy.cli.http_client import HttpClient
from synergy.cli.past import check_is_told
from synergy.cli.remote_reading import RemoteReading
from synergy.view.documents import CauseDocument


class RemotePast(RemoteReading):
    """`synergy.cli.interface.PastReading` by the API of a dashboard."""

    at: str

    def __init__(self, server: HttpClient, at: str) -> None:
        """Ask which instant is meant; raise OperationRefused where it is not known."""
        super().__init__(server)
        self.at = at
        said = self.status()['at']
        self.at = at if said is None else said

    def why(self, process: str, timeperiod: str | None) -> Sequence[CauseDocument]:
        """Return why a job stood where it stood."""
        check_is_told(process)
        return super().why(process, timeperiod)
