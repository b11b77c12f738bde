"""The reference of all metrics, as Markdown: docs/metrics.md."""

from __future__ import annotations

from typing import Final

from synergy.view.metric_kinds import Kind
from synergy.view.metrics import METRICS


def reference() -> str:
    """Return the reference of all metrics as Markdown."""
    lines = [
        '# Metrics',
        '',
        'What the dashboard answers at `/metrics`, for Prometheus and whoever reads its format: '
        '[Prometheus and Grafana](howto/prometheus.md).',
        '',
        '| metric | type | labels | meaning |',
        '|---|---|---|---|',
    ]
    for metric in METRICS:
        name = metric.series[0] if metric.kind is Kind.COUNTER else metric.name
        labels = ', '.join(f'`{label}`' for label in metric.labels)
        lines.append(f'| `{name}` | {metric.kind.value} | {labels} | {metric.text}. |')
    return '\n'.join([*lines, '', *_NOTES]) + '\n'


_NOTES: Final = (
    'What is counted (units, durations, batches, commits) the leading Scheduler counts, and tells '
    'the store every 5 s; a new leader goes on from there. So every dashboard tells the same, and '
    'nothing falls when a dashboard or a Scheduler starts again. When a Scheduler is killed, what '
    'it counted in its last 5 s is lost. Counts begin at nothing again only with a new version '
    'that counts otherwise, which Prometheus takes for a restart.',
    '',
    'Labels are bounded: the first `metrics_processes_max` processes of the context have one, all '
    'others are `other`, with sums, the oldest interval and the greatest delay; of more than 200 '
    'boxes only numbers are told. No label has a timeperiod, an error, or a text that somebody '
    'typed: free runs count under the name of their process.',
)
