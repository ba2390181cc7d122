"""Names, types and labels of the metrics as the operators' documents promise them, and closed sets as labels."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.exchange import Exchange
from gateway.telemetry.metrics import OBSERVED, Metrics
from gateway.telemetry.recorder import Recorder

PROMISED = {
    "gateway_requests": ("counter", {"endpoint", "model", "backend", "outcome"}),
    "gateway_request_duration_seconds": ("histogram", {"endpoint", "model", "backend"}),
    "gateway_time_to_first_token_seconds": ("histogram", {"model", "backend"}),
    "gateway_inter_token_latency_seconds": ("histogram", {"model", "backend"}),
    "gateway_overhead_seconds": ("histogram", {"endpoint"}),
    "gateway_queue_wait_seconds": ("histogram", {"model"}),
    "gateway_tokens": ("counter", {"model", "backend", "type"}),
    "gateway_model_load_seconds": ("histogram", {"model", "backend", "kind"}),
    "gateway_model_transitions": ("counter", {"model", "from", "to"}),
    "gateway_backend_restarts": ("counter", {"model", "reason"}),
    "gateway_fallback": ("counter", {"model", "reason", "to"}),
    "gateway_event_loop_lag_seconds": ("histogram", set()),
    "gateway_config_reload_success": ("gauge", set()),
    "gateway_config_reload_timestamp_seconds": ("gauge", set()),
    "gateway_build_info": ("gauge", {"version"}),
    "gateway_inflight_requests": ("gauge", {"model"}),
    "gateway_queued_requests": ("gauge", {"model"}),
    "gateway_open_streams": ("gauge", {"model"}),
    "gateway_model_demand": ("gauge", {"model"}),
    "gateway_backend_up": ("gauge", {"model", "backend"}),
    "gateway_engine_running_requests": ("gauge", {"model", "variant"}),
    "gateway_engine_waiting_requests": ("gauge", {"model", "variant"}),
    "gateway_engine_cache_usage_ratio": ("gauge", {"model", "variant"}),
    "gateway_engine_slots": ("gauge", {"model", "variant"}),
    "gateway_model_phase": ("gauge", {"model", "phase"}),
    "gateway_jobs": ("counter", {"kind", "outcome"}),
    "gateway_jobs_duration_seconds": ("histogram", {"kind"}),
    "gateway_job_lease_lost": ("counter", {"kind"}),
    "gateway_jobs_queue_depth": ("gauge", {"kind"}),
    "gateway_jobs_running": ("gauge", {"kind"}),
    "gateway_jobs_oldest_age_seconds": ("gauge", {"kind"}),
    "gateway_artifact_bytes": ("gauge", {"kind"}),
    "gateway_memory_bytes": ("gauge", {"device", "kind"}),
    "gateway_cloud_spent_dollars": ("counter", {"model", "provider"}),
    "gateway_cloud_unknown": ("counter", {"model", "provider"}),
    "gateway_provider_resting": ("gauge", {"model", "provider"}),
}

LABELS = ("endpoint", "model", "backend", "outcome", "type")


def filled() -> Metrics:
    """Every metric with one series."""
    metrics = Metrics("1.2.3")
    metrics.observe(lambda: ((name, tuple("x" for _ in labels), 1.0) for name, (_, labels) in OBSERVED.items()))
    for metric in vars(metrics).values():
        names = getattr(metric, "_labelnames", ())
        if names and metric is not metrics.build_info:
            metric.labels(*("x" for _ in names))
    return metrics


def families(metrics: Metrics):
    return {family.name: family for family in text_string_to_metric_families(metrics.expose().decode())}


def test_the_promised_metrics_are_there_with_their_types_and_labels():
    found = families(filled())
    shown = {
        name: (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
        for name, family in found.items()
        if name.startswith("gateway_")
    }
    assert shown == PROMISED


def test_every_metric_explains_itself_and_none_is_a_creation_time():
    found = families(filled())
    assert not [name for name, family in found.items() if not family.documentation]
    assert not [name for name in found if name.endswith("_created")]
    assert "process_cpu_seconds" in found


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Label values, in the order of ``LABELS``, to value."""
    return {
        tuple(sample.labels[label] for label in LABELS if label in sample.labels): sample.value
        for family in families(metrics).values()
        for sample in family.samples
        if sample.name == name
    }


