"""The JSON form of what is told by kinds of errors; see `synergy.view.documents`."""

from __future__ import annotations

from typing import Annotated, TypedDict

from synergy.view.documents import At, PreviewDocument, ProcessText, TimeperiodText


class HeldUpDocument(TypedDict):
    """Intervals of one process that wait."""

    process: ProcessText
    count: int


class LetterGroupDocument(TypedDict):
    """Dead letters, or failed intervals, of one process with the same error."""

    process: ProcessText
    error: Annotated[str, 'the kind: digits and ids are folded to #']
    said: Annotated[str, 'the newest of these errors, as it was said']
    count: int
    held: Annotated[int, 'of them, jobs that are held for an operator']
    first_timeperiod: TimeperiodText
    last_timeperiod: TimeperiodText
    first_at: At | None
    last_at: At | None
    newest_id: Annotated[str, 'of the newest of them']
    holds_up: list[HeldUpDocument]


class GroupPlanDocument(TypedDict):
    """What would be done about one group."""

    group: LetterGroupDocument
    action: str
    says: Annotated[list[str], 'what happens then']
    preview: Annotated[PreviewDocument | None, 'of what runs again; null: no job does']
