"""Every metric, defined once, in one registry. Labels come from closed sets only: profile ids, causes, route templates.

Gauges that mirror other objects' state are read at scrape time through ``Observed``; nothing is counted twice.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client import disable_created_metrics as _disable_created
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from gateway.telemetry.instruments import Counters, Histograms

UNKNOWN_MODEL = "_unknown"
_DURATION = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_FIRST_TOKEN = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
_TOKEN_GAP = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5)
_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)
_QUEUE = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_LOAD = (1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1200, 1800)
_JOB = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1)

Sample = tuple[tuple[str, ...], float]
Reading = Callable[[], "Iterator[tuple[str, tuple[str, ...], float]]"]

OBSERVED: dict[str, tuple[str, tuple[str, ...]]] = {
    "gateway_inflight_requests": ("Requests being served.", ("model",)),
    "gateway_queued_requests": ("Requests waiting for a model.", ("model",)),
    "gateway_open_streams": ("Streams being relayed.", ("model",)),
    "gateway_model_demand": ("Queued, in flight and waiting for a load: the autoscaling signal.", ("model",)),
    "gateway_backend_up": ("1 when a backend of the model takes calls.", ("model", "backend")),
    "gateway_engine_running_requests": ("Requests that an engine says it works on.", ("model", "variant")),
    "gateway_engine_waiting_requests": ("Requests in an engine's own queue.", ("model", "variant")),
    "gateway_engine_cache_usage_ratio": ("Share of an engine's cache that is in use.", ("model", "variant")),
    "gateway_engine_slots": ("Requests that an engine is given at once, as its load allows.", ("model", "variant")),
    "gateway_model_phase": ("1 for the phase a model is in.", ("model", "phase")),
    "gateway_jobs_queue_depth": ("Jobs that wait.", ("kind",)),
    "gateway_jobs_running": ("Jobs that are worked on, by any gateway.", ("kind",)),
    "gateway_jobs_oldest_age_seconds": ("Age of the oldest job that waits.", ("kind",)),
    "gateway_artifact_bytes": ("Bytes of all results that are kept.", ("kind",)),
    "gateway_provider_resting": ("1 while a provider is left alone, for a model of its own.", ("provider", "model")),
    "gateway_memory_bytes": ("Memory of a device by kind.", ("device", "kind")),
}


class Observed(Collector):
    """Gauges read from their owners at scrape time. ``reading`` yields (metric name, label values, value)."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def describe(self) -> list[Metric]:
        return [GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in OBSERVED.items()]

    def collect(self) -> Iterator[Metric]:
        families = {name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in OBSERVED.items()}
        for name, labels, value in self._reading():
            families[name].add_metric(labels, value)
        yield from families.values()


class Metrics:
    """The registry and its instruments. One per process."""

    def __init__(self, version: str) -> None:
        _disable_created()
        self.registry = CollectorRegistry(auto_describe=False)
        at = self.registry
        ProcessCollector(registry=at)
        PlatformCollector(registry=at)
        self.requests = Counters(
            "gateway_requests", "Requests by outcome.", ("endpoint", "model", "backend", "outcome"), registry=at
        )
        self.duration = Histograms(
            "gateway_request_duration_seconds", "Whole request.", ("endpoint", "model", "backend"),
            buckets=_DURATION, registry=at,
        )  # fmt: skip
        self.first_token = Histograms(
            "gateway_time_to_first_token_seconds", "Request to first event.", ("model", "backend"),
            buckets=_FIRST_TOKEN, registry=at,
        )  # fmt: skip
        self.token_gap = Histograms(
            "gateway_inter_token_latency_seconds", "Mean gap between events of a stream.", ("model", "backend"),
            buckets=_TOKEN_GAP, registry=at,
        )  # fmt: skip
        self.overhead = Histograms(
            "gateway_overhead_seconds", "Own time before the upstream send.", ("endpoint",),
            buckets=_OVERHEAD, registry=at,
        )  # fmt: skip
        self.queue_wait = Histogram(
            "gateway_queue_wait_seconds", "Wait for a lease.", ("model",), buckets=_QUEUE, registry=at
        )
        self.tokens = Counters("gateway_tokens", "Tokens by type.", ("model", "backend", "type"), registry=at)
        self.load = Histogram(
            "gateway_model_load_seconds", "Start to ready.", ("model", "backend", "kind"), buckets=_LOAD, registry=at
        )
        self.transitions = Counter(
            "gateway_model_transitions", "Changes of a resident's state.", ("model", "from", "to"), registry=at
        )
        self.restarts = Counter(
            "gateway_backend_restarts", "Engine exits that were not asked for.", ("model", "reason"), registry=at
        )
        self.fallback = Counter("gateway_fallback", "Candidates passed over.", ("model", "reason", "to"), registry=at)
        self.cloud_spent = Counter(
            "gateway_cloud_spent_dollars", "What calls to providers have cost.", ("model", "provider"), registry=at
        )
        self.cloud_unknown = Counter(
            "gateway_cloud_unknown", "Calls of which nobody heard what they cost.", ("model", "provider"), registry=at
        )
        self.jobs = Counter(
            "gateway_jobs", "Attempts at jobs by what became of the job.", ("kind", "outcome"), registry=at
        )
        self.job_duration = Histogram(
            "gateway_jobs_duration_seconds", "Claim to result.", ("kind",), buckets=_JOB, registry=at
        )
        self.job_lease_lost = Counter(
            "gateway_job_lease_lost", "Jobs that went to another gateway while they ran.", ("kind",), registry=at
        )
        self.loop_lag = Histogram("gateway_event_loop_lag_seconds", "Lateness of a timer.", buckets=_LAG, registry=at)
        self.reload_success = Gauge("gateway_config_reload_success", "1 when the last reload was clean.", registry=at)
        self.reload_timestamp = Gauge(
            "gateway_config_reload_timestamp_seconds", "Time of the last clean load.", registry=at
        )
        self.build_info = Gauge("gateway_build_info", "Version of the gateway.", ("version",), registry=at)
        self.build_info.labels(version).set(1)

    def observe(self, reading: Reading) -> None:
        """Adds the scrape-time gauges; called once, by the composition root."""
        self.registry.register(Observed(reading))

    def expose(self) -> bytes:
        """The text exposition format, version 0.0.4."""
        return generate_latest(self.registry)
