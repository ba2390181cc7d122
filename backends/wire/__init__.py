"""Shapes of the public APIs, envelopes and SSE. No behaviour beyond encoding and decoding."""
