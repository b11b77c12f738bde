"""Which box this is, and which runs which process: `present_on_boxes`, a list of expressions.

Source: recorded answers of Synergy 2.x: patterns are searched, not anchored, both sides in lower
case; none means nowhere; what is not a text never matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synergy.conf.errors import SettingsError
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.core.records import ProcessName

if TYPE_CHECKING:
    from synergy.conf.model import Context

DEFAULT_BOX_ID: Final = 'dev'
#: What `launch.py super --boxid` takes.
BOX_ID: Final = re.compile(r'[\w.-]{1,64}')


def is_present(patterns: Iterable[object] | None, box_id: str) -> bool:
    """Tell whether any of `patterns` is found in `box_id`."""
    return any(
        isinstance(pattern, str) and re.search(pattern.lower(), box_id.lower()) is not None
        for pattern in patterns or ()
    )


def names_on(context: Context, box_id: str) -> list[ProcessName]:
    """Return what belongs on a box, but for the Supervisor, which switches others, not itself."""
    return [
        entry.name
        for entry in context.entries.values()
        if entry.name != PROCESS_SUPERVISOR and is_present(entry.present_on_boxes, box_id)
    ]


def box_id_file(home: Path) -> Path:
    """Return the file that names the box when neither settings nor environment do."""
    return home / 'box_id'


def written_box_id(home: Path) -> str | None:
    """Return what the file of the box id says; None when there is none.

    Raises SettingsError for a file that says nothing usable: to go on as another box than the one
    meant would start what does not belong here.
    """
    file = box_id_file(home)
    try:
        text = file.read_text(encoding='utf-8', errors='replace').strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(
            (f'{file} cannot be read ({error.strerror}); let this user read it, or set box_id',)
        ) from error
    if BOX_ID.fullmatch(text):
        return text
    raise SettingsError(
        (
            f'{file} says {text!r:.80}, which is not a box id; remove it and name this box again: '
            './launch.py super --boxid ID',
        )
    )
