"""Alerts of a context: what they mean, and everything that is wrong with them in one report."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT
from synergy.core.alert_rules import CONDITIONS, PIERCING, AlertKind, Receiver, Scope, ScopeKind
from synergy.core.alert_urls import Hook, for_apprise, hook_of, url_problem
from synergy.core.records import ProcessName
from tests.conf.test_context import load, problems

ENTRIES = """
run = dict(classname='workers.flight_hourly.FlightHourly', token='f', trigger_frequency='every 60')
process_context = [hourly('SiteHourly'), hourly('Other'), freerun_context_entry('F', 'one', **run)]
timetable_context = {
    'site': timetable_tree_entry('site', ['SiteHourly']),
    'other': timetable_tree_entry('other', ['Other']),
}
"""


def test_rules_of_a_context(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
alert_context = {
    'night': alert(
        on=['late', 'held'], for_=['tree:site', 'process:F*'], to=['hooks://geheim@a.example/x'],
        quiet_hours='22:00-06:00 Europe/Berlin', escalate_after=30, group_minutes=0,
        escalate_to='hook://127.0.0.1:8080', piercing=['critical', 'held'],
    ),
    'all': alert(on='no_leader', to='hooks://b.example'),
}
"""
        + ENTRIES,
    )

    night, everything = context.alerts
    assert night.on == {AlertKind.LATE, AlertKind.HELD}
    assert night.scopes == (
        Scope(ScopeKind.TREE, 'site', frozenset({ProcessName('SiteHourly')})),
        Scope(ScopeKind.PROCESS, 'F*'),
    )
    assert night.covers(AlertKind.HELD, ProcessName('F::one'))
    assert not night.covers(AlertKind.HELD, ProcessName('Other'))
    assert night.to == (Receiver('hooks://geheim@a.example/x'),)
    assert [hours.text for hours in night.quiet_hours] == ['22:00-06:00 Europe/Berlin']
    assert night.piercing == PIERCING | {AlertKind.HELD}
    assert night.escalate_after == timedelta(minutes=30)
    assert night.group == timedelta()
    assert everything.piercing == PIERCING
    assert everything.escalate_after is None
    assert 'geheim' not in repr(context.alerts)