def served(**fields: object) -> Exchange:
    exchange = Exchange("req_1", "POST", "/v1/chat/completions", 100.0)
    exchange.endpoint = "/v1/chat/completions"
    exchange.model, exchange.backend = "m", "llamacpp"
    for name, value in fields.items():
        setattr(exchange, name, value)
    return exchange


def test_a_stream_is_counted_with_its_times_and_tokens():
    metrics = Metrics("1")
    recorder = Recorder(metrics)
    exchange = served(
        stream=True, sent_upstream=101.5, waited=1.0, first_event=103.0, last_event=105.0, events=5, tokens_in=10,
        tokens_out=4, tokens_cached=6, tokens_reasoning=2,
    )  # fmt: skip
    recorder.finished(exchange, 106.0)
    at = ("/v1/chat/completions", "m", "llamacpp")
    assert samples(metrics, "gateway_requests_total") == {(*at, "ok"): 1}
    assert samples(metrics, "gateway_request_duration_seconds_sum") == {at: 6.0}
    assert samples(metrics, "gateway_overhead_seconds_sum") == {at[:1]: 0.5}, "waiting for a lease is not overhead"
    assert samples(metrics, "gateway_time_to_first_token_seconds_sum") == {at[1:]: 3.0}
    assert samples(metrics, "gateway_inter_token_latency_seconds_sum") == {at[1:]: 0.5}
    counted = {labels[-1]: value for labels, value in samples(metrics, "gateway_tokens_total").items()}
    assert counted == {"input": 10, "output": 4, "cached": 6, "reasoning": 2}


def test_a_plain_answer_has_no_first_token_and_a_single_event_no_gap():
    metrics = Metrics("1")
    recorder = Recorder(metrics)
    recorder.finished(served(first_event=103.0, last_event=103.0, events=1), 104.0)
    assert set(samples(metrics, "gateway_time_to_first_token_seconds_count").values()) == {0}
    recorder.finished(served(stream=True, first_event=103.0, last_event=103.0, events=1), 104.0)
    assert set(samples(metrics, "gateway_time_to_first_token_seconds_count").values()) == {1}
    assert set(samples(metrics, "gateway_inter_token_latency_seconds_count").values()) == {0}


@pytest.mark.parametrize("outcome", ["client_error", "rate_limited", "cancelled", "timeout", "upstream_error"])
def test_each_outcome_has_its_own_count(outcome):
    metrics = Metrics("1")
    recorder = Recorder(metrics)
    for _ in range(3):
        recorder.finished(served(outcome=outcome), 101.0)
    recorder.finished(served(), 101.0)
    assert {k[-1]: v for k, v in samples(metrics, "gateway_requests_total").items()} == {outcome: 3, "ok": 1}


def test_open_streams_go_up_and_down():
    recorder = Recorder(Metrics("1"))
    recorder.stream_opened("m")
    recorder.stream_opened("m")
    recorder.stream_closed("m")
    assert recorder.open_streams == {"m": 1}
    recorder.stream_closed("m")
    assert recorder.open_streams["m"] == 0


def test_a_request_that_named_no_model_of_ours_adds_no_series():
    metrics = Metrics("1")
    recorder = Recorder(metrics)
    for number in range(50):
        recorder.finished(Exchange(f"req_{number}", "GET", f"/made-up/{number}", 1.0), 2.0)
    assert samples(metrics, "gateway_requests_total") == {("other", "_unknown", "none", "ok"): 50}


def test_fifty_models_stay_within_the_budget_of_series():
    metrics = Metrics("1")
    recorder = Recorder(metrics)
    for number in range(50):
        for endpoint in ("/v1/chat/completions", "/v1/completions"):
            for outcome in ("ok", "client_error", "rate_limited", "overloaded", "timeout", "upstream_error"):
                exchange = served(endpoint=endpoint, model=f"m{number}", outcome=outcome, stream=True, tokens_in=1)
                recorder.finished(exchange, 101.0)
    lines = [line for line in metrics.expose().splitlines() if not line.startswith(b"#")]
    assert len(lines) < 15_000
