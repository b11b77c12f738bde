"""An address for every route, with values that exist."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from synergy.mx.web.route import Route
from synergy.view.alert_links import PATH, AlertLinks
from tests.mx.alerted import OPEN_GROUP
from tests.mx.dashboard_harness import FREEZE_ID, NOW, REQUEST_ID, SECRET
from tests.pipelines.pages import HOSTILE

VALUES = {
    'process': 'SiteHourly',
    'timeperiod': '2026112209',
    'request_id': REQUEST_ID,
    'freeze_id': FREEZE_ID,
    'kind': 'reprocess',
    'action': 'pause',
    'uow_id': 'f00',
    'box_id': 'dev',
    'token_id': 'f00',
    'name': 'site',
    'file': 'mx.log',
    'token': AlertLinks(SECRET).address('', OPEN_GROUP, NOW).removeprefix(PATH),
}
OLD = {
    'legacy_scheduler': 'managed/entries/',
    'legacy_supervisor': 'entries/',
    'legacy_flow': 'viewer/',
}
NAMES = {'freerun': 'Shell::sweep', 'static': 'mx.css', 'tree_page': 'traffic'}
ACTIONS = {
    'boxes': 'stop',
    'freezes': 'thaw',
    'freeruns': 'on',
    'dead': 'drop',
    'processes': 'run',
    'pools': 'set',
}
#: The kind of error of the one dead letter in the history.
LETTERS = urlencode({'process': 'SiteHourly', 'error': f'ValueError: {HOSTILE} is not a number'})
QUERY = {
    '/alerts/<action>': f'?alert={OPEN_GROUP}',
    '/change/<kind>': '?process=SiteHourly&first=2026112209',
    '/api/v1/preview': '?process=SiteHourly&start=2026112209',
    '/api/v1/dead/groups/<action>': f'?{LETTERS}',
    '/dead/groups/<action>': f'?{LETTERS}',
}


def address_of(route: Route, dead_uow: str = 'f00') -> str:
    """Return an address that `route` answers."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == 'name' and 'freerun' in route.rule:
            return 'Shell::sweep'
        if name == 'name' and 'pools' in route.rule:
            return 'warehouse'
        if name == 'name' and 'process' in route.rule:
            return VALUES['process']
        if name == 'name':
            return NAMES.get(route.endpoint, VALUES[name])
        if name == 'rest':
            return OLD[route.endpoint]
        if name == 'uow_id':
            return dead_uow
        if name == 'action' and route.actions:
            return route.actions[0]
        if name == 'action':
            return next((act for part, act in ACTIONS.items() if part in route.rule), 'pause')
        return VALUES[name]

    return re.sub(r'<(?:path:)?(\w+)>', value, route.rule) + QUERY.get(route.rule, '')
