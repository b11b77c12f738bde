"""What cancelling a request would do, as a terminal shows it."""

from __future__ import annotations

from synergy.cli.console import print_table, shown
from synergy.view.undo import UndoDocument


def print_undo(undo: UndoDocument) -> None:
    """Print what cancelling a request would do."""
    undo = shown(undo)
    print('\n'.join(undo['says']))
    if undo['put_back']:
        print()
        print_table(
            ('process', 'put back', 'first', 'last'),
            [(row['process'], row['count'], row['first'], row['last']) for row in undo['put_back']],
        )
