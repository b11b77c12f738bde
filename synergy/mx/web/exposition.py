"""Samples as Prometheus reads them, written by its own library, which is an extra."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from synergy.core.leader_counts import Times
from synergy.mx.web.errors import Refused
from synergy.view.metric_kinds import Kind, Metric, Seen
from synergy.view.metrics import METRICS

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family


class Encoder(NamedTuple):
    """How to write an answer. content_type: names its format."""

    content_type: str
    encode: Callable[[Seen], bytes]


def encoder_for(accept: str) -> Encoder:
    """Return how to answer who reads what `accept` says: Prometheus's text, or OpenMetrics.

    Raises Refused where the library is not installed.
    """
    try:
        from prometheus_client.exposition import choose_encoder
    except ImportError as error:
        raise Refused(
            501,
            'Metrics need a library',
            'prometheus_client is not installed where this dashboard runs',
            "install it with: python -m pip install 'synergy-scheduler[metrics]' (in a checkout: "
            '.ve/bin/python -m pip install prometheus_client), then ./launch.py restart MX',
        ) from error
    write, content_type = choose_encoder(accept)
    return Encoder(content_type, lambda seen: write(_Collected(seen)))


class _Collected:
    """What the library asks for all families."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Family]:
        return (_family(metric, self._seen) for metric in METRICS)


def _family(metric: Metric, seen: Seen) -> Family:
    from prometheus_client import core

    kinds: dict[Kind, Any] = {
        Kind.GAUGE: core.GaugeMetricFamily,
        Kind.COUNTER: core.CounterMetricFamily,
        Kind.HISTOGRAM: core.HistogramMetricFamily,
    }
    family = kinds[metric.kind](metric.name, f'{metric.text}.', labels=metric.labels)
    for values, number in metric.samples(seen):
        if isinstance(number, Times):
            family.add_metric(values, buckets=_buckets(number), sum_value=number.millis / 1000)
        else:
            family.add_metric(values, number)
    found: Family = family
    return found


def _buckets(times: Times) -> list[tuple[str, float]]:
    """Return how many durations were at most as long as each bound."""
    found, below = [], 0
    for bound, count in zip((*map(str, times.bounds), '+Inf'), times.counts, strict=True):
        below += count
        found.append((bound, float(below)))
    return found
