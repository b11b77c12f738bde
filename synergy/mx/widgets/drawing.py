"""What pages draw by the hundred, as HTML: marks and cells. All other HTML is in templates.

Drawing them took the templates ten times as long. Names and titles stem from the user's context,
so that whatever is put into an attribute or between tags is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import Final

import markupsafe
from markupsafe import Markup

from synergy.mx.widgets.cells import Cell
from synergy.mx.widgets.grid import Row, Slot

#: Marks without a glyph.
_PLAIN: Final = frozenset({'due', 'late', 'part', 'out'})
#: What is a corner of a mark or a cell.
_CORNERS: Final = {'late': ' corner', 'part': ' corner'}


@cache
def glyph(css: str) -> Markup:
    """Return the glyph of a mark."""
    is_plain = css in _PLAIN
    return Markup('' if is_plain else f'<svg aria-hidden="true"><use href="#{escape(css)}"/></svg>')


@cache
def mk(css: str) -> Markup:
    """Return a mark: its colour with its glyph."""
    corner = _CORNERS.get(css, '')
    return Markup(f'<span class="mk {escape(css)}{corner}">{glyph(css)}</span>')


def st(css: str, text: str) -> Markup:
    """Return a mark with what it says."""
    return Markup(f'<span class="st {escape(css)}">{mk(css)}{markupsafe.escape(text)}</span>')


def pill(css: str, text: str) -> Markup:
    """Return a mark with what it says, in a box of its own."""
    return Markup(f'<span class="st pill {escape(css)}">{mk(css)}{markupsafe.escape(text)}</span>')


def strip(cells: Iterable[Cell]) -> Markup:
    """Return jobs side by side, each a link that live updates find by its name.

    Where cells are too small for a finger, one link to the map of them all lies above.
    """
    shown = list(cells)
    return Markup(f'<div class="strip">{"".join(map(_in_strip, shown))}{_whole(shown)}</div>')


def row_cells(row: Row) -> Markup:
    """Return the cells of a row of a heat map."""
    return Markup(''.join(_slot(row, slot) for slot in row.slots))


def _in_strip(cell: Cell) -> str:
    return (
        f'<a class="c {cell.css}{_corner(cell)}" href="{escape(cell.href)}" '
        f'data-k="{escape(cell.name)}" title="{escape(cell.label)}">{glyph(cell.css)}</a>'
    )


def _corner(cell: Cell) -> str:
    return ' corner' if cell.is_late else ' corner part' if cell.skipped else ''


def _whole(cells: Sequence[Cell]) -> str:
    if not cells:
        return ''
    process = escape(cells[-1].name.partition('@')[0])
    return (
        f'<a class="whole" href="/t/{process}?at={escape(cells[-1].timeperiod)}"'
        f' aria-label="Heat map of {process}"></a>'
    )


def _slot(row: Row, slot: Slot) -> str:
    cell = slot.cell
    if cell is None:
        return f'<td class="none" colspan="{slot.span}"></td>'
    is_wide = slot.span > 1
    classes = f'c wide {cell.css}' if is_wide else f'c {cell.css}'
    classes += _corner(cell)
    if slot.is_dim:
        classes += ' dim'
    if slot.is_selected:
        classes += ' is-sel'
    selected = ' aria-selected="true"' if slot.is_selected else ''
    span = f' colspan="{slot.span}"' if is_wide else ''
    label = escape(cell.label)
    return (
        f'<td class="{classes}"{selected}{span}>'
        f'<a href="{escape(cell.href)}" data-k="{escape(cell.name)}" '
        f'data-p="{escape(row.process)}" data-tp="{escape(cell.timeperiod)}"'
        f'{"" if is_wide else _rolled_up(cell)} aria-label="{label}" title="{label}">'
        f'{_words(cell) if is_wide else glyph(cell.css)}{_part(cell, is_wide=is_wide)}</a></td>'
    )


def _rolled_up(cell: Cell) -> str:
    if not cell.last:
        return ''
    last, why = escape(cell.last), escape(cell.why)
    return f' data-last="{last}" data-n="{cell.count}" data-why="{why}"'


def _words(cell: Cell) -> str:
    """Return what a wide cell has room to say."""
    done = f', {cell.done} of {cell.total} {cell.noun}' if _is_partly(cell) else ''
    return (
        f'<span class="lb"><span class="mk {cell.css}">{glyph(cell.css)}</span>'
        f'<span class="tp">{escape(cell.timeperiod)}</span> '
        f'<span class="of">{escape(cell.word)}{done}</span></span>'
    )


def _part(cell: Cell, *, is_wide: bool) -> str:
    if not _is_partly(cell) or not (cell.done or is_wide):
        return ''
    return (
        f'<svg class="pf" viewBox="0 0 {cell.total} 1" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect width="{cell.done}" height="1"/></svg>'
    )


def _is_partly(cell: Cell) -> bool:
    return cell.total > 0 and cell.done < cell.total
