"""The templates with all that they call: put together here, from parts of every room below."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Final

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket

from synergy.conf.model import Context
from synergy.core.printable import printable_lines
from synergy.core.users import Role
from synergy.mx.pages.letter_groups import group_address
from synergy.mx.pages.overview import NEED_MARKS
from synergy.mx.pages.search import completions
from synergy.mx.web import formats
from synergy.mx.web.links import linked
from synergy.mx.web.log_links import log_href
from synergy.mx.web.redact import masked, masked_text
from synergy.mx.web.sentences import sentence, unsaid
from synergy.mx.web.static_files import static_url
from synergy.mx.widgets import drawing
from synergy.view.clock import on_clock, read_of, read_range
from synergy.view.conditions import ADDITIONS, LEGEND
from synergy.view.input_said import input_said


class _Compiled(BytecodeCache):
    """Templates as code, compiled once a process, however many sites it serves."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._code_by_key: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what is known; Jinja itself looks whether the template is still the same."""
        if bucket.key in self._code_by_key:
            bucket.bytecode_from_string(self._code_by_key[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Remember the code of a template."""
        self._code_by_key[bucket.key] = bucket.bytecode_to_string()


_COMPILED: Final = _Compiled()


def environment(title: str, context: Context) -> Environment:
    """Return the templates; values are escaped, and an unknown name is an error."""
    found = Environment(
        loader=PackageLoader('synergy.mx'),
        bytecode_cache=_COMPILED,
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        'site_title': title,
        'static': static_url,
        'tree_pages': sorted(
            {node.tree.mx_page for node in context.hierarchy if node.tree.mx_page is not None}
        ),
        'legend': LEGEND,
        'additions': ADDITIONS,
        'glyph': drawing.glyph,
        'log_href': log_href,
        'read_of': partial(read_of, nodes=context.hierarchy.nodes),
        'read_range': partial(read_range, nodes=context.hierarchy.nodes),
        'group_address': group_address,
        'no_match': formats.no_match,
        'need_marks': NEED_MARKS,
        'mk': drawing.mk,
        'st': drawing.st,
        'pill': drawing.pill,
        'strip': drawing.strip,
        'row_cells': drawing.row_cells,
        'completions': completions(context),
        'zero': timedelta(0),
        'operator': Role.OPERATOR,
        'admin': Role.ADMIN,
    }
    found.filters |= {
        'span': formats.span,
        'instant': formats.instant,
        'counted': formats.counted,
        'size': formats.size,
        'said': formats.title,
        'place': formats.place,
        'on_clock': on_clock,
        'input_said': input_said,
        'fires': formats.fires,
        'masked': masked,
        'masked_text': masked_text,
        'linked': linked,
        'sentence': sentence,
        'unsaid': unsaid,
        'json': partial(json.dumps, indent=2, sort_keys=True, default=str, ensure_ascii=False),
    }
    return found


def _visible(value: object) -> object:
    """Return what a page shows of a value: nothing that others wrote may hide or turn letters.

    Texts alone: HTML of ours has gone through here already. Newlines are only white space in HTML.
    """
    return printable_lines(value) if type(value) is str else value
