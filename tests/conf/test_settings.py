"""Settings: defaults, the environment's precedence, and refusals that name the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT
from synergy.conf import watch_settings
from synergy.conf.errors import SettingsError
from synergy.conf.in_force import in_force
from synergy.conf.settings import load_settings
from synergy.conf.settings_reference import reference


def problems(environ: dict[str, str], project: Path = PROJECT) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ, project)
    return list(refused.value.problems)


def test_the_home_names_everything_below_it(tmp_path: Path) -> None:
    settings = load_settings({'SYNERGY_HOME': str(tmp_path / 'a b')}, PROJECT)

    assert settings.home == tmp_path / 'a b'
    assert settings.store_uri.startswith('sqlite:///')
    assert settings.log_directory == tmp_path / 'a b' / 'logs'
    assert settings.pid_directory == tmp_path / 'a b' / 'run'


def test_the_environment_wins_over_the_module() -> None:
    assert load_settings({}, PROJECT).box_id == 'dev'
    assert load_settings({'SYNERGY_BOX_ID': 'prod-1'}, PROJECT).box_id == 'prod-1'


def test_the_box_is_named_by_settings_else_by_the_file_in_the_home(tmp_path: Path) -> None:
    environ = {'SYNERGY_HOME': str(tmp_path)}
    assert load_settings(environ, PROJECT).box_id == 'dev'
    (tmp_path / 'box_id').write_text('prod-1\n')

    assert load_settings(environ, PROJECT).box_id == 'prod-1'
    assert load_settings(environ | {'SYNERGY_BOX_ID': 'prod-2'}, PROJECT).box_id == 'prod-2'


@pytest.mark.parametrize(
    'value',
    ['synergy.example.com', 'ftp://a', 'https://u:p@a', 'https://a/x', 'https://a:0', 'https://a?b',
     'https://a:99999', 'https://a b', 'https://ä.example'],
)  # fmt: skip
def test_an_address_of_the_dashboard_that_nobody_could_follow_is_refused(value: str) -> None:
    (problem,) = problems({'SYNERGY_MX_URL': value})

    assert 'mx_url' in problem


@pytest.mark.parametrize('content', [b'', b'a b', b'a\nb', b'\xff\xfe'])
def test_a_file_that_names_no_box_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'box_id').write_bytes(content)

    (problem,) = problems({'SYNERGY_HOME': str(tmp_path)})

    assert 'is not a box id' in problem
    assert 'super --boxid ID' in problem


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    (problem,) = problems({'SYNERGY_SWEEP_SECOND': '3'})

    assert 'SYNERGY_SWEEP_SECOND names no setting' in problem
    assert 'SYNERGY_SWEEP_SECONDS' in problem


@pytest.mark.parametrize(
    ('variable', 'value', 'expected'),
    [
        ('SYNERGY_SWEEP_SECONDS', 'soon', 'number of seconds'),
        ('SYNERGY_SWEEP_SECONDS', 'nan', 'number of seconds'),
        ('SYNERGY_SWEEP_SECONDS', '-1', 'number of seconds'),
        ('SYNERGY_LOG_FILE_COUNT', '2.5', 'whole number'),
        ('SYNERGY_LOG_LEVEL', 'LOUD', 'one of DEBUG'),
        ('SYNERGY_DEBUG', 'maybe', 'true or false'),
        ('SYNERGY_START_TIMEPERIOD', '2013-13', 'no real date'),
        ('SYNERGY_END_TIMEPERIOD', '2013013200', 'no real date'),
        ('SYNERGY_STORE_URI', 'oracle://x', 'URI'),
        ('SYNERGY_BOX_ID', '', 'not empty'),
        ('SYNERGY_MX_TRUSTED_PROXY', '*', 'IPv4 or IPv6 address'),
        ('SYNERGY_MX_METRICS_NETWORKS', '*', 'as in 10.1.0.0/16'),
        ('SYNERGY_MX_METRICS_NETWORKS', '10.1.0.0/8, ::1', 'has host bits set'),
        ('SYNERGY_METRICS_PROCESSES_MAX', '5001', 'from 0 to 5,000'),
    ],
)
def test_a_mistyped_value_is_refused_with_what_is_expected(
    variable: str, value: str, expected: str
) -> None:
    (problem,) = problems({variable: value})

    assert variable in problem
    assert expected in problem


def test_all_problems_are_reported_together() -> None:
    found = problems({'SYNERGY_SWEEP_SECONDS': 'x', 'SYNERGY_DEBUG': 'x', 'SYNERGY_OH': 'x'})

    assert len(found) == 3


def write_settings(folder: Path, text: str) -> dict[str, str]:
    name = f'settings_{abs(hash(str(folder)))}'
    (folder / f'{name}.py').write_text(text)
    return {'SYNERGY_SETTINGS_MODULE': name}


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ("settings = {'swep_seconds': 3}", "did you mean 'sweep_seconds'"),
        ("settings = {'mq_host': 'localhost'}", 'Synergy 2.x'),
        ('other = 1', 'defines no `settings`'),
        ('settings = {', 'cannot be imported'),
        ('import no_such_module_at_all', 'no_such_module_at_all'),
        ('raise SystemExit(1)', 'cannot be imported'),
    ],
)
def test_a_bad_module_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    found = problems(write_settings(tmp_path, text), tmp_path)

    assert expected in found[0]


def test_a_module_that_is_named_and_missing_is_refused() -> None:
    assert 'nowhere' in problems({'SYNERGY_SETTINGS_MODULE': 'nowhere'})[0]


def test_the_reference_in_the_docs_is_current() -> None:
    assert (PROJECT / 'docs' / 'settings.md').read_text() == reference()


@pytest.mark.parametrize(
    ('variable', 'text'),
    [
        ('SYNERGY_MX_PORT', '65536'),
        ('SYNERGY_MX_PORT', '٥٠٠٠'),
        ('SYNERGY_MX_PORT', '5_000'),
        ('SYNERGY_MX_PORT', '9' * 5000),
        ('SYNERGY_MX_VIEWERS_MAX', '1000000'),
        ('SYNERGY_INBOX_BATCH_MAX', '+5'),
        ('SYNERGY_UOW_LEASE_SECONDS', '1e300'),
        ('SYNERGY_UOW_LEASE_SECONDS', '1_0'),
        ('SYNERGY_LOG_RETENTION_DAYS', '9' * 400),
        ('SYNERGY_LOG_RETENTION_DAYS', 'inf'),
        ('SYNERGY_MX_SESSION_HOURS', '1e9'),
        ('SYNERGY_MX_TITLE', 'x' * 5000),
        ('SYNERGY_MX_TITLE', '\udcff'),
        ('SYNERGY_MX_HOST_NAMES', 'a,' * 2000),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_value_out_of_bounds_is_refused_by_name(tmp_path: Path, variable: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({variable: text}, tmp_path)

    assert variable in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    'value', ['https://hc.example.com:99999/5ecret', 'ftp://x/5ecret', 'https:///5ecret', '5ecret']
)
def test_an_address_that_is_a_secret_is_not_shown_where_it_is_wrong(
    tmp_path: Path, value: str
) -> None:
    found = problems({'SYNERGY_HEARTBEAT_URL': value}, tmp_path)

    assert 'heartbeat_url' in found[0]
    assert '5ecret' not in found[0]


def test_the_dead_mans_switch_is_shown_by_its_host_alone() -> None:
    settings = load_settings({'SYNERGY_HEARTBEAT_URL': 'https://hc.example.com/5ecret'}, PROJECT)

    assert settings.heartbeat is not None
    assert settings.heartbeat.url.endswith('5ecret')
    shown = [item.value for item in in_force(settings) if item.setting.name == 'heartbeat_url']
    assert shown == ['https://hc.example.com/•••']
    assert '5ecret' not in repr(settings)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('OTLP_HEADERS', '5ecret'),
        ('OTLP_HEADERS', 'x key=5ecret'),
        ('OTLP_HEADERS', 'x-key=5ecret%0d%0aX-Evil: 1'),
        ('OTLP_HEADERS', '=5ecret'),
        ('OPENLINEAGE_API_KEY', '5ecretä'),
        ('OTLP_ENDPOINT', 'ftp://x/5ecret'),
        ('OPENLINEAGE_URL', 'https:///5ecret'),
    ],
)
def test_a_wrong_key_is_not_shown(tmp_path: Path, name: str, value: str) -> None:
    (found,) = problems({f'SYNERGY_{name}': value}, tmp_path)

    assert name.lower() in found
    assert '5ecret' not in found


def test_keys_and_headers_are_shown_by_their_names_alone() -> None:
    settings = load_settings(
        {
            'SYNERGY_OTLP_ENDPOINT': 'http://collector:4318/5ecret',
            'SYNERGY_OTLP_HEADERS': 'X-Api-Key=5ecret%2C, x-tenant=5ecret',
            'SYNERGY_OPENLINEAGE_URL': 'http://5ecret@marquez:5000',
            'SYNERGY_OPENLINEAGE_API_KEY': ' 5ecret ',
        },
        PROJECT,
    )

    assert settings.otlp_headers is not None
    assert settings.otlp_headers.headers == (('x-api-key', '5ecret,'), ('x-tenant', '5ecret'))
    assert settings.openlineage_api_key is not None
    assert settings.openlineage_api_key.value == '5ecret'
    shown = {item.setting.name: item.value for item in in_force(settings)}
    assert shown['otlp_endpoint'] == 'http://collector/•••'
    assert shown['otlp_headers'] == 'x-api-key=•••,x-tenant=•••'
    assert shown['openlineage_url'] == 'http://marquez/•••'
    assert shown['openlineage_api_key'] == '•••'
    assert '5ecret' not in repr(settings) + repr(shown)


@pytest.mark.parametrize(
    ('name', 'extra'), [('OTLP_ENDPOINT', 'traces'), ('OPENLINEAGE_URL', 'lineage')]
)
def test_an_extra_that_is_missing_is_named_at_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    monkeypatch.setattr(watch_settings, 'find_spec', lambda _: None)

    (found,) = problems({f'SYNERGY_{name}': 'http://localhost:4318'}, tmp_path)

    assert 'is not installed' in found
    assert f'synergy-scheduler[{extra}]' in found
