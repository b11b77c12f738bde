"""Samples as Prometheus reads them, written by its own library, which is an extra."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from werkzeug.wrappers import Request

from synergy.core.leader_counts import Times
from synergy.mx.web.errors import Refused
from synergy.view.metric_kinds import Kind, Metric, Seen
from synergy.view.metrics import METRICS

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

#: Names of the formats. Source: prometheus.io, Exposition formats; OpenMetrics 1.0.
_TEXT: Final = 'text/plain; version=0.0.4; charset=utf-8'
_OPENMETRICS: Final = 'application/openmetrics-text; version=1.0.0; charset=utf-8'


class Encoder(NamedTuple):
    """How to write an answer. content_type: names its format."""

    content_type: str
    encode: Callable[[Seen], bytes]


def encoder_for(http: Request) -> Encoder:
    """Return how to answer who asks: in Prometheus's text, or in OpenMetrics to who prefers that.

    Which of the two is found out here: the library breaks off at versions that are none, and
    repeats others. Raises Refused where it is not installed.
    """
    try:
        from prometheus_client import exposition
        from prometheus_client.openmetrics import exposition as openmetrics
    except ImportError as error:
        raise Refused(
            501,
            'Metrics need a library',
            'prometheus_client is not installed where this dashboard runs',
            "install it with: python -m pip install 'synergy-scheduler[metrics]' (in a checkout: "
            '.ve/bin/python -m pip install prometheus_client), then ./launch.py restart MX',
        ) from error
    is_open = _prefers_openmetrics(http)
    write = openmetrics.generate_latest if is_open else exposition.generate_latest
    return Encoder(_OPENMETRICS if is_open else _TEXT, lambda seen: write(_Collected(seen)))


def _prefers_openmetrics(http: Request) -> bool:
    # Those that are read most gladly come first.
    for wanted in http.accept_mimetypes.values():
        match wanted.partition(';')[0].strip().lower():
            case 'application/openmetrics-text':
                return True
            case 'text/plain':
                return False
            case _:
                continue
    return False


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
