"""What vLLM says of itself: its metrics, as far as a gateway reads them and some that it does not. Standard library."""

BUSY = (
    "The engine is currently busy and cannot accept new requests. "
    "Please try again later or on a different instance."
)  # fmt: skip
"""With 503, when as many wait in it as it lets wait."""

_TEXT = """\
# HELP python_gc_objects_collected_total Objects collected during gc
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{{generation="0"}} 12345.0
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="{model}"}} {running:.1f}
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="{model}"}} {waiting:.1f}
# HELP vllm:num_requests_waiting_by_reason Number of waiting requests by reason.
# TYPE vllm:num_requests_waiting_by_reason gauge
vllm:num_requests_waiting_by_reason{{engine="0",model_name="{model}",reason="capacity"}} {waiting:.1f}
vllm:num_requests_waiting_by_reason{{engine="0",model_name="{model}",reason="deferred"}} 0.0
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{{engine="0",model_name="{model}"}} {usage}
# HELP vllm:iteration_tokens_total Histogram of number of tokens per engine_step.
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_bucket{{engine="0",le="1.0",model_name="{model}"}} 3.0
vllm:iteration_tokens_total_bucket{{engine="0",le="+Inf",model_name="{model}"}} 9.0
vllm:iteration_tokens_total_count{{engine="0",model_name="{model}"}} 9.0
vllm:iteration_tokens_total_sum{{engine="0",model_name="{model}"}} 64.0
# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{{block_size="128",cache_dtype="auto",engine="0",gpu_memory_utilization="0.92",\
kv_cache_max_concurrency="{concurrency}",kv_cache_size_tokens="{tokens}",num_gpu_blocks="256"}} 1.0
"""


def vllm_metrics(running=0, waiting=0, usage=0.0, model="m", tokens=32768, concurrency=8.0):
    """Prometheus' text format, of an engine with so many requests running and waiting."""
    return _TEXT.format(
        running=running, waiting=waiting, usage=usage, model=model, tokens=tokens, concurrency=concurrency
    ).encode()
