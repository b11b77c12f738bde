"""What a demo says to those who look at it from elsewhere."""

from __future__ import annotations

import pytest

from synergy.cli.demo_system import hint


def test_the_hint_leads_to_the_same_home_context_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SYNERGY_HOME', '/h')
    monkeypatch.setenv('SYNERGY_END_TIMEPERIOD', '2013010600')
    monkeypatch.delenv('SYNERGY_CONTEXT_MODULE', raising=False)

    assert hint('status').endswith(
        '  SYNERGY_HOME=/h SYNERGY_END_TIMEPERIOD=2013010600 ./launch.py status'
    )
