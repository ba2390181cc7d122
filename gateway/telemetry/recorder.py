"""Turns finished exchanges into metrics. Instruments are bound to their labels once: labels are closed sets."""

from gateway.telemetry.exchange import Exchange
from gateway.telemetry.instruments import Count, Distribution
from gateway.telemetry.metrics import Metrics


class _Served:
    """The instruments of one (endpoint, model, backend)."""

    __slots__ = (
        "cached",
        "duration",
        "first_token",
        "input",
        "outcomes",
        "output",
        "overhead",
        "reasoning",
        "token_gap",
    )

    def __init__(self, metrics: Metrics, endpoint: str, model: str, backend: str) -> None:
        self.duration: Distribution = metrics.duration.labels(endpoint, model, backend)
        self.first_token: Distribution = metrics.first_token.labels(model, backend)
        self.token_gap: Distribution = metrics.token_gap.labels(model, backend)
        self.overhead: Distribution = metrics.overhead.labels(endpoint)
        self.outcomes: dict[str, Count] = {}
        self.input = metrics.tokens.labels(model, backend, "input")
        self.output = metrics.tokens.labels(model, backend, "output")
        self.cached = metrics.tokens.labels(model, backend, "cached")
        self.reasoning = metrics.tokens.labels(model, backend, "reasoning")


class Recorder:
    """One per process; ``finished`` is called once for every exchange."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._served: dict[tuple[str, str, str], _Served] = {}
        self.open_streams: dict[str, int] = {}

    def stream_opened(self, model: str) -> None:
        """Counts a stream being relayed."""
        self.open_streams[model] = self.open_streams.get(model, 0) + 1

    def stream_closed(self, model: str) -> None:
        """The stream has ended, however it did."""
        self.open_streams[model] -= 1

    def finished(self, exchange: Exchange, now: float) -> None:
        """Counts ``exchange``; ``now`` is ``perf_counter`` seconds."""
        at = (exchange.endpoint, exchange.model, exchange.backend)
        served = self._served.get(at)
        if served is None:
            served = self._served[at] = _Served(self._metrics, *at)
        outcome = served.outcomes.get(exchange.outcome)
        if outcome is None:
            outcome = served.outcomes[exchange.outcome] = self._metrics.requests.labels(*at, exchange.outcome)
        outcome.inc()
        served.duration.observe(now - exchange.started)
        if exchange.sent_upstream:
            served.overhead.observe(exchange.sent_upstream - exchange.started - exchange.waited)
        if exchange.first_event and exchange.stream:
            served.first_token.observe(exchange.first_event - exchange.started)
            if exchange.events > 1:
                served.token_gap.observe((exchange.last_event - exchange.first_event) / (exchange.events - 1))
        if exchange.tokens_out or exchange.tokens_in:
            served.input.inc(exchange.tokens_in)
            served.output.inc(exchange.tokens_out)
            if exchange.tokens_cached:
                served.cached.inc(exchange.tokens_cached)
            if exchange.tokens_reasoning:
                served.reasoning.inc(exchange.tokens_reasoning)
