"""Groups of workers on pages: on the page of boxes, in the configuration, before a restart."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from synergy.core.records import ProcessName
from synergy.mx.pages.config import entry_rows
from synergy.mx.pages.processes import _of_group
from synergy.mx.web.request_context import RequestContext
from tests.conf.test_context import load
from tests.conf.test_groups import GROUPED


def test_a_restart_says_whose_workers_are_restarted_too(tmp_path: Path) -> None:
    context = load(tmp_path, GROUPED)
    request = cast('RequestContext', SimpleNamespace(context=context))  # All that is asked of it.
    grouped, own = (context.managed[ProcessName(name)] for name in ('SiteHourly', 'SiteDaily'))

    said = _of_group(request, grouped.process, 'restart')

    assert said == ('They are those of the group etl, which run 1 other process, too.',)
    assert _of_group(request, grouped.process, 'run') == ()
    assert _of_group(request, own.process, 'restart') == ()


def test_the_configuration_names_groups_and_whom_they_serve(tmp_path: Path) -> None:
    context = load(tmp_path, GROUPED)
    request = cast('RequestContext', SimpleNamespace(context=context))

    rows = {row.name: row for row in entry_rows(request)}

    assert rows['etl'].serves == ['SiteHourly', 'Feed']
    assert (rows['etl'].queue, rows['etl'].instances, rows['etl'].code) == (
        'queue_etl_group',
        2,
        '',
    )
    assert (rows['SiteHourly'].group, rows['SiteHourly'].queue) == ('etl', 'queue_etl_group')
    assert rows['Feed::one'].group == 'etl'
    assert (rows['SiteDaily'].group, rows['SiteDaily'].serves) == (None, None)
