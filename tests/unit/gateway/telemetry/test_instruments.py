"""The light instruments say what ``prometheus_client``'s own would say of the same values, byte for byte."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from gateway.telemetry.instruments import Counters, Histograms

disable_created_metrics()  # as ``Metrics`` does
BUCKETS = (0.0001, 0.00025, 0.005, 0.1, 1, 2.5, 640, 1800)
VALUES = (0.0, 0.0001, 0.00010001, 0.1, 0.99, 1.0, 3, 640.5, 1e9)


def test_a_histogram_reads_as_the_librarys():
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    light = Histograms("h_seconds", "Text.", ("a", "b"), buckets=BUCKETS, registry=ours)
    full = Histogram("h_seconds", "Text.", ("a", "b"), buckets=BUCKETS, registry=theirs)
    for labels in (("x", "y"), ("x", 'z"\n')):
        for value in VALUES:
            light.labels(*labels).observe(value)
            full.labels(*labels).observe(value)
    assert generate_latest(ours) == generate_latest(theirs)


def test_a_counter_reads_as_the_librarys():
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    light = Counters("c", "Text.", ("a",), ours)
    full = Counter("c", "Text.", ("a",), registry=theirs)
    for family in (light, full):
        family.labels("x").inc()
        family.labels("x").inc(41)
        family.labels("untouched")
    assert generate_latest(ours) == generate_latest(theirs)
    assert ours.get_sample_value("c_total", {"a": "x"}) == 42


def test_families_without_series_are_there_and_names_cannot_be_taken_twice():
    registry = CollectorRegistry()
    Counters("c", "Text.", ("a",), registry)
    Histograms("h", "Text.", ("a",), buckets=BUCKETS, registry=registry)
    assert {family.name for family in registry.collect()} == {"c", "h"}
    with pytest.raises(ValueError, match="Duplicated"):
        Histograms("h", "Text.", ("a",), buckets=BUCKETS, registry=registry)


def test_a_wrong_number_of_labels_is_refused():
    family = Counters("c", "Text.", ("a", "b"), CollectorRegistry())
    with pytest.raises(ValueError, match="labels are"):
        family.labels("x")
