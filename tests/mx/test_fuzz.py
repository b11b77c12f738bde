"""The API under a rain of requests made from its own description: never a 5xx, always a reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from synergy.core.users import Role
from synergy.mx.api.openapi import document
from synergy.mx.api.routes import API_ROUTES
from synergy.operations.credentials import new_token
from tests.mx.addresses import VALUES
from tests.mx.dashboard_harness import NOW, DashboardHarness

#: But for streams, of which an answer has no end.
OPERATIONS = [
    (path, method)
    for path, methods in document(API_ROUTES)['paths'].items()
    for method in methods
    if not path.endswith('/events')
]
EXAMPLES = 12
#: Of random names hardly one exists; half of the requests are about what does.
KNOWN = {
    **VALUES,
    'process': 'SiteDaily',
    'start': '2026112000',
    'timeperiod': '2026112200',
    'user': 'viewer',
    'q': 'process:site* state:failed',
    'at': '20261120',
    'password': 'long enough to do',
    'trigger': 'every 600',
}
pytestmark = pytest.mark.heavy
NAMES = {'freeruns': 'Shell::sweep', 'processes': 'SiteHourly', 'users': 'viewer'}


@pytest.fixture(scope='module')
def rained_on(tmp_path_factory: pytest.TempPathFactory, history: Path) -> Iterator[Any]:
    """Return the API's description, loaded through a dashboard on which an admin calls."""
    home = tmp_path_factory.mktemp('fuzz')
    shutil.copy(history, home / 'store.db')
    pages = DashboardHarness(home)
    pages.foresees = True
    pages.add_user('admin', Role.ADMIN)
    pages.add_user('viewer', Role.VIEWER)
    token, text = new_token('admin', Role.ADMIN, None, NOW, None)
    pages.store.save_token(token)
    found = schemathesis.openapi.from_wsgi('/api/v1/openapi.json', pages.app)
    # What calls it here offers gzip, but does not read it.
    headers = {'Authorization': f'Bearer {text}', 'Accept-Encoding': 'identity'}
    yield found, headers, pages.store.dead_units(1)[0].id
    pages.close()


def test_the_description_is_valid() -> None:
    validate(document(API_ROUTES))


@pytest.mark.parametrize(('path', 'method'), OPERATIONS, ids=lambda item: str(item))
def test_no_request_breaks_the_api(rained_on: Any, path: str, method: str) -> None:
    schema, headers, dead = rained_on
    cases = schema[path][method].as_strategy()
    name = next((name for part, name in NAMES.items() if part in path), VALUES['name'])
    known = {**KNOWN, 'name': name, 'uow_id': dead}
    del known['action']

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_known=st.booleans())
    def rain(case: schemathesis.Case[Any], is_known: bool) -> None:
        for values in (case.path_parameters, case.query, case.body):
            if is_known and isinstance(values, dict):
                values |= {key: known[key] for key in values if key in known}
        answer = case.call(headers=headers)

        assert answer.status_code < 500, case.as_curl_command()
        assert answer.status_code not in (401, 403)
        if answer.status_code >= 400:
            problem = answer.json()
            assert problem['detail']
            assert problem['advice']
        elif answer.status_code != 304:
            schema[path][method].validate_response(answer)

    rain()
