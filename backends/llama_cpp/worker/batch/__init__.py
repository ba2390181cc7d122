"""Continuous batching on llama-cpp-python's low-level API: one thread owns the context, requests join at any step."""
