"""Counters and histograms for what happens in every request: a child is bound to its labels once and then costs an
addition. Same exposition as ``prometheus_client``'s, whose locks and checks cost 1 us an update. Event loop only.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry


class Count:
    """One series of ``Counters``."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """``amount`` is not negative."""
        self.value += amount


class Distribution:
    """One series of ``Histograms``."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """A value belongs to the first bucket whose bound is not below it."""
        self.total += value
        self.counts[bisect_left(self._bounds, value)] += 1


class Counters(Collector):
    """A counter family; ``name`` without ``_total``."""

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._about = (name, text)
        self._labelnames = tuple(labels)
        self._series: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """The series of these label values, made when first asked for."""
        return self._series.setdefault(_checked(values, self._labelnames), Count())

    def describe(self) -> list[Metric]:
        return [CounterMetricFamily(*self._about, labels=self._labelnames)]

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(*self._about, labels=self._labelnames)
        for values, series in list(self._series.items()):
            family.add_metric(values, series.value)
        yield family


class Histograms(Collector):
    """A histogram family with fixed ``buckets``: upper bounds in ascending order, without infinity."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], *, buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._about = (name, text)
        self._labelnames = tuple(labels)
        self._bounds = tuple(buckets)
        self._named = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        self._series: dict[tuple[str, ...], Distribution] = {}
        registry.register(self)

    def labels(self, *values: str) -> Distribution:
        """The series of these label values, made when first asked for."""
        return self._series.setdefault(_checked(values, self._labelnames), Distribution(self._bounds))

    def describe(self) -> list[Metric]:
        return [HistogramMetricFamily(*self._about, labels=self._labelnames)]

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(*self._about, labels=self._labelnames)
        for values, series in list(self._series.items()):
            family.add_metric(values, list(zip(self._named, accumulate(series.counts), strict=True)), series.total)
        yield family


def _checked(values: tuple[str, ...], labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) != len(labels):
        raise ValueError(f"labels are {labels}")
    return values
