"""The description says of every answer what is in it, and the answers keep to it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no types

import synergy
from synergy.core.users import Role
from synergy.mx.api.openapi import document
from synergy.mx.api.routes import API_ROUTES
from synergy.mx.web.route import Route
from synergy.operations.credentials import new_token
from tests.mx.addresses import address_of
from tests.mx.dashboard_harness import NOW, DashboardHarness

#: What a recut would do is told of a process that has changed: see test_recut.
READING = [
    route
    for route in API_ROUTES
    if route.is_api
    and route.answer
    and route.method == 'GET'
    and route.endpoint not in ('api_preview_recut', 'api_preview_tree_recut')
]


def strict(value: Any) -> Any:
    """Return a schema that allows nothing which it does not name."""
    if isinstance(value, list):
        return [strict(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: strict(item) for key, item in value.items()}
    if 'properties' in found and value.get('type') == 'object':
        found.setdefault('additionalProperties', False)
    return found


def validator(route: Route, status: int) -> Draft202012Validator:
    whole = document(API_ROUTES)
    path = route.rule.replace('<', '{').replace('>', '}')
    answer = whole['paths'][path][route.method.lower()]['responses'][str(status)]
    schema = answer['content']['application/json']['schema']
    return Draft202012Validator(strict({**schema, 'components': whole['components']}))


@pytest.fixture
def asking(pages: DashboardHarness) -> tuple[DashboardHarness, dict[str, str]]:
    pages.foresees = True
    pages.add_user('admin', Role.ADMIN)
    token, text = new_token('admin', Role.ADMIN, 'ci', NOW, timedelta(days=9))
    pages.store.save_token(token)
    return pages, {'Authorization': f'Bearer {text}'}


@pytest.mark.parametrize('route', READING, ids=lambda route: route.rule)
def test_an_answer_is_what_the_description_says(
    asking: tuple[DashboardHarness, dict[str, str]], route: Route
) -> None:
    pages, headers = asking
    uow = pages.store.dead_units(1)[0].id

    answer = pages.get(address_of(route, uow), **headers)

    assert answer.status_code in (200, route.status_bad)
    problems = validator(route, answer.status_code).iter_errors(answer.json)
    assert [f'{problem.json_path}: {problem.message}' for problem in problems] == []
    if route.is_list and not route.rule.endswith('/freeruns/runs'):
        assert (answer.json or {})['items'], 'nothing was checked'


def test_the_page_for_people_shows_the_fields(pages: DashboardHarness) -> None:
    shown = pages.get('/api/v1/').text

    assert 'Answers list of <a class="link" href="#s-Job">Job</a>, and next_cursor.' in shown
    assert 'id="s-Job"' in shown
    assert 'number of its newest run' in shown


def test_every_change_tells_what_it_answers() -> None:
    for route in API_ROUTES:
        if route.is_api and route.answer is not None:
            validator(route, 200)
            if route.status == 202:
                validator(route, 202)


def test_every_parameter_is_described_and_every_change_says_when_it_is_done() -> None:
    paths = document(API_ROUTES)['paths']
    operations = [(path, method, op) for path in paths for method, op in paths[path].items()]

    for path, method, op in operations:
        names = {item['name'] for item in op['parameters'] if item['description']}
        assert len(names) == len(op['parameters']), path
        if method == 'get':
            assert 'If-None-Match' in names
            assert '304' in op['responses']
        else:
            assert names >= {'Idempotency-Key', 'X-Form-Token'}
            is_at_once = path.startswith(('/api/v1/boxes', '/api/v1/users', '/api/v1/tokens'))
            assert ('202' in op['responses']) is not is_at_once, path


def test_the_page_for_people_has_a_table_of_contents(pages: DashboardHarness) -> None:
    shown = pages.get('/api/v1/').text
    contents = shown[shown.index('aria-label="Contents"') :]
    contents = contents[: contents.index('</nav>')]

    targets = re.findall(r'href="#([^"]+)"', contents)

    assert {'api_jobs', 's-Job'} <= set(targets)
    assert '<td>header</td>' not in shown
    assert all(f'id="{target}"' in shown for target in targets)


def test_ill_health_is_described_too(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(days=2000))
    route = next(route for route in READING if route.rule.endswith('/health'))

    answer = pages.get('/api/v1/health')

    assert answer.status_code == 503
    validator(route, 503).validate(answer.json)


def test_no_two_documents_have_one_name() -> None:
    folder = Path(synergy.__file__).parent
    names = Counter(
        name
        for file in folder.rglob('*.py')
        for name in re.findall(r'^class (\w+)\(TypedDict', file.read_text(), re.MULTILINE)
    )

    # In the description a schema is found by its name.
    assert [name for name, count in names.items() if count > 1] == []