@pytest.mark.parametrize(
    ('fields', 'told'),
    [
        ("on=['lat']", "on: 'lat' is not a condition (did you mean 'late'?)"),
        ("on=['xyz']", "'xyz' is not a condition; there are late, will_be_late"),
        ('on=[]', 'on: it names no condition'),
        ('on=7', 'on: give a list of texts'),
        ("for_=['tree:sit']", "there is no tree 'sit' (did you mean 'site'?)"),
        (
            "for_=['process:SiteHurly']",
            "no process or free run 'SiteHurly' (did you mean 'SiteHourly'?)",
        ),
        ("for_=['process:Nope*']", "there is no process or free run 'Nope*'"),
        ("for_=['SiteHourly']", "'SiteHourly' says neither tree nor process"),
        ("for_=['proces:SiteHourly']", "did you mean 'process'?"),
        ("quiet_hours=['Mon-Sun']", 'never end: nobody would be told of anything within a year'),
        ("quiet_hours=['00:00-12:00', '12:00-24:00']", 'never end'),
        ("quiet_hours=['25:00-26:00']", 'quiet_hours: closed hours'),
        ("quiet_hours=['the calendar none']", "quiet_hours = 'the calendar none' of alert night"),
        ('to=[]', 'to: nobody is told; give an address'),
        ("to=['geheim']", 'to[0]: it does not begin with a scheme'),
        ("to=['hooks://geheim@']", 'to[0] (hooks://...): it names no host'),
        ("to=['https://geheim.example/x']", 'to[0] (https://...): https:// says where and not how'),
        ("escalate_to=['hooks://b.example']", 'escalate_to is given, but not when'),
        ('escalate_after=0', 'escalate_after: give a number of minutes from 1 to 10,080'),
        ("escalate_after='soon'", 'escalate_after: give a number'),
        ('group_minutes=-1', 'group_minutes: give a number of minutes from 0 to 1,440'),
        ("piercing=['crit']", "'crit' is not a condition"),
        ("too=['hooks://b.example']", "unknown keyword 'too' (did you mean 'to'?)"),
    ],
)
def test_bad_rules_are_refused_and_the_secrets_of_addresses_are_not_told(
    tmp_path: Path, fields: str, told: str
) -> None:
    given = "dict({'on': ['held'], 'to': ['hooks://b.example']}, **dict(" + fields + '))'

    found = problems(tmp_path, f"alert_context = {{'night': alert(**{given})}}" + ENTRIES)

    assert told in found
    assert 'alert night' in found or "alert 'night'" in found
    assert 'geheim' not in found


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
alert_context = {
    'a b': alert(on=['held'], to=['hook://x']), 'c': 7,
    'd': alert(on=['lat'], to=['slack'], for_=['tree:x']),
}
"""
        + ENTRIES,
    )

    for told in ("alert 'a b': its name", "alert 'c': it is not an alert", "'lat'", "tree 'x'"):
        assert told in found
    assert '`alert_context` is not a dict' in problems(tmp_path, 'alert_context = []' + ENTRIES)
    # What is wrong elsewhere is not told a second time of alerts.
    broken = ENTRIES.replace("['Other']", "['Othr']")
    rule = "alert_context = {'d': alert(on=['held'], to=['hook://x'], for_=['tree:other'])}"
    assert 'alert' not in problems(tmp_path, rule + broken)


def test_what_apprise_cannot_read_is_refused_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rule = "alert_context = {'d': alert(on=['held'], to=['slak://geheim/b/c'])}" + ENTRIES
    sound = rule.replace('slak://geheim/b/c', 'ntfy://topic')

    pytest.importorskip('apprise')
    found = problems(tmp_path, rule)
    assert "(slak://...): apprise knows nobody who sends to slak (did you mean 'slack'?)" in found
    assert 'cannot read it' in problems(tmp_path, rule.replace('slak', 'slack').replace('/c', ''))
    assert 'geheim' not in found + caplog.text
    assert load(tmp_path, sound).alerts

    monkeypatch.setitem(sys.modules, 'apprise', None)
    assert load(tmp_path, rule).alerts[0].to == (Receiver('slak://geheim/b/c'),)


@pytest.mark.parametrize(
    ('url', 'meant'),
    [
        ('hooks://s%40ecret@a.example/x?y=1', Hook('https://a.example/x?y=1', 's@ecret')),
        ('hook://127.0.0.1:8080', Hook('http://127.0.0.1:8080/', None)),
        ('HOOK://[::1]:9/a', Hook('http://[::1]:9/a', None)),
    ],
)
def test_webhooks(url: str, meant: Hook) -> None:
    assert url_problem(url) is None
    assert hook_of(url) == meant


@pytest.mark.parametrize(
    'url',
    [
        '', 'hooks://', 'hook://:80/', 'hook://a:99999', 'hook://a:0/', 'hook://a b/',
        'hook://a/\n', ' hook://a', 'hook://a/#x', 'hook://@a/', 'hook://[::1/', 'mailto://',
        'hook://a/' + 'x' * 3000, 'hook://a:b/', 'hook://exa$mple/', '://a',
        'hook://a/b c', 'hook://a/bä', 'hook://a/?x=ä', 'hook://a..b/', f'hook://{"a" * 64}.de/',
        'hook://a/\u200b', 'file:///etc/passwd', 'ftp://a/b', 'hook://a/?b c',
    ],
)  # fmt: skip
def test_addresses_that_make_no_sense(url: str) -> None:
    assert url_problem(url)


def test_apprise_is_asked_by_its_own_names() -> None:
    assert for_apprise('mail://u:p@h') == 'mailto://u:p@h'
    assert for_apprise('slack://a/b') == 'slack://a/b'


def test_the_reference_tells_all_conditions() -> None:
    text = (PROJECT / 'docs' / 'context.md').read_text()

    for kind, condition in CONDITIONS.items():
        told = f'| `{kind.value}` | {condition.severity.word} | {condition.means}'
        assert told in text
        assert (f'{told}; it happens once' in text) is condition.is_moment
