"""The JSON form of what a request would do; see `synergy.view.encode`."""

from __future__ import annotations

from synergy.view import documents
from synergy.view.encode import instant, seconds
from synergy.view.estimates import PlanEstimate
from synergy.view.preview import Preview, WaitingRow
from synergy.view.reach import encode_order_only, encode_reach


def encode_preview(shown: Preview, about: PlanEstimate) -> documents.PreviewDocument:
    """Return what a command would do, and about how long that takes."""
    return {
        'kind': shown.kind.value,
        'count': shown.plan.count,
        'plan_hash': shown.plan.hash,
        'about_seconds': seconds(about.whole),
        'processes': [
            {
                'process': row.process,
                'count': row.count,
                'first': str(row.first),
                'last': str(row.last),
                'running': [str(key.timeperiod) for key in row.running],
                'about_seconds': seconds(about.by_process.get(row.process)),
                'reached_by': [encode_reach(item) for item in shown.reached.get(row.process, ())],
            }
            for row in shown.rows
        ],
        'waiting': [_encode_waiting(row) for row in shown.waiting],
        'doomed': [
            {'process': key.process, 'timeperiod': str(key.timeperiod)} for key in shown.doomed
        ],
        'without': [_encode_waiting(row) for row in shown.without],
        'order_only': [encode_order_only(item) for item in shown.order_only],
        'options': list(shown.options),
        'held': [
            {'process': row.process, 'text': row.text, 'until': instant(row.until)}
            for row in shown.held
        ],
        'off': [{'process': row.process, 'text': row.text} for row in shown.off],
        'pools': list(shown.pools),
    }


def _encode_waiting(row: WaitingRow) -> documents.WaitingDocument:
    return {
        'process': row.process,
        'count': row.count,
        'first': str(row.first),
        'last': str(row.last),
    }
