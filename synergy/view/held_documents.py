"""The shapes of what keeps processes from starting anything."""

from __future__ import annotations

from typing import Annotated, TypedDict

from synergy.core.freezes import Scope
from synergy.view.why_documents import At, ProcessText


class FreezeDocument(TypedDict):
    """A freeze that holds: nothing of its scope starts."""

    id: str
    scope: Annotated[str, Scope]
    name: Annotated[str, 'of the process, free run, tree or pool; all: everything']
    since: At | None
    until: At | None
    by: Annotated[str, 'who asked for it']
    reason: str | None


class HeldDocument(TypedDict):
    """A process that closed hours or a freeze hold: what is asked of it runs after that."""

    process: ProcessText
    text: Annotated[str, 'what holds it, and until when']
    until: At | None
