"""References to secrets in arguments that people give: the one place where every door is checked.

A reference makes a worker read what its user may read. So a caller, of whatever role, gives only
those that context.py names for the same process at the same place: a password stays a password, and
does not become the name of a host that it is sent to.
"""

from __future__ import annotations

from synergy.core.secret_references import references_in
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind


def refuse_secrets(caller: Caller, process: str, arguments: object) -> None:
    """Raise OperationRefused where arguments refer to a secret that the context does not name."""
    given = [*references_in(arguments)]
    if not given:
        return
    context = caller.context
    declared = [e.process.arguments for e in context.managed.values() if e.name == process]
    declared += [e.arguments for e in context.freeruns.values() if e.name == process]
    known = {found for item in declared for found in references_in(item)}
    for path, reference in given:
        # What was written there may be a secret itself, so it is not repeated; nor hashed.
        if not isinstance(reference, str) or (path, reference) not in known:
            raise OperationRefused(
                RefusalKind.FORBIDDEN,
                f'{".".join(("arguments", *path))} refers to a secret that context.py does not '
                f'name there for {process}',
                'name it in context.py with secret(...), or leave it out. Nothing was changed',
            )
