"""Waits and swaps of the scheduler on seeded traces, beside what llama-swap and Ollama do by default."""
